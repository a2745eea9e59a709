import { describe, expect, test } from 'vitest';
import { highestBit, setBit } from '../../src/arch/bits256.js';
import { ExitReason } from '../../src/arch/exit-reason.js';
import { svi } from '../../src/arch/guest-interrupt-status.js';
import { call } from '../../src/engine/frames.js';
import { observe } from '../../src/engine/requests.js';
import { local, notation, shared } from '../../src/engine/routine.js';
import { AfterFault } from '../../src/hardware/exceptions.js';
import { cli, vmresume } from '../../src/hardware/instructions.js';
import { setHandler } from '../../src/hardware/interrupt-table.js';
import { hardware, type LogicalProcessor } from '../../src/hardware/machine.js';
import { Record } from '../../src/hardware/records.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { type KvmVcpu, MpState, VcpuRequest, vcpuOf } from '../../src/kvm/machine.js';
import { createNestedGuest, type NestedGuest } from '../../src/kvm/nested/create-nested.js';
import { nestedOf } from '../../src/kvm/nested/guest-mode.js';
import { kvmApicSendIpi } from '../../src/kvm/send-ipi.js';
import type { BuiltMachine } from '../../src/scenarios/build.js';
import { addHostTask, type ModelMachine } from '../../src/testing/models/model-machine.js';
import { endInterruptOfL1, exitToL0, hypervisor, postToL2 } from '../../src/testing/models/nested-programs.js';
import { exitThenSpin, halt, handler, injector, spin } from '../../src/testing/models/programs.js';
import { type Act, addHostActs } from './host-thread.js';
import { build, type Observed, run } from './lab.js';

const vectorForL2 = 0x41;
const vectorForL1 = 0x51;
const notification = 0x71;

const withApicv = { apicv: true, ipiVirtualization: false };
const withIpiVirtualization = { apicv: true, ipiVirtualization: true };
const withoutApicv = { apicv: false };

interface Nested extends BuiltMachine {
  readonly l1: KvmVcpu;
  readonly l2: KvmVcpu;
}

/** Virtual CPU 0 is a hypervisor with a guest that runs `program`; virtual CPU 1 runs on its own. */
function nestedMachine(program: Parameters<typeof startGuest>[2], features: object, guest: NestedGuest = {}): Nested {
  const built = build({}, features);
  const { machine } = built;
  const l1 = vcpuOf(machine, 0);
  const l2 = createNestedGuest(machine, l1, { notificationVector: notification, ...guest }, built.lines);
  for (const vcpu of machine.vcpus) {
    for (const vector of [vectorForL2, vectorForL1, notification])
      setHandler(vcpu.guestInterrupts, vector, handler.entry);
  }
  startGuest(machine, l1, hypervisor);
  startGuest(machine, l2, program);
  return { ...built, lines: built.lines + 1, l1, l2 };
}

const { program, stage, glue } = notation<ModelMachine, LogicalProcessor>();

/** Long enough for L2 to run, or to sleep. */
const wait = program('test_wait', () => ({ turns: 3000 }), [
  stage('turn', 'guestLoop', local, (_m, _cpu, f) => (f.turns-- > 0 ? 'turn' : undefined), { to: ['turn'] }),
]);
const postLater = program('test_post_later', () => ({ l2: 0 }), [
  glue('wait', (m, cpu) => {
    call(m, cpu, wait);
  }),
  glue('post', (m, cpu, f) => {
    Object.assign(call(m, cpu, postToL2), { l2: f.l2, first: vectorForL2, notification });
  }),
]);
const interruptLater = program('test_interrupt_later', () => ({ vector: 0 }), [
  glue('wait', (m, cpu) => {
    call(m, cpu, wait);
  }),
  glue('inject', (m, cpu, f) => {
    call(m, cpu, injector).first = f.vector;
  }),
]);

/** The sibling posts to L2. */
function withPost(nested: Nested): Nested {
  startGuest(nested.machine, vcpuOf(nested.machine, 1), postLater).l2 = nested.l2.id;
  return nested;
}

