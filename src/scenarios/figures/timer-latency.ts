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

const skylake = (idle: 'hlt' | 'loop', host: NonNullable<ScenarioInput['host']>, assumed: Assumed): ScenarioInput =>
  timers('skylake-sp', idle, 83_333, host, [interval, ...assumed]);

/** How late timers are: kvm-unit-tests' tscdeadline_latency. */
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
    fitted: false,
    alternatives: [{ name: 'no halt polling', set: { 'host.haltPollNs': 0 } }],
    note: 'a rounded number; whether the host polls decides it, and is not stated; with a 3.10 product kernel it was 9600, which is not modelled',
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
