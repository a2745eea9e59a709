import type { ScenarioInput } from '../schema.js';
import type { PublishedFigure } from './published-figure.js';

type Features = NonNullable<NonNullable<ScenarioInput['vms']>[number]['features']>;
type Assumed = NonNullable<ScenarioInput['assumed']>;

const noMitigations: Assumed[number] = {
  path: 'host.mitigations',
  value: {},
  why: 'not stated; what they add to an exit is in the exit of all figures of this machine',
};
const kernel: Assumed[number] = {
  path: 'host.kernel',
  value: '5.8',
  why: 'kvm/queue of March and April 2020 became 5.7 and 5.8; the features that differ are set one by one',
};

function skylake(
  test: string,
  features: Features,
  host: ScenarioInput['host'],
  assumed: Assumed,
  jitter = 0,
): ScenarioInput {
  return {
    profile: 'skylake-sp',
    host: { kernel: '5.8', ...host },
    vms: [{ vcpus: 2, apicMode: 'x2apic', features }],
    workload: { kind: 'vmexit', test: test as 'ipi', targetIdle: 'hlt', iterations: 1000 },
    assumed: [kernel, noMitigations, ...assumed],
    jitter,
  };
}

const fast = { icrFastpath: true, tscDeadlineFastpath: true, preemptionTimerFastpath: true };
const slow = { icrFastpath: false, tscDeadlineFastpath: false, preemptionTimerFastpath: false };

const cores: Assumed[number] = {
  path: 'topology',
  value: { sockets: 1, coresPerSocket: 2 },
  why: 'placement is not stated; two cores of one socket',
};
const polling: Assumed[number] = {
  path: 'host.haltPollNs',
  value: 0,
  why: 'adaptive halt polling was switched off; the window of a virtual CPU then stays at the 0 that it begins with',
};

const spread: Assumed[number] = {
  path: 'jitter',
  value: 0.1,
  why: 'the spread of single steps is not published; the target halts, so that a test without any would depend on one race',
};

const ipiSource =
  "'KVM: X86: Ultra fast single target IPI fastpath' v2 (kvm list, 2020-04-10, msg 1586480607-5408-1-git-send-email-wanpengli@tencent.com), commit a9ab13ff6e84";
const ipiSetup = 'Skylake-SP server, 2 vCPUs, no mwait, adaptive timer advance and adaptive halt polling off';

const timerSource =
  "'KVM: VMX: Tscdeadline timer emulation fastpath', cover letters v1, v2/v3 and v4 (kvm list, April 2020, msg 1588055009-12677-1-git-send-email-wanpengli@tencent.com)";
const timerSetup = 'Skylake-SP server, APICv on, VMX-preemption timer';

interface TimerRow {
  readonly id: string;
  readonly covers: string[];
  readonly published: number[];
  readonly scenario: ScenarioInput;
}