/** A task of the host on processor 2 interrupts L1. */
function withInterruptForL1(nested: Nested, vector = vectorForL1): Nested {
  startGuest(nested.machine, vcpuOf(nested.machine, 1), spin);
  addHostTask(nested.machine as never, 2, interruptLater).vector = vector;
  return nested;
}

const exitsToL1 = ({ records }: Observed) => records['nested-vmexit-inject'] ?? [];
const externalInterrupt = (vector: number) => [ExitReason.ExternalInterrupt, (0x8000_0000 | vector) >>> 0];

describe('what L1 posts for L2', () => {
  test('comes to a running L2 without any exit of it: its processor has the descriptor and the nested vector', () => {
    const { l2, ...nested } = withPost(nestedMachine(spin, withApicv));
    const observed = run(nested);
    expect(observed.delivered).toEqual({ [`${l2.id}:${vectorForL2}`]: 1 });
    expect(exitsToL1(observed)).toEqual([]);
    // VMRESUME, and the sibling's write of ICR.
    expect(observed.exits).toEqual({ [ExitReason.Vmresume]: 1, [ExitReason.MsrWrite]: 1 });
  });

  test('by IPI virtualization its notification is posted to L1: L2 exits to KVM, and goes on with its interrupt', () => {
    const { l2, ...nested } = withPost(nestedMachine(spin, withIpiVirtualization));
    const observed = run(nested);
    expect(observed.delivered).toEqual({ [`${l2.id}:${vectorForL2}`]: 1 });
    expect(observed.records['nested-notification-taken']).toEqual([[0, notification]]);
    expect(exitsToL1(observed)).toEqual([]);
    expect(observed.exits).toEqual({ [ExitReason.Vmresume]: 1, [ExitReason.ExternalInterrupt]: 1 });
  });

  test('without APICv the notification kicks L2 out', () => {
    const { l2, ...nested } = withPost(nestedMachine(spin, withoutApicv));
    const observed = run(nested);
    expect(observed.delivered[`${l2.id}:${vectorForL2}`]).toBe(1);
    expect(exitsToL1(observed)).toEqual([]);
  });

  test.each([
    ['by IPI virtualization', withIpiVirtualization],
    ['without APICv', withoutApicv],
  ])('is notified each time, because each processing clears ON (%s)', (_name, features) => {
    const { l2, ...nested } = nestedMachine(spin, features);
    const { machine } = nested;
    startGuest(machine, vcpuOf(machine, 1), spin);
    const post =
      (vector: number): Act =>
      (m, cpu) => {
        const descriptor = m.memory.descriptors[l2.pid];
        if (descriptor === undefined) return;
        observe(m, Record.posted, l2.id, vector);
        setBit(descriptor.pir, vector);
        if (descriptor.on === 1) return;
        descriptor.on = 1;
        Object.assign(call(m, cpu, kvmApicSendIpi), { low: 0x4000 | notification });
      };
    addHostActs(machine, [post(vectorForL2), post(vectorForL2 + 0x10), post(vectorForL2 + 0x20)], 150_000);
    for (const vector of [0x10, 0x20]) setHandler(l2.guestInterrupts, vectorForL2 + vector, handler.entry);
    const { delivered } = run(nested);
    for (const vector of [0, 0x10, 0x20]) expect(delivered[`${l2.id}:${vectorForL2 + vector}`]).toBe(1);
  });

  test('wakes a halted L2', () => {
    const { l2, ...nested } = withPost(nestedMachine(halt, withApicv));
    const observed = run(nested);
    expect(observed.delivered).toEqual({ [`${l2.id}:${vectorForL2}`]: 1 });
    expect(observed.exits[ExitReason.Hlt]).toBe(2);
    expect(exitsToL1(observed)).toEqual([]);
  });

  test('is seen by L1 itself if it was posted before L2 was entered', () => {
    const { l2, machine, ...nested } = nestedMachine(spin, withApicv);
    startGuest(machine, vcpuOf(machine, 1), spin);
    const descriptor = machine.memory.descriptors[l2.pid];
    if (descriptor !== undefined) Object.assign(descriptor, { on: 1 });
    setBit(descriptor?.pir ?? [], vectorForL2);
    const observed = run({ ...nested, machine });
    expect(observed.delivered).toEqual({ [`${l2.id}:${vectorForL2}`]: 1 });
  });
});

