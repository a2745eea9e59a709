import type { Processor } from '../processor.js';
import { sapphireRapids } from './sapphire-rapids.js';

/** Granite Rapids: Xeon 6 with performance cores. */
export const graniteRapids: Processor = {
  name: 'granite-rapids',
  title: 'Intel Xeon 6 of the Granite Rapids generation, at base frequency, with KVM',
  features: { apicv: true, ipiVirtualization: true },
  tscGhz: 2.3,
  relative: sapphireRapids,
  scale: {
    cycles: 1.2,
    range: [0.8, 1.5],
    status: 'unconstrained',
    source:
      'a refined core of Sapphire Rapids, whose scale of 1.25 was fitted to the figures of its IPIs and timers; no figure of this processor is held against it',
  },
  hardware: sapphireRapids.hardware,
  interconnect: sapphireRapids.interconnect,
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 1000 },
    { name: 'C1E', exitLatencyNs: 4000, targetResidencyNs: 4000 },
    { name: 'C6', exitLatencyNs: 170000, targetResidencyNs: 650000 },
    { name: 'C6P', exitLatencyNs: 210000, targetResidencyNs: 1000000 },
  ],
};
