import { describe, expect, test } from 'vitest';
import { ExitReason } from '../../src/arch/exit-reason.js';
import { SvmExit, svmExitBase } from '../../src/arch/svm-exit-code.js';
import { call } from '../../src/engine/frames.js';
import { type Routine, shared } from '../../src/engine/routine.js';
import { guest } from '../../src/guest/machine.js';
import { busyLoop, haltLoop } from '../../src/guest/smp.js';
import { testVector } from '../../src/guest/vmexit.js';
import { apicPageRead, apicPageWrite } from '../../src/hardware/apic-page-access.js';
import { movFromCr8Instruction, movToCr8Instruction } from '../../src/hardware/instructions.js';
import { rdmsr, wrmsr } from '../../src/hardware/wrmsr.js';
import { addTask } from '../../src/host/create-host.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { kvm, vcpuOf } from '../../src/kvm/machine.js';
import { kvmIrqDeliveryToApic } from '../../src/kvm/send-ipi.js';
import type { SystemMachine } from '../../src/scenarios/system-machine.js';
import { build, run } from './lab.js';

const { program, stage, glue } = guest;

const exit = (name: keyof typeof SvmExit) => svmExitBase + SvmExit[name];

function amd(apicMode: 'xapic' | 'x2apic', avic: boolean, more: object = {}) {
  return build({ profile: 'epyc', vms: [{ apicMode, features: { avic } }], ...more });
}

/** A task of the host injects an interrupt into virtual CPU 1, some time after the beginning. */
const device = kvm.program('test_svm_device', () => ({ times: 1 }), [
  kvm.stage('pause', 'emulateCpuid', shared, () => {}, { work: () => 60_000 }),
  kvm.stage('inject', 'emulateCpuid', shared, (m, cpu) => {
    const irq = call(m, cpu, kvmIrqDeliveryToApic);
    irq.low = 0x4000 | testVector;
    irq.destination = 1;
  }),
  kvm.glue('again', (_m, _cpu, f) => (f.times-- > 1 ? 'pause' : undefined), { to: ['pause'] }),
]);

function withDevice(machine: SystemMachine, times: number): void {
  const task = addTask(machine, device as unknown as Routine, { allowed: [2] });
  Object.assign(machine.threads[machine.tasks[task]?.thread ?? -1]?.[0]?.locals ?? {}, { times });
}

describe('an interrupt of a device for a guest with AVIC', () => {
  test('comes by the doorbell while the guest runs, without an exit', () => {
    const built = amd('x2apic', true);
    startGuest(built.machine, vcpuOf(built.machine, 1), busyLoop);
    withDevice(built.machine, 5);
    const { delivered, exits } = run(built);
    expect(delivered).toEqual({ [`1:${testVector}`]: 5 });
    expect(exits).toEqual({});
  });

  test('wakes a guest that sleeps: no exit but its HLTs', () => {
    const built = amd('x2apic', true, { host: { cStates: ['C1'], haltPollNs: 0 } });
    startGuest(built.machine, vcpuOf(built.machine, 1), haltLoop);
    withDevice(built.machine, 5);
    const { delivered, exits } = run(built);
    expect(delivered).toEqual({ [`1:${testVector}`]: 5 });
    expect(exits).toEqual({ [exit('HLT')]: 6 });
  });

  test('kicks the guest out to have it injected while AVIC is inhibited', () => {
    const inhibited = { apicMode: 'x2apic', features: { avic: true }, apicvInhibits: [{ reason: 'blockIrq' }] };
    const built = amd('x2apic', true, { vms: [inhibited] });
    const { machine } = built;
    startGuest(machine, vcpuOf(machine, 1), busyLoop);
    withDevice(machine, 5);
    const { delivered, exits } = run(built);
    expect(delivered).toEqual({ [`1:${testVector}`]: 5 });
    expect(exits[exit('INTR')]).toBe(5);
  });
});

const toOthers = program('test_to_others', () => ({ low: 0, high: 0, after: 0 }), [
  stage('wait', 'guestLoop', shared, () => {}, { work: () => 200_000 }),
  glue('wrmsr-icr', (m, cpu, f) => {
    Object.assign(call(m, cpu, wrmsr), { msr: 0x830, low: f.low, high: f.high });
  }),
  stage('behind', 'guestStores', shared, (_m, _cpu, f) => {
    f.after = 1;
  }),
  stage('idle', 'guestLoop', shared, () => {}, { work: () => 1_000_000_000 }),
]);

