import type { SystemStep } from '../laws/apic-system.js';
import { type ApicCommand, apicCommand } from '../laws/commands.js';
import type { GuestOperation } from '../laws/operations.js';
import { icr } from './architecture.js';
import type { Arbitrary, Fc } from './fast-check.js';

/** What generated steps are for. */
export interface StepSetting {
  /** CPUs, 1 to 8; by default 3. */
  readonly cpus?: number;
  /** Mode of the local APICs; `x2apic` by default. */
  readonly apicMode?: 'xapic' | 'x2apic';
  /** Steps at most; by default 20. */
  readonly steps?: number;
  /** False to leave out what no guest may notice; by default it is there. */
  readonly disturbances?: boolean;
  /** The kinds of operation that the system knows; by default all. */
  readonly only?: readonly GuestOperation['op'][];
  /** Hypercalls that send, which the machine has to offer; by default none. */
  readonly hypercalls?: 'kvm' | 'hyper-v';
  /** True for local APICs that software disables and enables again: the machine must do without hardware that delivers, which does not mind. */
  readonly disables?: boolean;
  /** False to leave out ICR values that fault; by default they are there in x2APIC mode. */
  readonly faults?: boolean;
}

const logical = 0x800;
const lowestPriority = 0x100;
const shorthands = 0xc_0000;

function vector(fc: Fc): Arbitrary<number> {
  return fc.oneof(fc.constantFrom(0x31, 0x35, 0x52, 0x91), fc.integer({ min: 0x20, max: 0xeb }));
}

/** A fixed message to anybody, nobody or everybody. */
function send(fc: Fc, cpus: number, x2apic: boolean): Arbitrary<GuestOperation> {
  const to = fc.oneof<{ bits: number; destination: number }>(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: cpus - 1 }).map((destination) => ({ bits: 0, destination })) },
    {
      weight: 2,
      arbitrary: fc.integer({ min: 1, max: 2 ** cpus - 1 }).map((destination) => ({ bits: logical, destination })),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        { bits: 0x8_0000, destination: 0 },
        { bits: 0xc_0000, destination: 0 },
        { bits: 0x4_0000, destination: 0 },
        { bits: 0, destination: x2apic ? 0xffff_ffff : 0xff },
        { bits: logical, destination: x2apic ? 0xffff_ffff : 0xff },
        { bits: 0, destination: x2apic ? 0xff : 0x7f },
        { bits: 0, destination: cpus },
        { bits: logical, destination: x2apic ? 0x1_0001 : 0x80 },
        // Bits of a flat logical ID, or a cluster and bits in it.
        ...(x2apic ? [] : [0x11, 0x13, 0x21, 0xf1].map((destination) => ({ bits: logical, destination }))),
      ),
    },
  );
  return fc
    .record({ v: vector(fc), to, level: fc.constantFrom(0x4000, 0), lowest: fc.constantFrom(0, 0, 0, lowestPriority) })
    .map(({ v, to: { bits, destination }, level, lowest }): GuestOperation => {
      const mode = (bits & shorthands) === 0 ? lowest : 0;
      return { op: 'send', icr: level | mode | bits | v, destination };
    });
}

/** TPR, PPR, LDR, SVR, the timer's LVT entry; of ISR, IRR and TMR what the usual vectors are in. */
const readRegisters = [0x80, 0xa0, 0xd0, 0xf0, 0x320, 0x110, 0x120, 0x140, 0x210, 0x220, 0x240, 0x1a0] as const;

/** Values of the timer's LVT entry: TSC-deadline mode, the same masked, one-shot. */
const timerEntries = [0x4_00ec, 0x5_00ec, 0xec] as const;

