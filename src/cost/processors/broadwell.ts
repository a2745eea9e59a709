import type { Processor } from '../processor.js';

/** Broadwell-EP: the core of Haswell-EP in a smaller process. */
export const broadwell: Processor = {
  name: 'broadwell',
  title: 'Intel Xeon of the Broadwell-EP generation (E5-2695 v4), with KVM',
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.1,
  scale: {
    cycles: 0.93,
    range: [0.75, 1.2],
    status: 'unconstrained',
    source:
      'the core of Haswell-EP, whose scale was fitted to two timer figures; no figure of this processor is held against it',
  },
  hardware: {},
  interconnect: {
    lineTransfer: {
      ns: [0, 7.6, 44, 118],
      range: [37, 55],
      status: 'taken',
      source: 'median one-way message of one cache line on a Xeon E5-2695 v4 (core-to-core-latency, nviennot)',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 2000, targetResidencyNs: 2000 },
    { name: 'C1E', exitLatencyNs: 10000, targetResidencyNs: 20000 },
    { name: 'C3', exitLatencyNs: 40000, targetResidencyNs: 100000 },
    { name: 'C6', exitLatencyNs: 133000, targetResidencyNs: 400000 },
  ],
};
