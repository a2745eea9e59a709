import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ApicMemory,
  beginApicWrite,
  beginWrmsr,
  canDeliver,
  deliverVirtualInterrupt,
  enterApicVirtualization,
  eoiVirtualization,
  highestBit,
  ipiOf,
  ipiVirtualization,
  loadWord,
  movToCr8,
  type Outcome,
  postedInterruptProcessing,
  postInterrupt,
  type VirtualProcessor,
  virtualInterruptBoundary,
  virtualizeApicRead,
  virtualizeRdmsr,
} from '../../src/arch/index.js';
import { type ControlName, guestIn, memoryOf, vectorsOf, x2apicControls, xapicControls } from './guest.js';

/** One thing that a guest, another agent or the machine does. */
type Action =
  | { kind: 'self-ipi' | 'ipi' | 'post'; vector: number; to: number }
  | { kind: 'tpr'; value: number }
  | { kind: 'eoi' | 'notification' | 'boundary' | 'entry' };

const vector = fc.integer({ min: 16, max: 255 });
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('self-ipi' as const, 'ipi' as const, 'post' as const),
    vector,
    to: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({ kind: fc.constant('tpr' as const), value: fc.integer({ min: 0, max: 15 }) }),
  fc.record({ kind: fc.constantFrom('eoi' as const, 'notification' as const, 'boundary' as const, 'entry' as const) }),
);

function perform(p: VirtualProcessor, memory: ApicMemory, x2apic: boolean, what: Action): Outcome | undefined {
  const virtualIpi = (begun: Outcome | 'ipi-virtualization'): Outcome => {
    if (begun !== 'ipi-virtualization') return begun;
    const ipi = ipiOf(p.page, x2apic);
    return ipiVirtualization(p, memory, ipi.vector, ipi.destination);
  };
  switch (what.kind) {
    case 'self-ipi':
      return x2apic
        ? virtualIpi(beginWrmsr(p, 0x83f, what.vector, 0))
        : virtualIpi(beginApicWrite(p, 0x300, 4, 0x4_0000 | what.vector));
    case 'ipi':
      if (x2apic) return virtualIpi(beginWrmsr(p, 0x830, what.vector, what.to));
      beginApicWrite(p, 0x310, 4, what.to << 24);
      return virtualIpi(beginApicWrite(p, 0x300, 4, what.vector));
    case 'post':
      return postInterrupt(memory, what.to, what.vector);
    case 'tpr':
      return movToCr8(p, what.value, 0);
    case 'eoi':
      return x2apic ? virtualIpi(beginWrmsr(p, 0x80b, 0, 0)) : virtualIpi(beginApicWrite(p, 0x0b0, 4, 0));
    case 'notification':
      return postedInterruptProcessing(p, memory);
    case 'boundary':
      return virtualInterruptBoundary(p);
    case 'entry':
      return enterApicVirtualization(p);
  }
}

/** A guest in which RVI and SVI agree with VIRR and VISR, after any history. */
const history = fc.tuple(fc.boolean(), fc.array(action, { maxLength: 60 }));

function replay(
  x2apic: boolean,
  actions: readonly Action[],
  check: (p: VirtualProcessor, memory: ApicMemory, what: Action, before: VirtualProcessor) => void,
): void {
  const memory = memoryOf(3);
  const p = guestIn(memory, 1, x2apic ? x2apicControls : xapicControls);
  for (const what of actions) {
    const before = structuredClone(p);
    perform(p, memory, x2apic, what);
    check(p, memory, what, before);
  }
}

