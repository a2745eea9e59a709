import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { x2apicLdr } from '../../src/arch/destination.js';
import { fastTargets, matchesVcpu, recalculateApicMap } from '../../src/kvm/apic-map.js';
import { ApicvInhibit, idInhibits } from '../../src/kvm/apicv.js';
import { type KvmMachine, type KvmVm, LogicalMode, vcpuOf } from '../../src/kvm/machine.js';
import { buildMachine } from '../../src/scenarios/build.js';
import { parseScenario } from '../../src/scenarios/schema.js';

const logical = 0x800;
const lowestPriority = 0x100;
const selfShorthand = 0x4_0000;
const allButSelf = 0xc_0000;

function machineOf(apicMode: 'xapic' | 'x2apic', vcpus: number): KvmMachine {
  const { machine } = buildMachine(
    parseScenario({
      topology: { coresPerSocket: vcpus },
      vms: [{ vcpus, apicMode }],
      workload: { kind: 'vmexit', test: 'cpuid' },
    }),
  );
  return machine;
}

const vmOf = (machine: KvmMachine): KvmVm => machine.vms[0] as KvmVm;
const fast = (machine: KvmMachine, low: number, destination: number, source = 0): number[] | undefined =>
  fastTargets(machine, vmOf(machine), { source, low, destination });

describe('a look-up in the map', () => {
  const machine = machineOf('x2apic', 20);

  test('finds a physical destination, and for an ID nobody has nobody', () => {
    expect(fast(machine, 0x30, 7)).toEqual([7]);
    expect(fast(machine, 0x30, 99)).toEqual([]);
  });

  test('finds the members of an x2APIC cluster', () => {
    expect(fast(machine, logical | 0x30, x2apicLdr(17))).toEqual([17]);
    expect(fast(machine, logical | 0x30, 0x1_000f)).toEqual([16, 17, 18, 19]);
  });

  test('gives a self-IPI to the sender', () => {
    expect(fast(machine, selfShorthand | 0x30, 0, 5)).toEqual([5]);
  });

  test('cannot tell other shorthands and broadcasts: those need a walk over all', () => {
    expect(fast(machine, allButSelf | 0x30, 0)).toBeUndefined();
    expect(fast(machine, 0x30, 0xffff_ffff)).toBeUndefined();
  });

  test('FFH is an ordinary ID for a sender in x2APIC mode, a broadcast for one in xAPIC mode', () => {
    expect(fast(machine, 0x30, 0xff)).toEqual([]);
    expect(fast(machineOf('xapic', 2), 0x30, 0xff)).toBeUndefined();
  });

  test('leaves one receiver of a lowest-priority message, by the vector', () => {
    const members = 0x000f;
    for (const vector of [0x30, 0x31, 0x32, 0x33]) {
      expect(fast(machine, logical | lowestPriority | vector, members)).toEqual([vector % 4]);
    }
  });

  test('without vector hashing by turns: who has had the fewest, the first of equals', () => {
    const own = machineOf('x2apic', 3);
    vmOf(own).vectorHashing = 0;
    const next = () => fast(own, logical | lowestPriority | 0x30, 0x7)?.[0] ?? -1;
    const order: number[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const chosen = next();
      order.push(chosen);
      vcpuOf(own, chosen).arbitration++;
    }
    expect(order).toEqual([0, 1, 2, 0, 1, 2]);
    // A disabled APIC takes no part.
    vcpuOf(own, 0).page.svr = 0xff;
    expect(next()).toBe(1);
  });
});

describe('the map', () => {
  test('knows flat logical IDs', () => {
    const machine = machineOf('xapic', 3);
    [1, 2, 4].forEach((ldr, vcpu) => {
      vcpuOf(machine, vcpu).page.ldr = (ldr << 24) >>> 0;
    });
    recalculateApicMap(machine, vmOf(machine));
    expect(vmOf(machine).logicalMode).toBe(LogicalMode.flat);
    expect(fast(machine, logical | 0x30, 0b101)).toEqual([0, 2]);
  });

  test('gives up where models are mixed, or an ID has two bits', () => {
    const machine = machineOf('xapic', 2);
    vcpuOf(machine, 0).page.ldr = 0x0300_0000;
    recalculateApicMap(machine, vmOf(machine));
    expect(vmOf(machine).logicalMode).toBe(LogicalMode.mapDisabled);
    expect(fast(machine, logical | 0x30, 1)).toBeUndefined();
  });

  test('finds whom the walk would find, wherever it can tell', () => {
    const machine = machineOf('x2apic', 20);
    const icr = fc.record({
      low: fc.constantFrom(0x30, logical | 0x30, selfShorthand | 0x30),
      destination: fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 0x3_ffff })),
      source: fc.nat(19),
    });
    fc.assert(
      fc.property(icr, (message) => {
        const targets = fastTargets(machine, vmOf(machine), message);
        const walked = vmOf(machine).vcpus.filter((id) => matchesVcpu(machine, message, vcpuOf(machine, id)));
        expect(targets).toEqual(walked);
      }),
    );
  });
});

describe('reasons against APICv that follow from the IDs', () => {
  test('are none at first, one for an ID that was changed, another for two that are alike', () => {
    const machine = machineOf('xapic', 3);
    expect(idInhibits(machine, vmOf(machine))).toBe(0);
    vcpuOf(machine, 2).page.id = 0x0700_0000;
    expect(idInhibits(machine, vmOf(machine))).toBe(ApicvInhibit.apicIdModified);
    vcpuOf(machine, 2).page.id = 0x0100_0000;
    expect(idInhibits(machine, vmOf(machine))).toBe(ApicvInhibit.apicIdModified | ApicvInhibit.physicalIdAliased);
  });
});
