import type { ScenarioInput } from '../schema.js';
import type { PublishedFigure } from './published-figure.js';

const spectreSource = 'SPEC_CTRL writes on VM exit (linux-kernel, J. Kohler, September 2024)';
const spectreSetup =
  'Xeon Gold 6442Y, microcode 0x2b0005c0, Linux 6.6.34 with patches, bound to one CPU, x2APIC and TSC-deadline timer';

function sapphireRapids(ibrs: boolean): ScenarioInput {
  return {
    profile: 'sapphire-rapids',
    topology: { tscGhz: 2.6 },
    host: { kernel: '6.1', mitigations: { ibrs } },
    vms: [{ vcpus: 1, apicMode: 'x2apic' }],
    workload: { kind: 'vmexit', test: 'tscdeadline_immed', iterations: 200 },
    assumed: [
      { path: 'host.kernel', value: '6.1', why: '6.6 is not among the kernels here; 6.1 has the same timer paths' },
      {
        path: 'topology.coreGhz',
        value: 2.6,
        why: 'the clock of the core is not stated; taken at base frequency like the time-stamp counter',
      },
    ],
  };
}

const haswellSource = 'kvm-unit-tests commit cfbd129ca4c8 (2017-06-29)';

function haswell(preemptionTimer: boolean): ScenarioInput {
  return {
    profile: 'haswell',
    host: { kernel: '4.19', preemptionTimer, timerAdvance: false },
    vms: [{ vcpus: 1, apicMode: 'x2apic' }],
    workload: { kind: 'vmexit', test: 'tscdeadline', iterations: 200 },
    assumed: [
      { path: 'host.kernel', value: '4.19', why: 'the oldest kernel here; the figures are of 2017' },
      {
        path: 'host.timerAdvance',
        value: false,
        why: 'adaptive advance came later, and the fixed one was 0 by default',
      },
    ],
  };
}

/** kvm-unit-tests' `vmexit` on other processors than Skylake-SP. */
export const otherUnitTests: readonly PublishedFigure[] = [
  {
    id: 'spr-tscdeadline-immed',
    covers: ['spr_spec_ctrl'],
    source: spectreSource,
    setup: `${spectreSetup}; no toggling`,
    family: 'sapphire rapids 6442Y',
    published: 3153,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: sapphireRapids(false),
    tolerancePct: 2.5,
    fitted: true,
  },
  {
    id: 'spr-tscdeadline-immed-spec-ctrl',
    covers: ['spr_spec_ctrl', 'derived_spr_spec_ctrl_pair'],
    source: spectreSource,
    setup: `${spectreSetup}; WRMSR SPEC_CTRL toggling`,
    family: 'sapphire rapids 6442Y',
    published: 3878,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: sapphireRapids(true),
    tolerancePct: 2.5,
    fitted: false,
    note: 'the cost of the pair, 725 cycles, was taken from the difference of these two',
  },
  {
    id: 'hsw-tscdeadline-preemption-timer',
    covers: ['hsw_tscdeadline_ptimer'],
    source: haswellSource,
    setup: 'Haswell Xeon; VMX-preemption timer',
    family: 'haswell timer',
    published: 5600,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: haswell(true),
    tolerancePct: 2.5,
    fitted: true,
  },
  {
    id: 'hsw-tscdeadline-hrtimer',
    covers: ['hsw_tscdeadline_ptimer'],
    source: haswellSource,
    setup: 'Haswell Xeon; hrtimer',
    family: 'haswell timer',
    published: 6800,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: haswell(false),
    tolerancePct: 2.5,
    fitted: true,
  },
];
