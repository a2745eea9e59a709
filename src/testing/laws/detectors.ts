import { InternalError } from '../../engine/errors.js';
import type { MachineInput } from '../../scenarios/schema.js';
import { type CaseSetting, interruptCase } from '../arbitraries/cases.js';
import { ownFc, search } from '../arbitraries/choices.js';
import type { Arbitrary } from '../arbitraries/fast-check.js';
import { startUpCase, timerCase, timerMigrationCase } from '../arbitraries/law-cases.js';
import { type StepSetting, systemSteps } from '../arbitraries/systems.js';
import { story } from '../stories.js';
import type { SystemStep } from './apic-system.js';
import { runCase } from './case.js';
import { compareSystems } from './equivalence.js';
import { MachineSystem } from './machine-system.js';
import { ReferenceSystem } from './reference-system.js';
import { checkStartUp } from './start-up.js';
import { checkTimerMigration } from './timer-migration.js';
import { checkTimer } from './timer-rules.js';
import { type DeliveryWay, deliveryWays, profileOfWay, type Vendor } from './ways.js';

/** A general law, and how to look for a counterexample to it. */
export interface LawSearch {
  /** What the law says, in a few words. */
  readonly name: string;
  /** Looks for a counterexample: its story in its shortest form, or undefined. */
  run(seed: number): string | undefined;
}

const cpus = 3;

/** What a differential law is tried on: machines of each way of a vendor's, the one at `first` at the beginning. */
interface Setting {
  readonly apicMode: 'xapic' | 'x2apic';
  readonly vendor: Vendor;
  readonly first: number;
  readonly order: number;
}

/** What a differential law is about. */
export interface EquivalenceSetting extends StepSetting {
  /** Whose hosts; by default both. */
  readonly vendors?: readonly Vendor[];
  /** True if guests may end interrupts by memory. */
  readonly pvEoi?: boolean;
}

function machinesOf({ apicMode, vendor, first }: Setting, { disables }: StepSetting, offered: object): MachineInput[] {
  const ways = deliveryWays[vendor].filter(({ accelerated }) => disables !== true || !accelerated);
  return ways.map((_, i) => {
    const way = ways[(i + first) % ways.length] as DeliveryWay;
    return {
      ...profileOfWay(way),
      host: { kernel: '6.12', haltPollNs: i === 1 ? 0 : 200_000 },
      topology: { coresPerSocket: cpus + 2 },
      vms: [{ vcpus: cpus, apicMode, features: { ...way.features, ...offered } }, { vcpus: 1 }],
    };
  });
}

/** How a machine differs from bare local APICs when both do the same, or undefined. */
function differs(of: Setting, steps: readonly SystemStep[], setting: StepSetting, offered: object): string | undefined {
  const { apicMode, order } = of;
  try {
    const machine = new MachineSystem({ machines: machinesOf(of, setting, offered), seed: order });
    return compareSystems(new ReferenceSystem({ cpus, apicMode }), machine, steps)?.story;
  } catch (error) {
    if (error instanceof InternalError) return error.message;
    throw error;
  }
}

/**
 * The differential law: a whole machine does what bare local APICs do, whichever way its interrupts take, toggled, saved and restored, and
 * migrated.
 */
export function equivalenceLaw(setting: EquivalenceSetting = {}, runs = 1500): LawSearch {
  const offers = { kvm: { pvIpi: true }, 'hyper-v': { hypervPvIpi: true } } as const;
  const offered = {
    ...(setting.hypercalls === undefined ? {} : offers[setting.hypercalls]),
    ...(setting.pvEoi === true ? { pvEoi: true } : {}),
  };
  return {
    name: 'a machine does what bare local APICs do',
    run: (seed) => {
      const inputs = ownFc.record<Setting>({
        apicMode: ownFc.constantFrom<'x2apic' | 'xapic'>('x2apic', 'xapic'),
        vendor: ownFc.constantFrom<Vendor>(...(setting.vendors ?? (['intel', 'intel', 'amd'] as const))),
        first: ownFc.integer({ min: 0, max: 2 }),
        order: ownFc.integer({ min: 0, max: 9999 }),
      });
      const steps = inputs.chain((of) =>
        systemSteps(ownFc, { ...setting, cpus, apicMode: of.apicMode }).map((list) => ({ ...of, list })),
      );
      const tell = (of: Setting & { list: readonly SystemStep[] }) => differs(of, of.list, setting, offered);
      const found = search(steps, (of) => tell(of) !== undefined, { seed, runs });
      return found === undefined ? undefined : `${found.value.apicMode}, ${found.value.vendor}\n${tell(found.value)}`;
    },
  };
}

/** The laws of delivery, on any machine under any schedule. */
export function deliveryLaw(setting: CaseSetting = {}, runs = 1000): LawSearch {
  return {
    name: 'the laws of delivery hold',
    run: (seed) => {
      const found = search(interruptCase(ownFc, setting), (input) => runCase(input).broken.length > 0, { seed, runs });
      return found === undefined ? undefined : story(found.value);
    },
  };
}

/** A check that says in words what did not hold, as a law. */
function checked<T>(
  name: string,
  arbitrary: Arbitrary<T>,
  check: (value: T) => string | undefined,
  runs: number,
): LawSearch {
  const tell = (value: T): string | undefined => {
    try {
      return check(value);
    } catch (error) {
      if (error instanceof InternalError) return error.message;
      throw error;
    }
  };
  return {
    name,
    run: (seed) => {
      const found = search(arbitrary, (value) => tell(value) !== undefined, { seed, runs });
      return found === undefined ? undefined : `${tell(found.value)}\n${JSON.stringify(found.value)}`;
    },
  };
}

/** INIT and SIPI are latched. */
export function startUpLaw(runs = 300): LawSearch {
  return checked('who was sent INIT and SIPI runs', startUpCase(ownFc), checkStartUp, runs);
}

/** A timer keeps time. */
export function timerLaw(runs = 200): LawSearch {
  return checked('a timer keeps time', timerCase(ownFc), checkTimer, runs);
}

/** A timer goes on where its virtual CPU does. */
export function timerMigrationLaw(runs = 300): LawSearch {
  return checked('a pending timer is restored', timerMigrationCase(ownFc), checkTimerMigration, runs);
}
