import type { MachineInput } from '../../scenarios/schema.js';
import type { HostOperation } from '../laws/operations.js';
import type { StartUpCase, StartUpMessage } from '../laws/start-up.js';
import type { TimerMigrationCase } from '../laws/timer-migration.js';
import type { TimerCase, TimerStep } from '../laws/timer-rules.js';
import { type DeliveryWay, deliveryWays, profileOfWay } from '../laws/ways.js';
import type { Arbitrary, Fc } from './fast-check.js';

const everyWay = [...deliveryWays.intel, ...deliveryWays.amd];

/** @internal Starts of processors: most to somebody who then runs, some that end in an INIT, some without one. */
export function startUpCase(fc: Fc): Arbitrary<StartUpCase> {
  const vcpus = 3;
  const to = fc.integer({ min: 1, max: vcpus - 1 });
  const sipi = fc.integer({ min: 1, max: 0x9f });
  const start = fc
    .record({ to, sipi, again: fc.boolean(), nmi: fc.constantFrom(false, false, true) })
    .map(({ again, nmi, ...of }): StartUpMessage[] => [
      { to: of.to, init: true },
      { to: of.to, sipi: of.sipi },
      ...(again ? [{ to: of.to, sipi: of.sipi }] : []),
      // Not to one that waits for its SIPI: KVM goes round and round with it until that comes.
      ...(nmi ? [{ to: of.to, nmi: true } as const] : []),
    ]);
  const one = fc.oneof<StartUpMessage[]>(
    { weight: 4, arbitrary: start },
    { weight: 1, arbitrary: to.map((target): StartUpMessage[] => [{ to: target, init: true }]) },
    { weight: 1, arbitrary: fc.record({ to, sipi }).map((message): StartUpMessage[] => [message]) },
    {
      weight: 2,
      arbitrary: fc.record({ to, vector: fc.constantFrom(0x31, 0x52) }).map((message): StartUpMessage[] => [message]),
    },
  );
  const host = fc.oneof<HostOperation>(
    {
      weight: 2,
      arbitrary: fc.integer({ min: 0, max: 2 }).map((processor): HostOperation => ({ op: 'preempt', processor })),
    },
    { weight: 1, arbitrary: fc.constantFrom<HostOperation>({ op: 'inhibit' }, { op: 'allow' }, { op: 'attach' }) },
  );
  return fc
    .record({
      way: fc.constantFrom(...everyWay),
      apicMode: fc.constantFrom<'x2apic' | 'xapic'>('x2apic', 'xapic'),
      messages: fc.array(one, { maxLength: 5, size: 'max' }),
      host: fc.array(host, { maxLength: 4, size: 'max' }),
      seed: fc.integer({ min: 0, max: 0xffff }),
    })
    .map(({ way, apicMode, messages, ...rest }) => ({
      machine: {
        ...profileOfWay(way),
        topology: { coresPerSocket: vcpus + 1 },
        vms: [{ vcpus, apicMode, features: way.features }],
      },
      messages: messages.flat(),
      ...rest,
    }));
}

/** @internal What a guest does with its timer, by the clock: changes with time between them. */
export function timerCase(fc: Fc): Arbitrary<TimerCase> {
  // None so short that KVM's least period (200 µs) makes it longer, whatever the divisor becomes.
  const cycles = fc.constantFrom(2_200_000, 2_900_000, 4_100_000);
  const change = fc.oneof<TimerStep>(
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constant('mode'),
        mode: fc.constantFrom<'one-shot' | 'periodic' | 'tsc-deadline'>('one-shot', 'periodic', 'tsc-deadline'),
        masked: fc.constantFrom(false, false, false, true),
      }),
    },
    { weight: 3, arbitrary: cycles.map((of): TimerStep => ({ op: 'count', cycles: of })) },
    { weight: 3, arbitrary: cycles.map((of): TimerStep => ({ op: 'deadline', cycles: of })) },
    { weight: 1, arbitrary: fc.constantFrom<TimerStep>({ op: 'count', cycles: 0 }, { op: 'deadline', cycles: 0 }) },
    { weight: 1, arbitrary: fc.constantFrom<TimerStep>({ op: 'disable' }, { op: 'enable' }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(0, 1, 0xb).map((configuration): TimerStep => ({ op: 'divide', configuration })),
    },
  );
  const then = fc
    .record({ change, work: fc.constantFrom(0, 0, 900_000, 2_300_000, 5_700_000) })
    .map((of): TimerStep[] => (of.work === 0 ? [of.change] : [of.change, { op: 'work', cycles: of.work }]));
  return fc
    .record({
      way: fc.constantFrom(...everyWay),
      apicMode: fc.constantFrom<'x2apic' | 'xapic'>('x2apic', 'xapic'),
      preemptionTimer: fc.boolean(),
      mode: fc.constantFrom<'one-shot' | 'periodic' | 'tsc-deadline'>('one-shot', 'periodic', 'tsc-deadline'),
      steps: fc.array(then, { maxLength: 6, size: 'max' }),
      busy: fc.constantFrom(0, 0, 0, 15_000_000),
    })
    .map(({ way, apicMode, preemptionTimer, mode, steps, busy }) => {
      const first: TimerStep[] = [
        { op: 'mode', mode, masked: false },
        mode === 'tsc-deadline' ? { op: 'deadline', cycles: 2_200_000 } : { op: 'count', cycles: 2_200_000 },
      ];
      return {
        machine: {
          ...profileOfWay(way),
          topology: { coresPerSocket: 2 },
          host: { preemptionTimer, sliceNs: 200_000, idle: 'hlt' },
          vms: [{ vcpus: 1, apicMode, features: way.features }],
        },
        // From who computes the processor is taken away; one that halts leaves its timer to the host.
        steps: busy > 0 ? [...first, { op: 'work', cycles: 40_000_000 }] : [...first, ...steps.flat()].slice(0, 14),
        busy,
        cycles: 60_000_000,
      };
    });
}

/** @internal Timers that are taken to another machine. */
export function timerMigrationCase(fc: Fc): Arbitrary<TimerMigrationCase> {
  const host = (ways: readonly DeliveryWay[]) =>
    fc.record({ way: fc.constantFrom(...ways), preemptionTimer: fc.boolean() }).map(
      ({ way, preemptionTimer }): MachineInput => ({
        ...profileOfWay(way),
        topology: { coresPerSocket: 2 },
        host: { preemptionTimer },
        vms: [{ vcpus: 1, features: way.features }],
      }),
    );
  return fc.constantFrom(deliveryWays.intel, deliveryWays.intel, deliveryWays.amd).chain((ways) =>
    fc.record({
      from: host(ways),
      to: host(ways),
      mode: fc.constantFrom<'one-shot' | 'tsc-deadline'>('one-shot', 'tsc-deadline'),
      time: fc.constantFrom(1, 1000, 1_000_000),
      interruptsOff: fc.boolean(),
      steps: fc.integer({ min: 0, max: 400 }),
      seed: fc.integer({ min: 0, max: 0xffff }),
    }),
  );
}
