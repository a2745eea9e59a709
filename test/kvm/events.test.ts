import { describe, expect, test } from 'vitest';
import { setBit } from '../../src/arch/bits256.js';
import { ExitReason } from '../../src/arch/exit-reason.js';
import { call } from '../../src/engine/frames.js';
import { arm } from '../../src/engine/requests.js';
import { type Routine, shared } from '../../src/engine/routine.js';
import { sendNmis, wakeupSecondaryCpuViaInit } from '../../src/guest/bring-up.js';
import { busyLoop, haltLoop } from '../../src/guest/smp.js';
import { testVector } from '../../src/guest/vmexit.js';
import { addTimer, TimerKind } from '../../src/hardware/timer-uses.js';
import { addTask } from '../../src/host/create-host.js';
import { currentTask, TaskState } from '../../src/host/machine.js';
import { schedule } from '../../src/host/schedule.js';
import { ApicvInhibit, kvmSetOrClearApicvInhibit } from '../../src/kvm/apicv.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { kvmIoapicSetIrq, writeRedirection } from '../../src/kvm/ioapic.js';
import { kvm, MpState, VcpuRequest, vcpuOf } from '../../src/kvm/machine.js';
import { vmxPiStartBypass } from '../../src/kvm/pi-load-put.js';
import { kvmIrqDeliveryToApic } from '../../src/kvm/send-ipi.js';
import type { SystemMachine } from '../../src/scenarios/system-machine.js';
import { build, run } from './lab.js';

const { program, stage, glue } = kvm;

// What a host thread does to a VM: one thing, some time after the beginning, and again.

const hostLocals = () => ({ what: 0, vm: 0, a: 0, b: 0, times: 1, timer: 0 });

const hostThread = program('test_host_thread', hostLocals, [
  stage('pause', 'emulateCpuid', shared, () => {}, { work: () => 60_000 }),
  stage('act', 'emulateCpuid', shared, (m, cpu, f) => {
    if (f.what === 0) {
      const irq = call(m, cpu, kvmIrqDeliveryToApic);
      irq.low = f.a;
      irq.destination = f.b;
    } else if (f.what === 1) {
      const inhibit = call(m, cpu, kvmSetOrClearApicvInhibit);
      inhibit.mask = f.a;
      inhibit.set = f.times % 2;
    } else if (f.what === 2) {
      const line = call(m, cpu, kvmIoapicSetIrq);
      line.pin = f.a;
      line.level = 1;
    } else if (f.what === 3) {
      call(m, cpu, vmxPiStartBypass);
    } else {
      arm(m, f.timer, 1000);
    }
  }),
  glue('again', (_m, _cpu, f) => (f.times-- > 1 ? 'pause' : undefined), { to: ['pause'] }),
  stage('exit', 'emulateCpuid', shared, (m, cpu) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
    call(m, cpu, schedule);
  }),
]);

function addHostThread(machine: SystemMachine, what: number, operands: Partial<ReturnType<typeof hostLocals>>): void {
  const task = addTask(machine, hostThread as unknown as Routine, { allowed: [2] });
  const frame = machine.threads[machine.tasks[task]?.thread ?? -1]?.[0];
  Object.assign(frame?.locals ?? {}, operands, { what });
}

const ways = [
  ['without APICv', { apicv: false }],
  ['with APICv', { ipiVirtualization: false }],
  ['with IPI virtualization', {}],
] as const;

