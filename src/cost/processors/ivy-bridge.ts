import type { Processor } from '../processor.js';
import { haswell } from './haswell.js';

/** Ivy Bridge-EP: the first server generation with APIC virtualization. */
export const ivyBridge: Processor = {
  name: 'ivy-bridge',
  title: 'Intel Xeon of the Ivy Bridge-EP generation (E5-2600 v2), with KVM',
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.5,
  relative: haswell,
  scale: haswell.scale,
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
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 1000 },
    { name: 'C1E', exitLatencyNs: 10000, targetResidencyNs: 80000 },
    { name: 'C3', exitLatencyNs: 59000, targetResidencyNs: 156000 },
    { name: 'C6', exitLatencyNs: 82000, targetResidencyNs: 300000 },
  ],
};
