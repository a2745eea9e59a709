import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkVmEntry,
  createLocalApic,
  highestBit,
  icrReservedHighXapic,
  icrReservedLow,
  messageOfIcr,
  writeX2apic,
} from '../../src/arch/index.js';
import { createRun } from '../../src/scenarios/run.js';
import { parseMachine, parseScenario } from '../../src/scenarios/schema.js';
import { arbitraries, runCase } from '../../src/testing/index.js';
import { runs } from '../runs.js';

const any = arbitraries(fc);

describe('an ICR value', () => {
  test.each(['xapic', 'x2apic'] as const)('in %s mode has reserved bits exactly if it says so', (mode) => {
    fc.assert(
      fc.property(any.icr({ mode }), ({ low, high, validity }) => {
        expect((low & icrReservedLow) !== 0).toBe(validity === 'reserved');
        if (mode === 'xapic') expect(high & icrReservedHighXapic).toBe(0);
      }),
    );
  });

  test('that is valid sends a message; one with reserved bits faults and changes nothing', () => {
    fc.assert(
      fc.property(any.icr(), any.localApic({ id: 1 }), ({ low, high, validity }, apic) => {
        const before = structuredClone(apic);
        const outcome = writeX2apic(apic, 0x830, low, high);
        if (validity === 'reserved') {
          expect(outcome.kind).toBe('fault');
          expect(apic).toEqual(before);
        } else if (validity === 'valid') {
          expect(messageOfIcr(low, high, true)).toBeDefined();
          expect(outcome.kind).toBe('ipi');
        } else {
          expect(outcome.kind).not.toBe('fault');
        }
      }),
    );
  });
});

describe('states', () => {
  test('of a virtual CPU have RVI and SVI as VM entry finds them, and one vector of a class in service at most', () => {
    fc.assert(
      fc.property(any.virtualProcessor(), ({ vmcs, page }) => {
        expect(vmcs.guestInterruptStatus).toBe(
          Math.max(0, highestBit(page.irr)) | (Math.max(0, highestBit(page.isr)) << 8),
        );
        for (let index = 0; index < 256; index += 16) {
          const sixteen = ((page.isr[index >> 5] ?? 0) >>> (index & 31)) & 0xffff;
          expect(sixteen & (sixteen - 1)).toBe(0);
        }
      }),
    );
  });

  test('of a descriptor are announced unless suppressed, if they are consistent', () => {
    fc.assert(
      fc.property(any.descriptor(), ({ pir, on, sn }) => {
        if (highestBit(pir) >= 0 && sn === 0) expect(on).toBe(1);
      }),
    );
    expect(
      fc
        .sample(any.descriptor({ consistent: false }), 200)
        .some(({ pir, on, sn }) => highestBit(pir) >= 0 && on + sn === 0),
    ).toBe(true);
  });

  test('of a local APIC have the ID and version of one', () => {
    fc.assert(
      fc.property(any.localApic({ mode: 'xapic', id: 3 }), ({ initialId, registers }) => {
        expect([initialId, registers.id, registers.version]).toEqual([
          3,
          0x0300_0000,
          createLocalApic(3).registers.version,
        ]);
      }),
    );
  });
});

describe('a VMCS', () => {
  test('passes VM entry', () => {
    fc.assert(
      fc.property(any.vmcs(), ({ vmcs, context }) => {
        expect(checkVmEntry(vmcs, context)).toEqual([]);
      }),
    );
  });

  test('or breaks exactly the rule that it names', () => {
    fc.assert(
      fc.property(any.brokenVmcs(), ({ vmcs, context, rule, area }) => {
        const failures = checkVmEntry(vmcs, context);
        expect([...new Set(failures.map((failure) => `${failure.area} ${failure.rule}`))]).toEqual([`${area} ${rule}`]);
      }),
    );
  });
});

describe('machines and runs', () => {
  test('are ones that can be built', () => {
    fc.assert(
      fc.property(any.machine(), (input) => createRun(parseMachine(input)).state.machine.vcpus.length > 0),
      runs(50),
    );
  });

  test('scenarios run, and traces have events in order', () => {
    fc.assert(
      fc.property(any.scenario(), (input) => {
        const run = createRun(parseScenario(input));
        run.run({ time: 1e8 });
        expect(run.state.observers.iterations.length).toBe(parseScenario(input).workload.iterations);
      }),
      runs(20),
    );
    fc.assert(
      fc.property(any.trace(), ({ events }) => {
        expect(events.length).toBeGreaterThan(0);
        expect(events.map(({ time }) => time)).toEqual(events.map(({ time }) => time).toSorted((a, b) => a - b));
      }),
      runs(10),
    );
  });

  test('cases are plain data: their JSON runs the same', () => {
    fc.assert(
      fc.property(any.interruptCase(), (input) => {
        expect(runCase(JSON.parse(JSON.stringify(input)))).toEqual(runCase(input));
      }),
      runs(30),
    );
  });
});