const timerRows: TimerRow[] = [
  {
    id: 'skx-tscdeadline-immed-slow',
    covers: [
      'skx_tscdeadline_immed_v1_apicv_noadv',
      'skx_tscdeadline_immed_v2_apicv_noadv',
      'skx_tscdeadline_immed_v4_apicv_noadv',
    ],
    published: [2919, 2885, 3028.5],
    scenario: skylake('tscdeadline_immed', slow, { timerAdvance: false }, []),
  },
  {
    id: 'skx-tscdeadline-immed-fast',
    covers: [
      'skx_tscdeadline_immed_v1_apicv_noadv',
      'skx_tscdeadline_immed_v2_apicv_noadv',
      'skx_tscdeadline_immed_v4_apicv_noadv',
    ],
    published: [2467.75, 2431.25, 2494.75],
    scenario: skylake('tscdeadline_immed', fast, { timerAdvance: false }, []),
  },
  {
    id: 'skx-tscdeadline-slow',
    covers: ['skx_tscdeadline_v1_apicv_noadv', 'skx_tscdeadline_v2_apicv_noadv', 'skx_tscdeadline_v4_apicv_noadv'],
    published: [5661.75, 5668.75, 5765.7],
    scenario: skylake('tscdeadline', slow, { timerAdvance: false }, []),
  },
  {
    id: 'skx-tscdeadline-fast',
    covers: ['skx_tscdeadline_v1_apicv_noadv', 'skx_tscdeadline_v2_apicv_noadv', 'skx_tscdeadline_v4_apicv_noadv'],
    published: [5188.25, 5188.5, 5285],
    scenario: skylake('tscdeadline', fast, { timerAdvance: false }, []),
  },
  {
    id: 'skx-tscdeadline-immed-advance-slow',
    covers: ['skx_tscdeadline_immed_v1_apicv_adv', 'skx_tscdeadline_immed_v2_apicv_adv'],
    published: [3018.5, 2965.25],
    scenario: skylake('tscdeadline_immed', slow, { timerAdvance: true }, []),
  },
  {
    id: 'skx-tscdeadline-immed-advance-fast',
    covers: ['skx_tscdeadline_immed_v1_apicv_adv', 'skx_tscdeadline_immed_v2_apicv_adv'],
    published: [2561, 2520],
    scenario: skylake('tscdeadline_immed', fast, { timerAdvance: true }, []),
  },
  {
    id: 'skx-tscdeadline-advance-slow',
    covers: ['skx_tscdeadline_v1_apicv_adv'],
    published: [4663.75],
    scenario: skylake('tscdeadline', slow, { timerAdvance: true }, []),
  },
  {
    id: 'skx-tscdeadline-advance-fast',
    covers: ['skx_tscdeadline_v1_apicv_adv'],
    published: [4626.5],
    scenario: skylake('tscdeadline', fast, { timerAdvance: true }, []),
  },
];

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** kvm-unit-tests' `vmexit` on Skylake-SP servers: one author, three experiments. Repeats of one measurement are one figure, their mean. */
export const skylakeUnitTests: readonly PublishedFigure[] = [
  {
    id: 'skx-ipi-slow',
    covers: ['skx_ipi_fastpath_none'],
    source: ipiSource,
    setup: ipiSetup,
    family: 'skylake ipi fastpath',
    published: 4238,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: skylake('ipi', slow, { haltPollNs: 0, timerAdvance: false }, [cores, polling, spread], 0.1),
    tolerancePct: 2.5,
    fitted: true,
  },
  {
    id: 'skx-ipi-fast',
    covers: ['skx_ipi_fastpath_ultra'],
    source: ipiSource,
    setup: ipiSetup,
    family: 'skylake ipi fastpath',
    published: 3293,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: skylake('ipi', fast, { haltPollNs: 0, timerAdvance: false }, [cores, polling, spread], 0.1),
    tolerancePct: 2.5,
    fitted: true,
  },
  ...timerRows.map(
    ({ published, ...row }): PublishedFigure => ({
      ...row,
      source: timerSource,
      setup: timerSetup,
      family: row.id.includes('immed') ? 'skylake timer, immediate' : 'skylake timer, deadline',
      published: mean(published),
      min: Math.min(...published),
      max: Math.max(...published),
      n: published.length,
      unit: 'cycles',
      metric: 'latencyCycles.mean',
      tolerancePct: 2.5,
      fitted: true,
    }),
  ),
  {
    id: 'skx-vmcall',
    covers: ['skx_vmcall'],
    source: "'KVM: VMX: skip perf MSR switch', v1 and v2 (kvm list, 2020-03-13)",
    setup: 'Skylake-SP server, kvm/queue of March 2020',
    family: 'skylake vmcall',
    published: mean([1559, 1539, 1529]),
    min: 1529,
    max: 1559,
    n: 3,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: skylake('vmcall', {}, {}, []),
    tolerancePct: 2.5,
    fitted: true,
    note: 'the mean of before and after two patches that save 20 to 30 cycles',
  },
];
