import { type KernelVersion, kernels, kernelVersions } from '../../kvm/kernels.js';
import type { MachineInput } from '../../scenarios/schema.js';
import type { CaseSchedule, InterruptCase } from '../laws/case.js';
import type { HandlerStyle } from '../laws/guest-program.js';
import type { GuestOperation, HostOperation } from '../laws/operations.js';
import { story } from '../stories.js';
import type { Arbitrary, Fc } from './fast-check.js';

/** What a generated program is for. */
export interface ProgramSetting {
  /** Virtual CPUs of its VM, 1 or more; by default 3. */
  readonly vcpus?: number;
  /** Mode of their local APICs; `x2apic` by default. */
  readonly apicMode?: 'xapic' | 'x2apic';
  /** Operations at most, 0 to 16; by default 6. */
  readonly operations?: number;
}

/** Bounds of generated cases. */
export interface CaseSetting {
  /** Virtual CPUs over all VMs at most, 1 to 8; by default 4. */
  readonly vcpus?: number;
  /** Operations of each program at most, 0 to 16; by default 5. */
  readonly operations?: number;
  /** The machine, instead of any. */
  readonly machine?: MachineInput;
  /** The schedules, instead of any. */
  readonly schedules?: readonly CaseSchedule['kind'][];
  /** True if the guest masks lines of the I/O APIC and lets them through again, among what devices do with them. */
  readonly masks?: boolean;
}

type VmInput = NonNullable<MachineInput['vms']>[number];

const assert = 0x4000;
const logical = 0x800;
const lowestPriority = 0x100;
const nmi = 0x400;

/** A few vectors that come again and again, of classes that mask each other, so that requests merge; and any other. */
function vector(fc: Fc): Arbitrary<number> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(0x31, 0x35, 0x52, 0x91) },
    { weight: 1, arbitrary: fc.integer({ min: 0x20, max: 0x5f }) },
    { weight: 1, arbitrary: fc.integer({ min: 0x70, max: 0xcf }) },
  );
}

/** Vectors of their own, so that who took one of several is one question. */
function arbitratedVector(fc: Fc): Arbitrary<number> {
  return fc.integer({ min: 0x60, max: 0x6f });
}

interface Address {
  readonly bits: number;
  readonly destination: number;
}

/** Destinations that a message can have: somebody, nobody, everybody, some. */
function address(fc: Fc, vcpus: number, x2apic: boolean, shorthands: boolean): Arbitrary<Address> {
  const physical = fc.integer({ min: 0, max: vcpus - 1 }).map((destination): Address => ({ bits: 0, destination }));
  const nobody = fc.constant<Address>({ bits: 0, destination: x2apic ? 0x1_0000 : 0x7f });
  const everybody = fc.constant<Address>({ bits: 0, destination: x2apic ? 0xffff_ffff : 0xff });
  const some = fc
    .integer({ min: 1, max: 2 ** Math.min(vcpus, 8) - 1 })
    .map((destination): Address => ({ bits: logical, destination }));
  const others = shorthands
    ? [
        {
          weight: 1,
          arbitrary: fc.constantFrom<Address>({ bits: 0x8_0000, destination: 0 }, { bits: 0xc_0000, destination: 0 }),
        },
      ]
    : [];
  return fc.oneof<Address>(
    { weight: 5, arbitrary: physical },
    { weight: 2, arbitrary: some },
    { weight: 1, arbitrary: everybody },
    { weight: 1, arbitrary: nobody },
    ...others,
  );
}

