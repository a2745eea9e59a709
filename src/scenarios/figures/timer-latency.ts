import type { ScenarioInput } from '../schema.js';
import type { PublishedFigure } from './published-figure.js';

type Assumed = NonNullable<ScenarioInput['assumed']>;
type Features = NonNullable<NonNullable<ScenarioInput['vms']>[number]['features']>;

const spread: Assumed[number] = { path: 'jitter', value: 0.1, why: 'the spread of single steps is not published' };

function timers(
  profile: string,
  program: 'tscdeadline_latency' | 'cyclictest',
  idle: 'hlt' | 'loop',
  intervalNs: number,
  host: NonNullable<ScenarioInput['host']>,
  features: Features,
  assumed: Assumed,
): ScenarioInput {
  return {
    profile,
    host,
    vms: [{ vcpus: 1, apicMode: 'x2apic', features }],
    workload: { kind: 'timers', program, idle, intervalNs, iterations: 150, warmup: 150 },
    assumed: [...assumed, spread],
    jitter: 0.1,
  };
}

const advanceSource =
  'commit 3b8a5df6c4dc (KVM: LAPIC: Tune lapic_timer_advance_ns automatically): kvm-unit-tests tscdeadline_latency';
const interval: Assumed[number] = {
  path: 'workload.intervalNs',
  value: 83_333,
  why: "the test's own 200,000 cycles, at 2.4 GHz",
};

const skylake = (idle: 'hlt' | 'loop', host: NonNullable<ScenarioInput['host']>, assumed: Assumed): ScenarioInput =>
  timers('skylake-sp', 'tscdeadline_latency', idle, 83_333, host, {}, [interval, ...assumed]);

const cyclictestSource =
  "'KVM: VMX: Tscdeadline timer emulation fastpath', cover letters v1 and v4 (kvm list, April 2020): cyclictest in the guest, average";

const cyclictest = (fast: boolean): ScenarioInput =>
  timers(
    'skylake-sp',
    'cyclictest',
    'hlt',
    1_000_000,
    { kernel: '5.8', timerAdvance: true, cStates: ['C1'] },
    { tscDeadlineFastpath: fast, preemptionTimerFastpath: fast },
    [
      {
        path: 'host.cStates',
        value: ['C1'],
        why: 'not stated; a latency of 5 microseconds leaves no deeper state',
      },
      { path: 'workload.intervalNs', value: 1_000_000, why: "not stated; cyclictest's own default" },
      {
        path: 'host.kernel',
        value: '5.8',
        why: 'kvm/queue of April 2020 became 5.8; the two fastpaths are set one by one',
      },
    ],
  );

/** How late timers are: kvm-unit-tests' tscdeadline_latency, and cyclictest in a guest. */
export const timerLatency: readonly PublishedFigure[] = [
  {
    id: 'skx-latency-hrtimer-hlt',
    covers: ['skx_tscdeadline_latency_hrtimer'],
    source: advanceSource,
    setup: 'Skylake server, preemption_timer=N, the guest halts; upstream kernel',
    family: 'skylake timer latency',
    published: 5700,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: skylake('hlt', { kernel: '4.19', preemptionTimer: false, timerAdvance: 0 }, [
      { path: 'host.kernel', value: '4.19', why: 'the kernel before the commit' },
    ]),
    tolerancePct: 5,
    fitted: true,
    note: 'a rounded number; with a 3.10 product kernel it was 9600, which is not modelled',
  },
  {
    id: 'skx-latency-before-advance',
    covers: ['skx_tscdeadline_latency_autoadvance'],
    source: advanceSource,
    setup: 'Skylake server, VMX-preemption timer, the guest spins; no advance',
    family: 'skylake timer latency',
    published: 2600,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: skylake('loop', { kernel: '4.19', timerAdvance: 0 }, [
      { path: 'host.kernel', value: '4.19', why: 'the kernel before the commit' },
    ]),
    tolerancePct: 5,
    fitted: true,
    note: 'a rounded number',
  },
  {
    id: 'skx-cyclictest-slow',
    covers: ['skx_cyclictest_fastpath_v4', 'skx_cyclictest_fastpath_v1'],
    source: cyclictestSource,
    setup: 'Skylake-SP server, no mwait, adaptive advance; before the fastpaths',
    family: 'skylake cyclictest',
    published: (5540.5 + 5632.75) / 2,
    min: 5540.5,
    max: 5632.75,
    n: 2,
    unit: 'ns',
    metric: 'latencyNs.mean',
    scenario: cyclictest(false),
    tolerancePct: 5,
    fitted: false,
  },
  {
    id: 'skx-cyclictest-fast',
    covers: ['skx_cyclictest_fastpath_v4', 'skx_cyclictest_fastpath_v1'],
    source: cyclictestSource,
    setup: 'Skylake-SP server, no mwait, adaptive advance; with the fastpaths',
    family: 'skylake cyclictest',
    published: (4602 + 4559.25) / 2,
    min: 4559.25,
    max: 4602,
    n: 2,
    unit: 'ns',
    metric: 'latencyNs.mean',
    scenario: cyclictest(true),
    tolerancePct: 5,
    fitted: false,
  },
];