/** @internal Operations whose outcome the SDM decides, from anywhere in a program or a handler. */
export function systemOperation(fc: Fc, setting: StepSetting = {}): Arbitrary<GuestOperation> {
  const { cpus = 3, apicMode = 'x2apic', faults = true, disables = false, only } = setting;
  const x2apic = apicMode === 'x2apic';
  const of = (op: GuestOperation['op'], weight: number, arbitrary: Arbitrary<GuestOperation>) => ({
    op,
    weight,
    arbitrary,
  });
  const simple = (
    op: 'eoi' | 'hv-eoi' | 'iret' | 'cli' | 'sti' | 'hlt' | 'sti-hlt' | 'cpuid' | 'vmcall',
    weight: number,
  ) => of(op, weight, fc.constant<GuestOperation>({ op }));
  const wrong = icr(fc, { mode: apicMode, validity: 'reserved' });
  const all = [
    of('send', 6, send(fc, cpus, x2apic)),
    of(
      'self-ipi',
      5,
      vector(fc).map((v) => ({ op: 'self-ipi', vector: v })),
    ),
    simple('eoi', 5),
    simple('iret', 5),
    simple('cli', 1),
    simple('sti', 6),
    simple('hlt', 2),
    simple('sti-hlt', 1),
    simple('cpuid', 1),
    simple('vmcall', 1),
    of(
      'tpr',
      2,
      fc.constantFrom(0, 2, 3, 5, 9, 15).map((priority) => ({ op: 'tpr', priority })),
    ),
    of(
      'write',
      1,
      fc.constantFrom(0, 0x2f, 0x30, 0x5a, 0xff).map((value) => ({ op: 'write', offset: 0x80, value })),
    ),
    of(
      'write',
      2,
      fc.constantFrom(...timerEntries).map((value) => ({ op: 'write', offset: 0x320, value })),
    ),
    // Another spurious vector; or disabled (what was accepted is still delivered) and enabled again.
    of(
      'write',
      disables ? 4 : 1,
      fc
        .constantFrom(...(disables ? [0x1ff, 0xff] : [0x1ff, 0x13f]))
        .map((value) => ({ op: 'write', offset: 0xf0, value })),
    ),
    of('read-tpr', 1, fc.constant<GuestOperation>({ op: 'read-tpr' })),
    of('timer', 3, fc.constant<GuestOperation>({ op: 'timer', cycles: 1000 })),
    of(
      'read',
      3,
      fc.constantFrom(...readRegisters).map((offset) => ({ op: 'read', offset })),
    ),
  ];
  if (setting.hypercalls === 'kvm') {
    all.push(
      of(
        'pv-send',
        6,
        fc
          .record({
            v: vector(fc),
            mode: fc.constantFrom(0, 0, 0, 0x800, 0x4_0000),
            min: fc.constantFrom(0, 0, 1, cpus - 1, cpus, 0xffff),
            mask: fc.oneof(fc.integer({ min: 0, max: 2 ** cpus - 1 }), fc.constant(0xffff_ffff)),
          })
          .map(({ v, mode, min, mask }) => ({ op: 'pv-send', icr: mode | v, min, mask })),
      ),
    );
  }
  if (setting.hypercalls === 'hyper-v') {
    all.push(
      simple('hv-eoi', 3),
      of(
        'hv-send',
        6,
        fc
          .record({
            v: fc.oneof(
              { weight: 5, arbitrary: vector(fc) },
              { weight: 1, arbitrary: fc.integer({ min: 0, max: 15 }) },
            ),
            everybody: fc.boolean(),
            mask: fc.oneof(fc.integer({ min: 0, max: 2 ** cpus - 1 }), fc.constant(0xffff_ffff)),
          })
          .map(({ v, everybody, mask }) => ({ op: 'hv-send', vector: v, all: everybody, mask })),
      ),
    );
  }
  // Where messages go follows the logical ID, which xAPIC mode lets a guest choose.
  if (!x2apic) {
    const ldr = fc
      .oneof(fc.integer({ min: 1, max: 2 ** cpus }), fc.constantFrom(0x11, 0x12, 0x21))
      .map((id) => (id << 24) >>> 0);
    // Flat model, or clusters: of the logical IDs above, those below 10H are in cluster 0.
    const model = fc.constantFrom(0xffff_ffff, 0x0fff_ffff);
    all.push(
      of(
        'write',
        1,
        ldr.map((value) => ({ op: 'write', offset: 0xd0, value })),
      ),
      of(
        'write',
        1,
        model.map((value) => ({ op: 'write', offset: 0xe0, value })),
      ),
    );
  }
  if (faults && x2apic) {
    all.push(
      of(
        'send',
        1,
        wrong.map(({ low, high }) => ({ op: 'send', icr: low, destination: high })),
      ),
      of(
        'read',
        1,
        fc.constantFrom(0xb0, 0x3f0, 0x40, 0xe0).map((offset) => ({ op: 'read', offset })),
      ),
      of(
        'write',
        1,
        fc.constantFrom(0x20, 0xa0, 0xd0, 0x210, 0x40).map((offset) => ({ op: 'write', offset, value: 0 })),
      ),
      // A register that there is, and a bit that there is not. Of TPR and EOI KVM does not mind, where hardware leaves them to it.
      of('write', 1, fc.constant<GuestOperation>({ op: 'write', offset: 0x3f0, value: 0x131 })),
    );
  }
  return fc.oneof(...all.filter(({ op }) => only?.includes(op) ?? true));
}

/** @internal A list of steps. */
export function systemSteps(fc: Fc, setting: StepSetting = {}): Arbitrary<SystemStep[]> {
  const { cpus = 3, steps = 20, disturbances = true } = setting;
  const operation = fc
    .record({ cpu: fc.integer({ min: 0, max: cpus - 1 }), operation: systemOperation(fc, setting) })
    .map((step): SystemStep => step);
  const disturbance = fc.integer({ min: 0, max: 23 }).map((disturb): SystemStep => ({ disturb }));
  const step = disturbances
    ? fc.oneof<SystemStep>({ weight: 6, arbitrary: operation }, { weight: 1, arbitrary: disturbance })
    : operation;
  return fc.array(step, { maxLength: steps, size: 'max' });
}

/** @internal Commands for model-based testing. */
export function apicCommands(fc: Fc, setting: StepSetting = {}): Arbitrary<ApicCommand>[] {
  const { cpus = 3, disturbances = true } = setting;
  const perform = fc
    .record({ cpu: fc.integer({ min: 0, max: cpus - 1 }), operation: systemOperation(fc, setting) })
    .map(({ cpu, operation }) => apicCommand(cpu, operation));
  if (!disturbances) return [perform];
  const disturb = fc.integer({ min: 0, max: 23 }).map((which) => apicCommand(-1, which));
  return [perform, perform, perform, disturb];
}
