import type { Processor } from '../processor.js';
import { haswell } from './haswell.js';

/** Broadwell-EP: the core of Haswell-EP in a smaller process. */
export const broadwell: Processor = {
  name: 'broadwell',
  title: 'Intel Xeon of the Broadwell-EP generation (E5-2695 v4), with KVM',
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.1,
  relative: haswell,
  scale: haswell.scale,
  hardware: {},
  interconnect: haswell.interconnect,
  cStates: [
    { name: 'C1', exitLatencyNs: 2000, targetResidencyNs: 2000 },
    { name: 'C1E', exitLatencyNs: 10000, targetResidencyNs: 20000 },
    { name: 'C3', exitLatencyNs: 40000, targetResidencyNs: 100000 },
    { name: 'C6', exitLatencyNs: 133000, targetResidencyNs: 400000 },
  ],
};
