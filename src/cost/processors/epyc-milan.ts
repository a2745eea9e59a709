import type { Processor } from '../processor.js';
import { epyc } from './epyc.js';

/** EPYC of the Zen 3 generation: SVM with AVIC in xAPIC mode. */
export const epycMilan: Processor = {
  name: 'epyc-milan',
  title: 'AMD EPYC of the Zen 3 generation (7R13), with KVM',
  features: { vendor: 'amd', apicv: false, ipiVirtualization: false, avic: true, x2avic: false },
  tscGhz: 2.45,
  relative: epyc,
  scale: {
    cycles: 1.05,
    range: [0.7, 1.5],
    status: 'unconstrained',
    source:
      'between Zen 2 and Zen 4, whose scale was fitted to two figures of its IPIs; no figure of this processor is held against it',
  },
  hardware: epyc.hardware,
  interconnect: {
    lineTransfer: {
      ns: [0, 9.8, 65, 197],
      range: [20, 110],
      status: 'estimated',
      source:
        '23 ns within a core complex, 107 between complexes, 197 between sockets on an EPYC 7R13 (core-to-core-latency, nviennot): a mean of the first two',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 2000 },
    { name: 'C2', exitLatencyNs: 100000, targetResidencyNs: 200000 },
  ],
};
