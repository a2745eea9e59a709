import { describe, expect, test } from 'vitest';
import { setBit, testBit } from '../../src/arch/bits256.js';
import { ExitReason } from '../../src/arch/exit-reason.js';
import { svi } from '../../src/arch/guest-interrupt-status.js';
import { call } from '../../src/engine/frames.js';
import { guest } from '../../src/guest/machine.js';
import { busyLoop } from '../../src/guest/smp.js';
import { testVector } from '../../src/guest/vmexit.js';
import { apicPageWrite } from '../../src/hardware/apic-page-access.js';
import { wrmsr } from '../../src/hardware/wrmsr.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { vcpuOf } from '../../src/kvm/machine.js';
import { kvmApicSendIpi, kvmIrqDeliveryToApic } from '../../src/kvm/send-ipi.js';
import { addHostActs } from './host-thread.js';
import { build, run } from './lab.js';

const { program, glue, until } = guest;

const fixed = 0x4000 | testVector;

/** Who accepts a message, in order, each time it does; `sends` by an ICR of virtual CPU 0 instead of by a device. */
function accepted(low: number, destination: number, sends = false, more: object = {}): number[] {
  const built = build({ topology: { coresPerSocket: 6 }, vms: [{ vcpus: 5, features: { apicv: false }, ...more }] });
  const { machine } = built;
  for (const vcpu of machine.vcpus) startGuest(machine, vcpu, busyLoop);
  addHostActs(
    machine,
    [
      (m, cpu) => {
        Object.assign(call(m, cpu, sends ? kvmApicSendIpi : kvmIrqDeliveryToApic), { low, destination });
        if (sends) Object.assign(m.threads[cpu.thread]?.at(-1)?.locals ?? {}, { source: 0 });
      },
    ],
    60_000,
    5,
  );
  return (run(built, 600_000).records['accept-irq'] ?? []).map(([vcpu]) => vcpu);
}

describe('each virtual CPU that a message is meant for accepts it once, and no other does', () => {
  test.each([
    ['physical', fixed, 3, [3]],
    ['physical, to nobody', fixed, 9, []],
    // A device knows no other broadcast than that of xAPIC mode.
    ['physical broadcast', fixed, 0xff, [0, 1, 2, 3, 4]],
    ['physical, to an ID that would be a broadcast of an IPI', fixed, 0xffff_ffff, []],
    ['logical, one of the cluster', fixed | 0x800, 0b0_0100, [2]],
    ['logical, some of the cluster', fixed | 0x800, 0b1_1010, [1, 3, 4]],
    ['logical, a cluster that there is not', fixed | 0x800, 0x5_0001, []],
  ] as const)('%s', (_what, low, destination, expected) => {
    expect(accepted(low, destination)).toEqual(expected);
  });

  test.each([
    ['to self', 0x4_0000, [0]],
    ['to all', 0x8_0000, [0, 1, 2, 3, 4]],
    ['to all but self', 0xc_0000, [1, 2, 3, 4]],
  ] as const)('by the shorthand %s', (_what, shorthand, expected) => {
    expect(accepted(fixed | shorthand, 0, true)).toEqual(expected);
  });

  test('an IPI knows no other than that of x2APIC mode', () => {
    expect(accepted(fixed, 0xffff_ffff, true)).toEqual([0, 1, 2, 3, 4]);
    expect(accepted(fixed, 0xff, true)).toEqual([]);
  });

  test('one of lowest priority goes to one, even if it is to all', () => {
    // By its vector, modulo how many there are (`vector_hashing`): 239 is 2 modulo 3, and 4 modulo 5.
    expect(accepted(fixed | 0x900, 0b1_1010)).toEqual([4]);
    expect(accepted(fixed | 0x900, 0b0_1011)).toEqual([3]);
    expect(accepted(fixed | 0x100, 0xff)).toEqual([4]);
  });

  test('an NMI is not fixed, and goes the same ways', () => {
    expect(accepted(0x4400 | 0x800, 0b0_0110)).toEqual([1, 2]);
  });
});

test('what is meant for a virtual CPU whose APIC is disabled is lost', () => {
  const built = build({ vms: [{ features: { apicv: false } }] });
  const { machine } = built;
  for (const vcpu of machine.vcpus) startGuest(machine, vcpu, busyLoop);
  vcpuOf(machine, 1).page.svr = 0xff;
  addHostActs(machine, [
    (m, cpu) => {
      Object.assign(call(m, cpu, kvmIrqDeliveryToApic), { low: fixed, destination: 1 });
    },
  ]);
  const { records, delivered } = run(built, 400_000);
  expect(records['accept-irq']).toHaveLength(1);
  expect(delivered).toEqual({});
});

const endNothing = program('test_end_nothing', () => ({ times: 0 }), [
  glue('eoi', (m, cpu, f) => {
    if (f.times-- > 0) call(m, cpu, wrmsr).msr = 0x80b;
  }),
  glue('again', (_m, _cpu, f) => (f.times > 0 ? 'eoi' : undefined), { to: ['eoi'] }),
  until('idle', 'guestLoop', () => false, { channel: () => -1 }),
]);

test('an EOI without anything in service is an exit, and makes KVM look for nothing', () => {
  const looks = (times: number) => {
    const built = build({ vms: [{ features: { apicv: false } }] });
    startGuest(built.machine, vcpuOf(built.machine, 0), endNothing).times = times;
    const { exits, stages, records } = run(built, 400_000);
    expect(exits[ExitReason.MsrWrite] ?? 0).toBe(times);
    expect(records['eoi'] ?? []).toHaveLength(times);
    return stages['kvm_check_and_inject_events.interrupt'];
  };
  expect(looks(4)).toBe(looks(0));
});

const store = program('test_store_icr', () => ({}), [
  glue('icr2', (m, cpu) => {
    Object.assign(call(m, cpu, apicPageWrite), { offset: 0x310, value: 1 << 24 });
  }),
  glue('icr', (m, cpu) => {
    Object.assign(call(m, cpu, apicPageWrite), { offset: 0x300, value: fixed });
  }),
  until('idle', 'guestLoop', () => false, { channel: () => -1 }),
]);

test('a store to ICR that IPI virtualization takes is posted once, and is nothing else', () => {
  const built = build({ vms: [{ apicMode: 'xapic', features: {} }] });
  const { machine } = built;
  startGuest(machine, vcpuOf(machine, 1), busyLoop);
  startGuest(machine, vcpuOf(machine, 0), store);
  const { stages, exits, delivered } = run(built, 400_000);
  expect(delivered).toEqual({ [`1:${testVector}`]: 1 });
  // The first access of the page maps it.
  expect(exits).toEqual({ [ExitReason.EptViolation]: 1 });
  expect(stages['ipi-virtualization.set-pir']).toBe(1);
  // The handler's.
  expect(stages['apic-page-write.eoi-virtualization']).toBe(1);
});

test('a virtualized EOI ends the highest that is in service, and no other', () => {
  const built = build();
  const vcpu = vcpuOf(built.machine, 0);
  startGuest(built.machine, vcpu, endNothing).times = 1;
  vcpu.interruptFlag = 0;
  for (const vector of [0x31, 0x51]) setBit(vcpu.page.isr, vector);
  vcpu.page.ppr = 0x50;
  vcpu.vmcs.guestInterruptStatus = 0x5100;
  const { exits } = run(built, 400_000);
  expect(exits).toEqual({});
  expect(testBit(vcpu.page.isr, 0x31)).toBe(true);
  expect(testBit(vcpu.page.isr, 0x51)).toBe(false);
  expect(svi(vcpu.vmcs)).toBe(0x31);
});
