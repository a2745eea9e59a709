import type { Processor } from '../processor.js';
import { epyc } from './epyc.js';

/** EPYC of the Zen 2 generation: SVM with AVIC in xAPIC mode. */
export const epycRome: Processor = {
  name: 'epyc-rome',
  title: 'AMD EPYC of the Zen 2 generation (7642), with KVM',
  features: { vendor: 'amd', apicv: false, ipiVirtualization: false, avic: true, x2avic: false },
  tscGhz: 2.3,
  relative: epyc,
  scale: {
    cycles: 1.1,
    range: [0.7, 1.6],
    status: 'unconstrained',
    source:
      'a core of two generations before Zen 4, which is 10 percent too fast for a call between CPUs of an EPYC 7642 (kvm list, 2021-10-21)',
  },
  hardware: {
    ...epyc.hardware,
    specCtrl: {
      cycles: 400,
      range: [50, 900],
      status: 'unconstrained',
      source: 'a write to IA32_SPEC_CTRL, which Zen 3 and later switch with the world (virtual SPEC_CTRL)',
    },
  },
  interconnect: {
    lineTransfer: {
      ns: [0, 6.5, 60, 200],
      range: [20, 110],
      status: 'estimated',
      source:
        '24 ns within a core complex, 94 between complexes on a Threadripper 3960X (core-to-core-latency, nviennot): a mean of both; between sockets as on Zen 3',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 2000 },
    { name: 'C2', exitLatencyNs: 400000, targetResidencyNs: 800000 },
  ],
};
