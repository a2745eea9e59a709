import type { Processor } from '../processor.js';

/** Ice Lake-SP. */
export const iceLakeSp: Processor = {
  name: 'ice-lake-sp',
  title: 'Intel Xeon of the Ice Lake-SP generation (Platinum 8375C), with KVM',
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.9,
  scale: {
    cycles: 1,
    range: [0.8, 1.3],
    status: 'estimated',
    source:
      'a newer core than Skylake-SP, with slower exits and entries (1.25 times on Sapphire Rapids); no absolute figure is published',
  },
  hardware: {},
  interconnect: {
    lineTransfer: {
      ns: [0, 8.1, 51, 108],
      range: [43, 60],
      status: 'taken',
      source: 'median one-way message of one cache line on a Xeon Platinum 8375C (core-to-core-latency, nviennot)',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 1000 },
    { name: 'C1E', exitLatencyNs: 4000, targetResidencyNs: 4000 },
    { name: 'C6', exitLatencyNs: 170_000, targetResidencyNs: 600_000 },
  ],
};
