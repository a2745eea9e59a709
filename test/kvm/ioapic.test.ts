import { describe, expect, test } from 'vitest';
import { call } from '../../src/engine/frames.js';
import { busyLoop } from '../../src/guest/smp.js';
import { testIsr, testVector } from '../../src/guest/vmexit.js';
import { setHandler } from '../../src/hardware/interrupt-table.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { ioapicWriteIndirect, kvmIoapicSetIrq, writeRedirection } from '../../src/kvm/ioapic.js';
import { type IoapicPin, type KvmVcpu, vcpuOf } from '../../src/kvm/machine.js';
import { kvmIrqDeliveryToApic } from '../../src/kvm/send-ipi.js';
import type { SystemMachine } from '../../src/scenarios/system-machine.js';
import { type Act, addHostActs } from './host-thread.js';
import { build, run } from './lab.js';

const level = 0x8000;
const masked = 0x1_0000;
const other = testVector - 0x10;

const setLine =
  (pin: number, value = 1): Act =>
  (m, cpu) => {
    Object.assign(call(m, cpu, kvmIoapicSetIrq), { pin, level: value });
  };
/** A guest writes a redirection entry: vector, and who gets it. */
const write =
  (pin: number, low: number, destination: number): Act =>
  (m, cpu) => {
    Object.assign(call(m, cpu, ioapicWriteIndirect), { pin, low, destination });
  };

function machineOf(features: object, more: object = {}) {
  const built = build({ ...more, vms: [{ features }] });
  const { machine } = built;
  for (const vcpu of machine.vcpus) {
    setHandler(vcpu.guestInterrupts, other, testIsr.entry);
    startGuest(machine, vcpu, busyLoop);
  }
  return built;
}

function pinOf(machine: SystemMachine, pin: number): IoapicPin {
  return machine.vms[0]?.ioapic[pin] as IoapicPin;
}

function intercepts({ vmcs }: KvmVcpu, vector: number): boolean {
  const words = [vmcs.eoiExitBitmap0, vmcs.eoiExitBitmap1, vmcs.eoiExitBitmap2, vmcs.eoiExitBitmap3].flat();
  return (((words[vector >> 5] as number) >>> (vector & 31)) & 1) === 1;
}

describe.each([
  ['without APICv', { apicv: false }],
  ['with APICv', { ipiVirtualization: false }],
])('a redirection entry that a guest writes, %s', (_name, features) => {
  test('fires at once if it is level-triggered and its line asserted', () => {
    const built = machineOf(features);
    const { machine } = built;
    writeRedirection(machine, 0, 5, masked | level | testVector, 1);
    pinOf(machine, 5).resample = 1;
    addHostActs(machine, [setLine(5), write(5, level | testVector, 1)]);
    expect(run(built).delivered).toEqual({ [`1:${testVector}`]: 1 });
    expect(pinOf(machine, 5)).toMatchObject({ line: 0, remoteIrr: 0 });
  });

  test('and not if it is edge-triggered: the rise was before', () => {
    const built = machineOf(features);
    writeRedirection(built.machine, 0, 5, masked | testVector, 1);
    addHostActs(built.machine, [setLine(5), write(5, testVector, 1)]);
    expect(run(built).delivered).toEqual({});
  });

  test('has its EOI seen where it goes now, and no longer where it went', () => {
    const built = machineOf(features);
    const { machine } = built;
    writeRedirection(machine, 0, 5, level | testVector, 0);
    addHostActs(machine, [write(5, level | testVector, 1)]);
    run(built, 40_000);
    expect(machine.vcpus.map((vcpu) => intercepts(vcpu, testVector))).toEqual([true, false]);
    run(built, 400_000);
    expect(machine.vcpus.map((vcpu) => intercepts(vcpu, testVector))).toEqual([false, true]);
  });

  test('leaves those alone that it does not concern', () => {
    const built = build({ topology: { coresPerSocket: 4 }, vms: [{ vcpus: 3, features }] });
    const { machine } = built;
    for (const vcpu of machine.vcpus) startGuest(machine, vcpu, busyLoop);
    writeRedirection(machine, 0, 5, level | testVector, 0);
    addHostActs(machine, [write(5, level | testVector, 1)], 60_000, 3);
    const { exits } = run(built);
    // Whose EOIs are to be seen, and whose no longer, is kicked; the third is not.
    expect(exits).toEqual({ 1: 2 });
    expect(machine.vcpus.map((vcpu) => intercepts(vcpu, testVector))).toEqual([false, true, false]);
  });
});

describe('an EOI', () => {
  test('ends the interrupts of all pins that have its vector', () => {
    const built = machineOf({ apicv: false });
    const { machine } = built;
    for (const pin of [5, 6, 7]) {
      writeRedirection(machine, 0, pin, level | testVector, 1);
      // The first stays asserted: its device does not care.
      if (pin > 5) pinOf(machine, pin).resample = 1;
    }
    addHostActs(
      machine,
      [5, 6, 7].map((pin) => setLine(pin)),
      1000,
    );
    run(built);
    expect(pinOf(machine, 5).line).toBe(1);
    for (const pin of [6, 7]) expect(pinOf(machine, pin)).toMatchObject({ line: 0, remoteIrr: 0 });
  });

  test('of a virtual CPU that does not get the vector from the I/O APIC ends nothing there', () => {
    const built = machineOf({ apicv: false });
    const { machine } = built;
    writeRedirection(machine, 0, 5, level | testVector, 1);
    // Its interrupt waits: interrupts are off. Meanwhile a device sends the other one the same vector, level-triggered.
    vcpuOf(machine, 1).interruptFlag = 0;
    addHostActs(machine, [
      setLine(5),
      (m, cpu) => {
        Object.assign(call(m, cpu, kvmIrqDeliveryToApic), { low: 0xc000 | testVector, destination: 0 });
      },
    ]);
    const { delivered, records } = run(built);
    expect(delivered).toEqual({ [`0:${testVector}`]: 1 });
    expect(records['eoi']).toEqual([[0, testVector]]);
    // Nor is the pin served again.
    expect(records['accept-irq']?.map(([vcpu]) => vcpu)).toEqual([1, 0]);
    expect(pinOf(machine, 5)).toMatchObject({ line: 1, remoteIrr: 1 });
  });
});

test('lines that no handler quiets: held back after so many EOIs in a row, and delivered again later, all of them', () => {
  const built = machineOf({ apicv: false });
  const { machine } = built;
  for (const vm of machine.vms) vm.successiveIrqMax = 4;
  writeRedirection(machine, 0, 5, level | testVector, 1);
  writeRedirection(machine, 0, 6, level | other, 0);
  addHostActs(machine, [setLine(5), setLine(6)]);
  const [{ cyclesPerMicrosecond = 0 } = {}] = machine.vms;
  // Four times in a row, and again after 10 ms.
  expect(run(built, 15_000 * cyclesPerMicrosecond).delivered).toEqual({ [`1:${testVector}`]: 8, [`0:${other}`]: 8 });
});