describe('an interrupt for L1 makes L2 exit', () => {
  test.each([
    ['with APICv', withApicv],
    ['without', withoutApicv],
  ])('acknowledged, %s', (_name, features) => {
    const nested = withInterruptForL1(nestedMachine(spin, features));
    const observed = run(nested);
    expect(exitsToL1(observed)).toEqual([externalInterrupt(vectorForL1)]);
    expect(observed.records['nested-acknowledge']).toEqual([[0, vectorForL1]]);
    // L1 has handled it, and is in L2 again.
    expect(nested.l1.guestMode).toBe(1);
    expect(svi(nested.l1.vmcs)).toBe(0);
  });

  test('out of its sleep, and vmcs12 says that it was halted', () => {
    const nested = withInterruptForL1(nestedMachine(halt, withApicv));
    const observed = run(nested);
    expect(exitsToL1(observed)).toEqual([externalInterrupt(vectorForL1)]);
    expect(nestedOf(nested.machine, nested.l1).activity12).toBe(1);
  });

  test('unless its vector is the notification: then L2 stays', () => {
    const nested = withInterruptForL1(nestedMachine(spin, withApicv), notification);
    const observed = run(nested);
    expect(observed.records['nested-notification']).toEqual([[0, notification]]);
    expect(exitsToL1(observed)).toEqual([]);
  });
});

describe('exits of L2', () => {
  test('CPUID is for L1: an exit of L2, an exit of L1 by VMRESUME', () => {
    const nested = nestedMachine(exitThenSpin, withApicv);
    startGuest(nested.machine, vcpuOf(nested.machine, 1), spin);
    const observed = run(nested);
    expect(exitsToL1(observed)).toEqual([[ExitReason.Cpuid, 0]]);
    expect(observed.exits).toEqual({ [ExitReason.Cpuid]: 1, [ExitReason.Vmresume]: 2 });
  });

  test('a register of the APIC that nothing virtualizes, and L1 does not want to see, is for KVM', () => {
    const nested = nestedMachine(exitToL0, withApicv);
    startGuest(nested.machine, vcpuOf(nested.machine, 1), spin);
    const observed = run(nested);
    expect(exitsToL1(observed)).toEqual([]);
    expect(observed.exits).toEqual({ [ExitReason.MsrWrite]: 1, [ExitReason.Vmresume]: 1 });
  });

  test('HLT is for L1 if it wants that', () => {
    const nested = nestedMachine(halt, withApicv, { exitsOnHlt: true });
    startGuest(nested.machine, vcpuOf(nested.machine, 1), spin);
    const observed = run(nested, 100_000);
    expect(exitsToL1(observed)[0]).toEqual([ExitReason.Hlt, 0]);
  });

  test('an EOI of an L2 with L1\u2019s APIC ends L1\u2019s interrupt, and SVI follows when L1 runs again', () => {
    const nested = nestedMachine(endInterruptOfL1, withApicv, { apicv: false, exitsOnInterrupt: false });
    const { l1, machine } = nested;
    startGuest(machine, vcpuOf(machine, 1), spin);
    setBit(l1.page.isr, vectorForL1);
    l1.page.ppr = vectorForL1 & 0xf0;
    l1.vmcs.guestInterruptStatus = vectorForL1 << 8;
    addHostTask(machine as never, 2, interruptLater).vector = vectorForL2;
    const observed = run(nested);
    expect(svi(l1.vmcs)).toBe(0);
    // What L1 had in service is over, so the lower one comes: to L2, which has L1's APIC.
    expect(observed.records['eoi']?.[0]).toEqual([0, vectorForL1]);
    expect(observed.delivered[`${nested.l2.id}:${vectorForL2}`]).toBe(1);
  });
});