describe('laws of virtual interrupts, after any history', () => {
  it('RVI is the highest of VIRR, SVI the highest of VISR', () => {
    fc.assert(
      fc.property(history, ([x2apic, actions]) => {
        replay(x2apic, actions, (p) => {
          expect(p.vmcs.guestInterruptStatus & 0xff).toBe(Math.max(0, highestBit(p.page.irr)));
          expect(p.vmcs.guestInterruptStatus >> 8).toBe(Math.max(0, highestBit(p.page.isr)));
        });
      }),
    );
  });

  it('VPPR is never below the class of VTPR nor that of the highest vector in service', () => {
    fc.assert(
      fc.property(history, ([x2apic, actions]) => {
        replay(x2apic, actions, (p) => {
          const service = Math.max(0, highestBit(p.page.isr)) & 0xf0;
          expect(p.page.ppr & 0xf0).toBeGreaterThanOrEqual(service);
          expect(p.page.ppr & 0xf0).toBe(Math.max(service, p.page.tpr & 0xf0));
        });
      }),
    );
  });

  it('a recognized interrupt is above VPPR, and what is above VPPR is recognized', () => {
    fc.assert(
      fc.property(history, ([x2apic, actions]) => {
        replay(x2apic, actions, (p, _memory, what) => {
          // Delivery ends recognition and does not evaluate again.
          if (what.kind === 'boundary') return;
          const above = (p.vmcs.guestInterruptStatus & 0xf0) > (p.page.ppr & 0xf0);
          if (p.recognized === 1) expect(above).toBe(true);
          if (['tpr', 'eoi', 'self-ipi', 'notification', 'entry'].includes(what.kind))
            expect(p.recognized === 1).toBe(above);
        });
      }),
    );
  });

  it('a delivered vector was the highest of VIRR and above VPPR', () => {
    fc.assert(
      fc.property(history, ([x2apic, actions]) => {
        replay(x2apic, actions, (p, _memory, what, before) => {
          const taken = highestBit(p.page.isr);
          if (what.kind !== 'boundary' || before.recognized === 0) return;
          expect(taken).toBe(highestBit(before.page.irr));
          expect(taken >> 4).toBeGreaterThan(before.page.ppr >> 4);
        });
      }),
    );
  });

  it('EOI after delivery restores VPPR, VISR and SVI', () => {
    fc.assert(
      fc.property(history, ([x2apic, actions]) => {
        replay(x2apic, actions, (p) => {
          if (!canDeliver(p)) return;
          const copy = structuredClone(p);
          deliverVirtualInterrupt(copy);
          eoiVirtualization(copy);
          expect(copy.page.ppr).toBe(p.page.ppr);
          expect(copy.page.isr).toEqual(p.page.isr);
          expect(copy.vmcs.guestInterruptStatus >> 8).toBe(p.vmcs.guestInterruptStatus >> 8);
        });
      }),
    );
  });

  it('no vector is lost: it is in PIR, VIRR or VISR until its EOI', () => {
    fc.assert(
      fc.property(history, ([x2apic, actions]) => {
        const owed = new Set<number>();
        replay(x2apic, actions, (p, memory, what, before) => {
          if (what.kind === 'self-ipi') owed.add(what.vector);
          if ((what.kind === 'ipi' || what.kind === 'post') && what.to === 1) owed.add(what.vector);
          const held = new Set([
            ...vectorsOf(p.page.irr),
            ...vectorsOf(p.page.isr),
            ...vectorsOf(memory.descriptors[1]?.pir ?? []),
          ]);
          if (what.kind === 'eoi') {
            const ended = highestBit(before.page.isr);
            if (!held.has(ended)) owed.delete(ended);
          }
          for (const one of owed) expect(held).toContain(one);
          expect(held.size).toBe(owed.size);
        });
      }),
    );
  });

  it('ON is set whenever the descriptor holds something that nobody has been told to take', () => {
    fc.assert(
      fc.property(history, ([x2apic, actions]) => {
        replay(x2apic, actions, (_p, memory) => {
          for (const { pir, on } of memory.descriptors) if (vectorsOf(pir).length > 0) expect(on).toBe(1);
        });
      }),
    );
  });
});

describe('faults and fault-like exits', () => {
  const names: ControlName[] = [
    'cr8LoadExiting',
    'useTprShadow',
    'virtualizeApicAccesses',
    'virtualizeX2apicMode',
    'apicRegisterVirtualization',
    'virtualInterruptDelivery',
    'ipiVirtualization',
  ];
  const word = fc.integer({ min: 0, max: 0xffff_ffff });
  const value = fc.oneof(word, fc.integer({ min: 0, max: 0x1ff }));

  it('leave the state as it was, under any controls', () => {
    fc.assert(
      fc.property(
        fc.subarray(names),
        fc.array(word, { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 0x7f0, max: 0x910 }),
        fc.integer({ min: 0, max: 0xfff }),
        fc.constantFrom(1, 2, 4, 8),
        value,
        fc.oneof(fc.constant(0), word),
        (controls, isr, msr, offset, size, low, high) => {
          const memory = memoryOf(2);
          const p = guestIn(memory, 1, controls);
          p.page.isr = isr;
          p.page.tpr = low;
          const operations: (() => Outcome | 'ipi-virtualization')[] = [
            () => virtualizeRdmsr(p, msr),
            () => beginWrmsr(p, msr, low, high),
            () => virtualizeApicRead(p, offset, size),
            () => beginApicWrite(p, offset, size, low),
            () => movToCr8(p, low, high),
          ];
          for (const operation of operations) {
            const before = structuredClone({ p, memory });
            const outcome = operation();
            if (outcome === 'ipi-virtualization') continue;
            const unchanged =
              outcome.kind === 'fault' ||
              outcome.kind === 'passthrough' ||
              outcome.kind === 'data' ||
              (outcome.kind === 'exit' && !outcome.trapLike);
            if (unchanged) expect({ p, memory }).toEqual(before);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('a write that exits as APIC write has landed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x3f }), word, (slot, written) => {
        const p = guestIn(memoryOf(1), 0, xapicControls);
        const outcome = beginApicWrite(p, slot * 16, 4, written);
        if (outcome === 'ipi-virtualization' || outcome.kind !== 'exit' || outcome.reason !== 56) return;
        expect(outcome.qualification).toBe(slot * 16);
        expect(loadWord(p.page, slot * 16)).toBe(written);
      }),
      { numRuns: 500 },
    );
  });
});
