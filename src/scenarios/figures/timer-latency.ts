import type { ScenarioInput } from '../schema.js';
import type { PublishedFigure } from './published-figure.js';

type Assumed = NonNullable<ScenarioInput['assumed']>;

const spread: Assumed[number] = { path: 'jitter', value: 0.1, why: 'the spread of single steps is not published' };

function timers(
  profile: string,
  idle: 'hlt' | 'loop',
  intervalNs: number,
  host: NonNullable<ScenarioInput['host']>,
  assumed: Assumed,
): ScenarioInput {
  return {
    profile,
    host,
    vms: [{ vcpus: 1, apicMode: 'x2apic' }],
    workload: { kind: 'timers', program: 'tscdeadline_latency', idle, intervalNs, iterations: 150, warmup: 150 },
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

/** The commit is of October 2018. What the flush adds stands only where the host takes an interrupt or switches tasks. */
const flush: Assumed[number] = {
  path: 'host.mitigations',
  value: { l1dFlushCond: true },
  why: 'not stated: what kernels since August 2018 do by default on this processor',
};

const skylake = (idle: 'hlt' | 'loop', host: NonNullable<ScenarioInput['host']>, assumed: Assumed): ScenarioInput =>
  timers('skylake-sp', idle, 83_333, { ...host, mitigations: { l1dFlushCond: true } }, [interval, flush, ...assumed]);

/** How late timers are: kvm-unit-tests' tscdeadline_latency. */
export const timerLatency: readonly PublishedFigure[] = [
  {
    id: 'skx-latency-hrtimer-hlt',
    covers: ['skx_tscdeadline_latency_hrtimer'],
    source: advanceSource,
    setup: 'Skylake server, preemption_timer=N; upstream kernel',
    family: 'skylake timer latency',
    published: 5700,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: skylake('hlt', { kernel: '4.19', preemptionTimer: false, timerAdvance: 0 }, [
      { path: 'host.kernel', value: '4.19', why: 'the kernel before the commit' },
      { path: 'workload.idle', value: 'hlt', why: 'not stated for this number; what the test does by default' },
    ]),
    tolerancePct: 5,
    fitted: false,
    alternatives: [
      { name: 'no halt polling, no deeper than C1', set: { 'host.haltPollNs': 0, 'host.cStates': ['C1'] } },
      { name: 'without the flush', set: { 'host.mitigations': {} } },
    ],
    note: 'a rounded number; that the guest halts is what the test does unless it is changed',
  },
  {
    id: 'skx-latency-hrtimer-hlt-3.10',
    covers: ['skx_tscdeadline_latency_hrtimer'],
    source: advanceSource,
    setup: 'Skylake server, preemption_timer=N; a product kernel based on 3.10',
    family: 'skylake timer latency',
    published: 9600,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: timers(
      'skylake-sp',
      'hlt',
      83_333,
      { kernel: '4.19', preemptionTimer: false, timerAdvance: 0, haltPollNs: 0, cStates: ['C1'] },
      [
        interval,
        { path: 'host.kernel', value: '4.19', why: 'the oldest kernel here' },
        { path: 'host.mitigations', value: {}, why: 'not stated; 3.10 has none of its own' },
        { path: 'workload.idle', value: 'hlt', why: 'not stated for this number; what the test does by default' },
        { path: 'host.haltPollNs', value: 0, why: '3.10 has no halt polling, which came with 4.0' },
        {
          path: 'host.cStates',
          value: ['C1'],
          why: 'not stated; from C1E alone it may take as long as the whole figure',
        },
      ],
    ),
    tolerancePct: 5,
    fitted: false,
    alternatives: [
      { name: 'idle=poll', set: { 'host.idle': 'poll' } },
      { name: 'with a flush of the L1 data cache', set: { 'host.mitigations': { l1dFlushCond: true } } },
    ],
    note: 'a rounded number',
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
];