/** A hypervisor that does not look at what it has posted: it was posted behind its last look, and before VMRESUME. */
const enterAtOnce = program('test_enter_at_once', () => ({}), [
  stage('cli', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('vmresume', (m, cpu) => {
    call(m, cpu, vmresume);
  }),
]);
const leaveOut = hardware.program('test_leave_out', () => ({}), [glue('skip', () => AfterFault.skip) as never]);

describe('VMRESUME', () => {
  test('is #UD in a guest that has no VMX', () => {
    const built = build();
    const { machine } = built;
    setHandler(vcpuOf(machine, 0).guestInterrupts, 6, leaveOut.entry);
    startGuest(machine, vcpuOf(machine, 0), enterAtOnce);
    const { exits, records } = run(built);
    expect(exits).toEqual({ [ExitReason.Vmresume]: 1 });
    expect(records['exception']).toEqual([[0, 6]]);
    expect(records['nested-vmenter']).toBeUndefined();
  });

  test.each([
    ['with APICv', withApicv, vectorForL2],
    ['without', withoutApicv, vectorForL2],
  ])(
    'with a notification in IRR already: it is processed like one that comes to L2, without an exit of L2 (%s)',
    (_name, features, vector) => {
      const nested = nestedMachine(spin, features);
      const { machine, l1, l2 } = nested;
      startGuest(machine, vcpuOf(machine, 1), spin);
      startGuest(machine, l1, enterAtOnce);
      const descriptor = machine.memory.descriptors[l2.pid];
      Object.assign(descriptor ?? {}, { on: 1 });
      setBit(descriptor?.pir ?? [], vector);
      setBit(l1.page.irr, notification);
      l1.irrPending = 1;
      l1.interruptFlag = 0;
      if (features.apicv) l1.vmcs.guestInterruptStatus = notification;
      const observed = run(nested);
      expect(observed.delivered).toEqual({ [`${l2.id}:${vector}`]: 1 });
      expect(observed.records['nested-notification-taken']).toEqual([[0, notification]]);
      expect(exitsToL1(observed)).toEqual([]);
      expect(highestBit(l1.page.irr)).toBe(-1);
      expect(descriptor?.on).toBe(0);
      expect(observed.exits).toEqual({ [ExitReason.Vmresume]: 1 });
    },
  );

  test('with L2 in HLT state: it sleeps until something is posted for it', () => {
    const nested = nestedMachine(exitThenSpin, withApicv);
    const { machine, l1, l2 } = nested;
    startGuest(machine, l1, hypervisor).halted = 1;
    startGuest(machine, vcpuOf(machine, 1), postLater).l2 = l2.id;
    const asleep = run(nested, 50_000);
    expect(asleep.exits).toEqual({ [ExitReason.Vmresume]: 1 });
    expect(l1.mpState).toBe(MpState.halted);
    const awake = run(nested);
    expect(awake.delivered).toEqual({ [`${l2.id}:${vectorForL2}`]: 1 });
    // Its first instruction is behind the interrupt: CPUID, which is L1's.
    expect(exitsToL1(awake)).toEqual([[ExitReason.Cpuid, 0]]);
  });

  test('with an NMI for L1 that has to wait for the entry: L2 is entered, and exits with it', () => {
    const nested = nestedMachine(spin, withApicv);
    const { machine, l1, l2 } = nested;
    startGuest(machine, vcpuOf(machine, 1), spin);
    startGuest(machine, l1, enterAtOnce);
    // L1 is in its handler of an NMI, and the next one waits.
    l1.interruptibility = 8;
    l1.nmiPending = 1;
    l1.requests |= VcpuRequest.event;
    const observed = run(nested);
    expect(exitsToL1(observed)[0]).toEqual([ExitReason.ExceptionNmi, 0x8000_0202]);
    expect(observed.delivered[`${l2.id}:2`]).toBeUndefined();
    expect(observed.records['nested-vmenter']?.[0]).toEqual([0, 0]);
  });
});
