import { describe, expect, test } from 'vitest';
import { call } from '../../src/engine/frames.js';
import { shared } from '../../src/engine/routine.js';
import { apicIcrWrite } from '../../src/guest/apic-driver.js';
import { guestSmiHandler, sendSmi } from '../../src/guest/bring-up.js';
import { guest } from '../../src/guest/machine.js';
import { busyLoop, haltLoop } from '../../src/guest/smp.js';
import { testVector } from '../../src/guest/vmexit.js';
import { AfterFault } from '../../src/hardware/exceptions.js';
import { rsm } from '../../src/hardware/instructions.js';
import { setHandler } from '../../src/hardware/interrupt-table.js';
import { hardware } from '../../src/hardware/machine.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { MpState, VcpuRequest, vcpuOf } from '../../src/kvm/machine.js';
import { smiHandler } from '../../src/kvm/smm.js';
import { runScenario } from '../../src/scenarios/run.js';
import { build, run } from './lab.js';

const { program, stage, glue } = guest;

const ways = [
  ['without APICv', { apicv: false }],
  ['with APICv', { ipiVirtualization: false }],
  ['with IPI virtualization', {}],
] as const;

/** An SMI, and while its handler runs what the operands say, by the ICR. */
const sendAfterSmi = program('test_send_after_smi', () => ({ first: 0, second: 0 }), [
  glue('smi', (m, cpu) => apicIcrWrite(m, cpu, 0x4200, 1)),
  stage('wait', 'guestLoop', shared, () => {}, { work: () => 20_000 }),
  glue('first', (m, cpu, f) => (f.first === 0 ? undefined : apicIcrWrite(m, cpu, f.first, 1))),
  glue('second', (m, cpu, f) => (f.second === 0 ? undefined : apicIcrWrite(m, cpu, f.second, 1))),
]);

/** An SMI handler that takes its time. */
const longSmiHandler = program('test_long_smi', () => ({}), [
  stage('work', 'guestLoop', shared, () => {}, { work: () => 200_000 }),
  glue('rsm', (m, cpu) => {
    call(m, cpu, rsm);
  }),
]);

function machineWith(handler: { entry: number }, features: object) {
  const built = build({}, features);
  for (const vcpu of built.machine.vcpus) setHandler(vcpu.guestInterrupts, smiHandler, handler.entry);
  return built;
}

describe.each(ways)('an SMI by the ICR, %s', (_name, features) => {
  test.each([
    ['that runs', busyLoop, 1],
    ['that has interrupts off', busyLoop, 0],
    ['that is halted', haltLoop, 1],
    // NMI and SMI wake it, an interrupt would not.
    ['that is halted with interrupts off', haltLoop, 0],
  ] as const)('is handled by a virtual CPU %s, which goes on as it was', (_what, idle, interruptFlag) => {
    const built = machineWith(guestSmiHandler, features);
    const { machine } = built;
    const target = vcpuOf(machine, 1);
    target.interruptFlag = interruptFlag;
    startGuest(machine, target, idle);
    startGuest(machine, vcpuOf(machine, 0), sendSmi).target = 1;
    const { records } = run(built);
    expect(machine.guests[0]?.handled).toBe(1);
    expect(records['smm-transition']).toEqual([
      [1, 1],
      [1, 0],
    ]);
    expect(target.interruptFlag).toBe(interruptFlag);
    expect(target.interruptibility & 8).toBe(0);
    expect(target.mpState).toBe(idle === haltLoop ? MpState.halted : MpState.runnable);
  });

  test('masks interrupts and NMIs until RSM', () => {
    const built = machineWith(longSmiHandler, features);
    const { machine } = built;
    startGuest(machine, vcpuOf(machine, 1), busyLoop);
    Object.assign(startGuest(machine, vcpuOf(machine, 0), sendAfterSmi), {
      first: 0x4000 | testVector,
      second: 0x4400,
    });
    const inSmm = run(built, 150_000);
    expect(vcpuOf(machine, 1).smm).toBe(1);
    expect(inSmm.delivered).toEqual({});
    const after = run(built, 1_000_000);
    expect(vcpuOf(machine, 1).smm).toBe(0);
    expect(after.delivered).toEqual({ '1:2': 1, [`1:${testVector}`]: 1 });
  });

  test('one more is kept while it is handled, not two', () => {
    const built = machineWith(longSmiHandler, features);
    const { machine } = built;
    startGuest(machine, vcpuOf(machine, 1), busyLoop);
    Object.assign(startGuest(machine, vcpuOf(machine, 0), sendAfterSmi), { first: 0x4200, second: 0x4200 });
    const { records } = run(built);
    expect(records['smm-transition']?.map(([, entering]) => entering)).toEqual([1, 0, 1, 0]);
  });

  test('keeps INIT waiting', () => {
    const built = machineWith(longSmiHandler, features);
    const { machine } = built;
    startGuest(machine, vcpuOf(machine, 1), busyLoop);
    Object.assign(startGuest(machine, vcpuOf(machine, 0), sendAfterSmi), { first: 0xc500 });
    run(built, 150_000);
    expect(vcpuOf(machine, 1).mpState).toBe(MpState.runnable);
    run(built, 1_000_000);
    expect(vcpuOf(machine, 1).mpState).toBe(MpState.initReceived);
  });
});