describe('an IPI of a guest with AVIC to some that sleep', () => {
  test.each([
    ['to all but self', 0xc_4000, 0, [1, 2, 3]],
    ['logical, to two of a cluster', 0x4800, 0b1010, [1, 3]],
    ['logical, to one', 0x4800, 0b0100, [2]],
  ] as const)('wakes each of them, with one exit of the sender: %s', (_what, low, high, expected) => {
    const built = amd('x2apic', true, {
      topology: { coresPerSocket: 5 },
      host: { cStates: ['C1'], haltPollNs: 0 },
      vms: [{ vcpus: 4, apicMode: 'x2apic', features: { avic: true } }],
    });
    const { machine } = built;
    for (const vcpu of machine.vcpus.slice(1)) startGuest(machine, vcpuOf(machine, vcpu.id), haltLoop);
    const locals = startGuest(machine, vcpuOf(machine, 0), toOthers);
    Object.assign(locals, { low: low | testVector, high });
    const { delivered, exits } = run(built);
    expect(delivered).toEqual(Object.fromEntries(expected.map((vcpu) => [`${vcpu}:${testVector}`, 1])));
    expect(exits[exit('AVIC_INCOMPLETE_IPI')]).toBe(1);
    expect(locals.after).toBe(1);
  });
});

/** Writes and reads TPR, by CR8 or by its register, in either order. */
const priority = program('test_priority', () => ({ byCr8: 0, cr8: -1, register: -1 }), [
  glue('write', (m, cpu, f) => {
    if (f.byCr8 === 1) call(m, cpu, movToCr8Instruction).value = 9;
    else Object.assign(call(m, cpu, wrmsr), { msr: 0x808, low: 0x90 });
  }),
  glue('mov-from-cr8', (m, cpu) => {
    call(m, cpu, movFromCr8Instruction);
  }),
  stage('keep-cr8', 'guestStores', shared, (_m, _cpu, f, value) => {
    f.cr8 = value;
  }),
  glue('rdmsr', (m, cpu) => {
    call(m, cpu, rdmsr).msr = 0x808;
  }),
  stage('keep-register', 'guestStores', shared, (_m, _cpu, f, value) => {
    f.register = value;
  }),
  stage('idle', 'guestLoop', shared, () => {}, { work: () => 1_000_000_000 }),
]);

describe('TPR is one, in CR8 and in the register of the local APIC', () => {
  test.each([
    ['the register, without AVIC', false, 0],
    ['CR8, without AVIC', false, 1],
    ['the register, with AVIC', true, 0],
    ['CR8, with AVIC', true, 1],
  ] as const)('written by %s', (_name, avic, byCr8) => {
    const built = amd('x2apic', avic);
    const locals = startGuest(built.machine, vcpuOf(built.machine, 0), priority);
    locals.byCr8 = byCr8;
    run(built);
    expect(locals).toMatchObject({ cr8: 9, register: 0x90 });
  });
});

const LVT_TIMER = 0x320;
const INITIAL_COUNT = 0x380;
const CURRENT_COUNT = 0x390;

/** Starts a periodic timer by its registers, waits a while and looks at the count. */
const timer = program('test_avic_timer', () => ({ x2apic: 0, step: 0, count: -1 }), [
  glue('access', (m, cpu, f) => {
    const [offset, value] = [
      [LVT_TIMER, 0x2_0000 | testVector],
      [INITIAL_COUNT, 200_000],
      [CURRENT_COUNT, 0],
    ][f.step] as [number, number];
    const read = offset === CURRENT_COUNT;
    if (f.x2apic === 0) {
      Object.assign(call(m, cpu, read ? apicPageRead : apicPageWrite), read ? { offset } : { offset, value });
    } else {
      const msr = 0x800 + (offset >> 4);
      Object.assign(call(m, cpu, read ? rdmsr : wrmsr), read ? { msr } : { msr, low: value });
    }
  }),
  stage(
    'keep',
    'guestStores',
    shared,
    (_m, _cpu, f, value) => {
      f.count = value;
      return ++f.step < 3 ? 'access' : undefined;
    },
    { to: ['access'] },
  ),
  stage('idle', 'guestLoop', shared, () => {}, { work: () => 1_000_000_000 }),
]);

describe('registers that AVIC leaves to software', () => {
  test.each(['xapic', 'x2apic'] as const)('the APIC timer is programmed, runs and is read (%s)', (apicMode) => {
    const built = amd(apicMode, true);
    const locals = startGuest(built.machine, vcpuOf(built.machine, 0), timer);
    locals.x2apic = apicMode === 'x2apic' ? 1 : 0;
    const { delivered, exits } = run(built, 3_000_000);
    expect(locals.count).toBeGreaterThan(0);
    expect(locals.count).toBeLessThan(200_000);
    expect(delivered[`0:${testVector}`]).toBeGreaterThan(1);
    expect(exits[ExitReason.ApicWrite] ?? 0).toBe(0);
  });
});
