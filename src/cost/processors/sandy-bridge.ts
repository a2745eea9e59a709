import type { Processor } from '../processor.js';

/** Sandy Bridge-EP: the last server generation without APIC virtualization. */
export const sandyBridge: Processor = {
  name: 'sandy-bridge',
  title: 'Intel Xeon of the Sandy Bridge-EP generation (E5-2600, E5-2400), with KVM',
  features: { apicv: false, ipiVirtualization: false },
  tscGhz: 2.1,
  scale: {
    cycles: 0.93,
    range: [0.7, 1.3],
    status: 'unconstrained',
    source:
      'as on Haswell-EP, two generations later, whose scale was fitted to two timer figures; no figure of this processor is held against it',
  },
  hardware: {},
  interconnect: {
    lineTransfer: {
      ns: [0, 8, 46, 125],
      range: [35, 65],
      status: 'unconstrained',
      source:
        'the rings of Broadwell-EP (44 and 118 ns on a Xeon E5-2695 v4, core-to-core-latency, nviennot), with slower links between sockets',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 2000, targetResidencyNs: 2000 },
    { name: 'C1E', exitLatencyNs: 10000, targetResidencyNs: 20000 },
    { name: 'C3', exitLatencyNs: 80000, targetResidencyNs: 211000 },
    { name: 'C6', exitLatencyNs: 104000, targetResidencyNs: 345000 },
  ],
};