describe.each(ways)('%s', (_name, features) => {
  test.each(['xapic', 'x2apic'] as const)('INIT and SIPI start another processor (%s)', (apicMode) => {
    const built = build({ vms: [{ apicMode, features }] });
    const { machine } = built;
    vcpuOf(machine, 1).mpState = MpState.uninitialized;
    startGuest(machine, vcpuOf(machine, 0), wakeupSecondaryCpuViaInit).target = 1;
    run(built);
    expect(vcpuOf(machine, 1).mpState).toBe(MpState.runnable);
    expect(vcpuOf(machine, 1).sipiVector).toBe(8);
    expect(machine.guests[0]?.handled).toBe(1);
    // The second SIPI is lost: the program was started once, and is all that is there.
    expect(machine.threads[vcpuOf(machine, 1).thread]).toHaveLength(1);
  });

  test('an NMI interrupts a program that has interrupts off, and a halted one', () => {
    for (const idle of [busyLoop, haltLoop]) {
      const built = build({}, features);
      const { machine } = built;
      startGuest(machine, vcpuOf(machine, 1), idle);
      vcpuOf(machine, 1).interruptFlag = 0;
      startGuest(machine, vcpuOf(machine, 0), sendNmis).target = 1;
      const { delivered } = run(built);
      expect(delivered['1:2']).toBe(1);
      expect(vcpuOf(machine, 1).interruptibility & 8).toBe(0);
      expect(vcpuOf(machine, 1).interruptFlag).toBe(0);
    }
  });

  test('of many NMIs at once two are kept at most: one that is handled, one behind it', () => {
    const built = build({}, features);
    const { machine } = built;
    startGuest(machine, vcpuOf(machine, 1), busyLoop);
    const source = startGuest(machine, vcpuOf(machine, 0), sendNmis);
    source.target = 1;
    source.count = 6;
    const { delivered } = run(built);
    expect(delivered['1:2']).toBeGreaterThanOrEqual(2);
    expect(delivered['1:2']).toBeLessThanOrEqual(6);
    expect(vcpuOf(machine, 1).nmiPending + vcpuOf(machine, 1).nmiQueued).toBe(0);
  });

  test.each([
    ['running', busyLoop],
    ['halted', haltLoop],
  ])('a message of a device reaches a virtual CPU that is %s', (_state, idle) => {
    const built = build({}, features);
    startGuest(built.machine, vcpuOf(built.machine, 1), idle);
    addHostThread(built.machine, 0, { a: 0x4000 | testVector, b: 1, times: 8 });
    expect(run(built).delivered[`1:${testVector}`]).toBe(8);
  });

  test('of NMIs that come while one is injected anew, because its entry was called off, one is kept', () => {
    const built = build({}, features);
    const { machine } = built;
    const target = vcpuOf(machine, 1);
    startGuest(machine, target, busyLoop);
    Object.assign(target, { injected: 0x8000_0202, nmiQueued: 2 });
    target.requests |= VcpuRequest.nmi | VcpuRequest.event;
    expect(run(built).delivered).toEqual({ '1:2': 2 });
  });

  test('an NMI comes before an interrupt that is pending as well', () => {
    const built = build({}, features);
    const { machine } = built;
    const target = vcpuOf(machine, 1);
    startGuest(machine, target, busyLoop);
    setBit(target.page.irr, testVector);
    target.irrPending = 1;
    if (!('apicv' in features)) target.vmcs.guestInterruptStatus = testVector;
    target.nmiPending = 1;
    target.requests |= VcpuRequest.event;
    expect(run(built).records['delivered']?.filter(([vcpu]) => vcpu === 1)).toEqual([
      [1, 2],
      [1, testVector],
    ]);
  });

  test('NMIs of the host exit, are handled by the host, and are nothing to the guest', () => {
    const nmis = { what: 'nmi' as const, perSecond: 10_000, handlerNs: 500, processors: [1] };
    const built = build({ host: { cStates: ['C1'], interrupts: [nmis] } }, features);
    startGuest(built.machine, vcpuOf(built.machine, 1), busyLoop);
    const { exits, records, delivered } = run(built);
    expect(exits[ExitReason.ExceptionNmi]).toBeGreaterThanOrEqual(8);
    expect(records['inject-exception']).toBeUndefined();
    expect(records['exception']).toBeUndefined();
    expect(delivered).toEqual({});
  });

  test('a level-triggered line fires again after each EOI, which KVM sees', () => {
    const built = build({}, features);
    const { machine } = built;
    startGuest(machine, vcpuOf(machine, 1), busyLoop);
    const pin = machine.vms[0]?.ioapic[5];
    if (pin !== undefined) pin.resample = 1;
    writeRedirection(machine, 0, 5, 0x8000 | testVector, 1);
    addHostThread(machine, 2, { a: 5, times: 6 });
    const { delivered, exits } = run(built);
    expect(delivered[`1:${testVector}`]).toBe(6);
    expect(pin).toMatchObject({ remoteIrr: 0, line: 0 });
    const seen = exits[ExitReason.EoiInduced] ?? 0;
    // With APICv the EOI-exit bitmap brings the EOI to KVM; without it every EOI is emulated anyway.
    expect(seen).toBe('apicv' in features ? 0 : 6);
  });
});

describe('APICv inhibited and allowed again while interrupts come', () => {
  test.each(Object.keys(ApicvInhibit) as (keyof typeof ApicvInhibit)[])('%s', (reason) => {
    const built = build();
    const { machine } = built;
    startGuest(machine, vcpuOf(machine, 1), haltLoop);
    startGuest(machine, vcpuOf(machine, 0), busyLoop);
    addHostThread(machine, 1, { a: ApicvInhibit[reason], times: 5 });
    addHostThread(machine, 0, { a: 0x4000 | testVector, b: 1, times: 20 });
    const { delivered } = run(built, 6_000_000);
    expect(delivered[`1:${testVector}`]).toBe(20);
    // Set by the last of five: inactive at the end.
    expect(machine.vcpus.map(({ apicvActive }) => apicvActive)).toEqual([0, 0]);
  });
});

describe("a device's interrupt that the IOMMU posts", () => {
  test.each([
    ['running', busyLoop, 0],
    ['polling', haltLoop, 200_000],
    ['asleep', haltLoop, 0],
  ] as const)('reaches a virtual CPU that is %s', (_state, idle, haltPollNs) => {
    const built = build({ host: { haltPollNs, cStates: ['C1'] }, vms: [{ features: { ipiVirtualization: false } }] });
    const { machine } = built;
    startGuest(machine, vcpuOf(machine, 1), idle);
    const timer = addTimer(machine, {
      kind: TimerKind.postedDevice,
      owner: vcpuOf(machine, 1).pid,
      vector: testVector,
    });
    // The device is attached while the virtual CPU sleeps already: it has to be woken once to sleep with its wakeup vector.
    addHostThread(machine, 3, {});
    addHostThread(machine, 4, { timer, times: 8 });
    const { delivered, exits } = run(built, 3_000_000);
    expect(delivered[`1:${testVector}`]).toBe(8);
    // A running one takes it without an exit; attaching the device kicks each of the two once.
    if (idle === busyLoop) expect(exits).toEqual({ [ExitReason.ExternalInterrupt]: 2 });
  });
});