// Without the VMX-preemption timer, with it, and with it in use for a deadline that is far away.
test.each([0, 1, 2])(
  'an SMI that finds an event to be delivered first comes right behind it (preemption timer: %d)',
  (uses) => {
    const timer = Math.min(uses, 1);
    const built = machineWith(guestSmiHandler, {});
    const { machine } = built;
    const target = vcpuOf(machine, 1);
    for (const vm of machine.vms) vm.preemptionTimer = timer;
    if (uses === 2) {
      Object.assign(target.lapicTimer, { deadline: 1e9, hvInUse: 1 });
      target.vmcs.pinBasedControls |= 0x40;
    }
    // The NMI was acknowledged, but its entry was called off.
    target.injected = 0x8000_0202;
    target.requests |= VcpuRequest.event | VcpuRequest.smi;
    startGuest(machine, target, busyLoop);
    const { records, delivered, exits } = run(built);
    expect(delivered).toEqual({ '1:2': 1 });
    expect(records['smm-transition']).toHaveLength(2);
    // The exit that brings it back, and RSM.
    expect(exits).toEqual(timer === 1 ? { 52: 1, 0: 1 } : { 1: 1, 0: 1 });
    expect(target.vmcs.pinBasedControls & 0x40).toBe(uses === 2 ? 0x40 : 0);
  },
);

const rsmOutside = program('test_rsm_outside', () => ({}), [
  glue('rsm', (m, cpu) => {
    call(m, cpu, rsm);
  }),
]);
const skipIt = hardware.program('test_ud', () => ({}), [glue('skip', () => AfterFault.skip) as never]);

test('RSM outside of system-management mode is #UD', () => {
  const built = build();
  const { machine } = built;
  setHandler(vcpuOf(machine, 0).guestInterrupts, 6, skipIt.entry);
  startGuest(machine, vcpuOf(machine, 0), rsmOutside);
  const { records, exits } = run(built);
  expect(exits).toEqual({ 0: 1 });
  expect(records['inject-exception']).toEqual([[6, 0]]);
  expect(records['exception']).toEqual([[0, 6]]);
});

describe('SMIs as a workload: exits for each', () => {
  const exitsOf = (targetIdle: 'loop' | 'hlt', features: object, profile = 'sapphire-rapids') => {
    const [variant] = runScenario({
      profile: { base: profile, set: { guestLoop: 60_000 } },
      topology: { coresPerSocket: 3 },
      vms: [{ features }],
      workload: { kind: 'smi', targetIdle, iterations: 10, warmup: 2 },
    }).variants;
    return Object.fromEntries((variant?.exits ?? []).map(({ reason, count }) => [reason, count / 10]));
  };

  test.each([
    // The write of ICR, the kick, and RSM, which is #UD outside of the processor's own system-management mode.
    [{}, { APIC_WRITE: 1, EXTERNAL_INTERRUPT: 1, EXCEPTION_NMI: 1 }],
    [{ apicv: false }, { MSR_WRITE: 1, EXTERNAL_INTERRUPT: 1, EXCEPTION_NMI: 1 }],
  ] as const)('to a virtual CPU that runs, %j', (features, exits) => {
    expect(exitsOf('loop', features)).toEqual(exits);
  });

  test('to one that halts: no kick, unless it is not back in HLT when the next one comes', () => {
    const { HLT = 0, EXTERNAL_INTERRUPT = 0, ...rest } = exitsOf('hlt', {});
    expect(rest).toEqual({ APIC_WRITE: 1, EXCEPTION_NMI: 1 });
    expect(HLT).toBeGreaterThan(0);
    expect(HLT + EXTERNAL_INTERRUPT).toBe(1);
  });

  test('AMD processors intercept RSM', () => {
    expect(exitsOf('loop', {}, 'epyc')).toEqual({ MSR: 1, INTR: 1, RSM: 1 });
  });
});
