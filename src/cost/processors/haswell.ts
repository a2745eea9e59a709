import type { Processor } from '../processor.js';

/** Haswell-EP: the first with the VMX-preemption timer figures. */
export const haswell: Processor = {
  name: 'haswell',
  title: 'Intel Xeon of the Haswell-EP generation, with KVM',
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.3,
  scale: {
    cycles: 1.1,
    range: [0.8, 1.5],
    status: 'estimated',
    source:
      'an older core than Skylake-SP; round trips of the unit tests took 5600 cycles for 5766 there (commit cfbd129ca4c8)',
  },
  hardware: {},
  interconnect: {
    lineTransfer: {
      ns: [0, 7.6, 44, 118],
      range: [37, 55],
      status: 'taken',
      source:
        'median one-way message of one cache line on a Xeon E5-2695 v4 (core-to-core-latency, nviennot): Broadwell-EP has the rings of Haswell-EP',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 2000, targetResidencyNs: 2000 },
    { name: 'C1E', exitLatencyNs: 10_000, targetResidencyNs: 20_000 },
    { name: 'C3', exitLatencyNs: 33_000, targetResidencyNs: 100_000 },
    { name: 'C6', exitLatencyNs: 133_000, targetResidencyNs: 400_000 },
  ],
};