function message(
  fc: Fc,
  vcpus: number,
  x2apic: boolean,
  shorthands: boolean,
): Arbitrary<{ readonly icr: number; readonly destination: number }> {
  const fixed = fc.record({ v: vector(fc), to: address(fc, vcpus, x2apic, shorthands) }).map(({ v, to }) => ({
    icr: assert | to.bits | v,
    destination: to.destination,
  }));
  const arbitrated = fc.record({ v: arbitratedVector(fc), to: address(fc, vcpus, x2apic, false) }).map(({ v, to }) => ({
    icr: assert | lowestPriority | to.bits | v,
    destination: to.destination,
  }));
  const unmaskable = fc.integer({ min: 0, max: vcpus - 1 }).map((destination) => ({ icr: assert | nmi, destination }));
  return fc.oneof(
    { weight: 8, arbitrary: fixed },
    { weight: 1, arbitrary: arbitrated },
    { weight: 1, arbitrary: unmaskable },
  );
}

/** @internal One operation of a program. */
export function guestOperation(fc: Fc, setting: ProgramSetting = {}): Arbitrary<GuestOperation> {
  const { vcpus = 3, apicMode = 'x2apic' } = setting;
  const simple = (...ops: ('cli' | 'sti' | 'hlt' | 'sti-hlt' | 'cpuid' | 'vmcall')[]) =>
    fc.constantFrom(...ops).map((op): GuestOperation => ({ op }));
  const sends = message(fc, vcpus, apicMode === 'x2apic', true).map(
    ({ icr, destination }): GuestOperation => ({ op: 'send', icr, destination }),
  );
  return fc.oneof<GuestOperation>(
    { weight: 6, arbitrary: sends },
    { weight: 2, arbitrary: vector(fc).map((v): GuestOperation => ({ op: 'self-ipi', vector: v })) },
    { weight: 3, arbitrary: simple('hlt', 'sti-hlt') },
    { weight: 2, arbitrary: simple('cli', 'sti') },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(0, 2, 3, 5, 9, 15)
        .chain((priority) =>
          fc.constantFrom<GuestOperation>({ op: 'tpr', priority }, { op: 'write', offset: 0x80, value: priority << 4 }),
        ),
    },
    { weight: 1, arbitrary: simple('cpuid', 'vmcall') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(1, 2000, 60_000).map((cycles): GuestOperation => ({ op: 'timer', cycles })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(100, 3000, 40_000).map((cycles): GuestOperation => ({ op: 'work', cycles })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(0x80, 0xd0, 0xf0).map((offset): GuestOperation => ({ op: 'read', offset })),
    },
  );
}

/** @internal A program. */
export function guestProgram(fc: Fc, setting: ProgramSetting = {}): Arbitrary<GuestOperation[]> {
  return fc.array(guestOperation(fc, setting), { maxLength: setting.operations ?? 6, size: 'max' });
}

/** @internal What the host does meanwhile. */
export function hostProgram(
  fc: Fc,
  setting: ProgramSetting & { readonly processors?: number; readonly masks?: boolean } = {},
): Arbitrary<HostOperation[]> {
  const { vcpus = 3, apicMode = 'x2apic', processors = 4, operations = 5 } = setting;
  const lines = fc
    .record({
      op: fc.constantFrom<'mask' | 'unmask' | 'raise'>('mask', 'unmask', 'raise'),
      line: fc.constantFrom(0, 1),
    })
    .map((of): HostOperation => of);
  const operation = fc.oneof<HostOperation>(
    ...(setting.masks === true ? [{ weight: 18, arbitrary: lines }] : []),
    {
      weight: 3,
      arbitrary: message(fc, vcpus, apicMode === 'x2apic', false)
        // A device's message has an 8-bit destination.
        .filter(({ destination }) => destination < 0xff)
        .map(({ icr, destination }): HostOperation => ({ op: 'message', icr, destination })),
    },
    {
      weight: 3,
      arbitrary: fc
        .record({ vcpu: fc.integer({ min: 0, max: vcpus - 1 }), v: vector(fc) })
        .map(({ vcpu, v }): HostOperation => ({ op: 'post', vcpu, vector: v })),
    },
    {
      weight: 2,
      arbitrary: message(fc, vcpus, apicMode === 'x2apic', false)
        .filter(({ destination }) => destination < 0xff)
        .map(({ icr, destination }): HostOperation => ({ op: 'set-msi', icr, destination })),
    },
    { weight: 2, arbitrary: fc.constant<HostOperation>({ op: 'msi' }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(0, 1, 2).map((line): HostOperation => ({ op: 'raise', line })),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({ line: fc.constantFrom(0, 1, 2), vcpu: fc.integer({ min: 0, max: vcpus - 1 }) })
        .map((of): HostOperation => ({ op: 'route', ...of })),
    },
    { weight: 2, arbitrary: fc.constantFrom<HostOperation>({ op: 'inhibit' }, { op: 'allow' }) },
    {
      weight: 2,
      arbitrary: fc
        .integer({ min: 0, max: processors - 1 })
        .map((processor): HostOperation => ({ op: 'preempt', processor })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(500, 20_000).map((cycles): HostOperation => ({ op: 'work', cycles })),
    },
  );
  return fc.array(operation, { maxLength: operations, size: 'max' });
}

/** @internal Schedules. */
export function schedule(
  fc: Fc,
  kinds: readonly CaseSchedule['kind'][] = ['switches', 'timed', 'random', 'pct'],
): Arbitrary<CaseSchedule> {
  const seed = fc.integer({ min: 0, max: 0xffff });
  const all: Record<Exclude<CaseSchedule['kind'], 'replay'>, Arbitrary<CaseSchedule>> = {
    switches: fc
      .array(fc.tuple<[number, number]>(fc.integer({ min: 0, max: 800 }), fc.integer({ min: 0, max: 7 })), {
        maxLength: 12,
        size: 'max',
      })
      .map((at): CaseSchedule => ({ kind: 'switches', at })),
    timed: fc
      .record({ seed, jitter: fc.constantFrom(0, 0.1, 0.5, 1) })
      .map((one): CaseSchedule => ({ kind: 'timed', ...one })),
    random: seed.map((of): CaseSchedule => ({ kind: 'random', seed: of })),
    pct: fc
      .record({ seed, depth: fc.integer({ min: 1, max: 5 }) })
      .map((one): CaseSchedule => ({ kind: 'pct', ...one })),
  };
  return fc.oneof(...kinds.flatMap((kind) => (kind === 'replay' ? [] : [all[kind]])));
}

type Features = Record<string, boolean | undefined>;

const noFeatures: Features = {};

/** What a VM of that host may be offered. On an AMD host AVIC has to be asked for, and for x2APIC mode it takes x2AVIC. */
function features(fc: Fc, kernel: KernelVersion, amd: boolean, x2apic: boolean): Arbitrary<Features> {
  const has = kernels[kernel];
  if (amd) return fc.constantFrom<Features>(...(x2apic && !has.x2avic ? [noFeatures] : [{ avic: true }, noFeatures]));
  const off: Features = { apicv: false };
  const choices = [noFeatures, off, { ipiVirtualization: false }];
  if (has.icrFastpath) choices.push({ ipiVirtualization: false, icrFastpath: false });
  return fc.constantFrom(...choices);
}

/** @internal A machine without a workload, of one or two VMs. */
export function machine(fc: Fc, most = 4): Arbitrary<MachineInput> {
  const shape = fc.record({
    kernel: fc.constantFrom<KernelVersion>('6.1', '5.19', '6.12', ...kernelVersions),
    vcpus: fc.integer({ min: Math.min(2, most), max: most }),
    second: fc.boolean(),
    x2apic: fc.boolean(),
    amd: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    spare: fc.constantFrom(1, 0, -1),
    haltPollNs: fc.constantFrom(200_000, 0),
    idle: fc.constantFrom<'mwait' | 'hlt'>('mwait', 'hlt'),
    preemptionTimer: fc.boolean(),
    hltInGuest: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  });
  return shape.chain((of) =>
    fc
      .record({
        first: features(fc, of.kernel, of.amd, of.x2apic),
        other: features(fc, of.kernel, of.amd, of.x2apic),
      })
      .map(({ first, other }): MachineInput => {
        const inSecond = of.second && of.vcpus > 1 ? 1 : 0;
        const floats = of.spare < 0 && of.vcpus > 1;
        const vm = (vcpus: number, own: Features): VmInput => ({
          vcpus,
          apicMode: of.x2apic ? 'x2apic' : 'xapic',
          features: own as NonNullable<VmInput['features']>,
          ...(floats ? { pinning: 'float' as const } : {}),
          ...(of.hltInGuest && of.spare > 0 ? { disableExits: ['hlt' as const] } : {}),
        });
        return {
          ...(of.amd ? { profile: 'epyc' } : {}),
          topology: { coresPerSocket: Math.max(2, of.vcpus + of.spare) },
          host: {
            kernel: of.kernel,
            haltPollNs: of.haltPollNs,
            idle: of.idle,
            preemptionTimer: of.preemptionTimer,
            sliceNs: 20_000,
          },
          vms: inSecond === 1 ? [vm(of.vcpus - 1, first), vm(1, other)] : [vm(of.vcpus, first)],
        };
      }),
  );
}

/** fast-check asks a value for this before it prints it as part of a counterexample. */
const toStringMethod = Symbol.for('fast-check/toStringMethod');

/** Lets a counterexample print itself as its story. */
function told(input: InterruptCase): InterruptCase {
  return Object.defineProperty(input, toStringMethod, { value: () => story(input), enumerable: false });
}

/** A device raises line 3 and keeps it up; its virtual CPU quiets it at the end of its program, which it has to come to. */
function withHeldLine(
  programs: readonly (readonly GuestOperation[])[],
  host: readonly HostOperation[],
  vcpus: number,
): Pick<InterruptCase, 'programs' | 'host'> {
  const quiet: GuestOperation = { op: 'quiet', line: 3 };
  return {
    programs: programs.map((program, i) => (i === 3 % vcpus ? [...program, quiet] : program)),
    host: [{ op: 'hold', line: 3 }, ...host],
  };
}

/** @internal A whole case. */
export function interruptCase(fc: Fc, setting: CaseSetting = {}): Arbitrary<InterruptCase> {
  const { vcpus = 4, operations = 5 } = setting;
  const machines = setting.machine === undefined ? machine(fc, vcpus) : fc.constant(setting.machine);
  return machines.chain((of) => {
    const vms = of.vms ?? [{}];
    const programs = vms.flatMap((vm) =>
      Array.from({ length: vm.vcpus ?? 2 }, () =>
        guestProgram(fc, { vcpus: vm.vcpus ?? 2, apicMode: vm.apicMode ?? 'x2apic', operations }),
      ),
    );
    const first = vms[0] ?? {};
    const processors = of.topology?.coresPerSocket ?? 2;
    return fc
      .record({
        programs: fc.tuple(...programs),
        host: hostProgram(fc, {
          vcpus: first.vcpus ?? 2,
          apicMode: first.apicMode ?? 'x2apic',
          processors,
          ...(setting.masks === true ? { masks: true, operations: 10 } : {}),
        }),
        // A guest that halts without an exit never gives its processor away.
        load: fc.array(fc.integer({ min: 0, max: processors - 1 }), {
          maxLength: vms.some(({ disableExits = [] }) => disableExits.length > 0) ? 0 : 2,
        }),
        handlers: fc.constantFrom<HandlerStyle>('plain', 'nesting', 'early-eoi'),
        schedule: schedule(fc, setting.schedules),
        // A line that stays up until the guest gets to quiet its device.
        held: fc.oneof({ weight: 7, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
        storeBuffers: fc.boolean(),
      })
      .map(({ storeBuffers, held, ...rest }) =>
        told({
          machine: of,
          ...rest,
          ...(held ? withHeldLine(rest.programs, rest.host, first.vcpus ?? 2) : {}),
          ...(storeBuffers && rest.schedule.kind !== 'timed' ? { storeBuffers } : {}),
        }),
      );
  });
}
