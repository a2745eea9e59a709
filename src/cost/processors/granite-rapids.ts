import type { Processor } from '../processor.js';

/** Granite Rapids: Xeon 6 with performance cores. */
export const graniteRapids: Processor = {
  name: 'granite-rapids',
  title: 'Intel Xeon 6 of the Granite Rapids generation, at base frequency, with KVM',
  features: { apicv: true, ipiVirtualization: true },
  tscGhz: 2.3,
  scale: {
    cycles: 1.2,
    range: [0.8, 1.5],
    status: 'unconstrained',
    source:
      'a refined core of Sapphire Rapids, whose scale of 1.25 was fitted to the figures of its IPIs and timers; no figure of this processor is held against it',
  },
  hardware: {
    apicPageAccess: {
      cycles: 363,
      range: [280, 500],
      status: 'unconstrained',
      source: 'as fitted on Sapphire Rapids, the generation before last',
    },
    ipiVirtualization: {
      cycles: 359,
      range: [200, 600],
      status: 'unconstrained',
      source: 'as fitted on Sapphire Rapids, the generation before last',
    },
    specCtrl: {
      cycles: 725,
      range: [400, 900],
      status: 'unconstrained',
      source: 'as on Sapphire Rapids (3878 against 3153 cycles of tscdeadline_immed, Kohler, September 2024)',
    },
  },
  interconnect: {
    lineTransfer: {
      ns: [0, 9, 65, 150],
      range: [48, 85],
      status: 'unconstrained',
      source: 'as on Sapphire Rapids, with compute and I/O on tiles of their own',
    },
    ipiFlight: {
      ns: [190, 304, 399, 570],
      range: [150, 450],
      status: 'unconstrained',
      source: 'as fitted on Sapphire Rapids, with compute and I/O on tiles of their own',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 1000 },
    { name: 'C1E', exitLatencyNs: 4000, targetResidencyNs: 4000 },
    { name: 'C6', exitLatencyNs: 170000, targetResidencyNs: 650000 },
    { name: 'C6P', exitLatencyNs: 210000, targetResidencyNs: 1000000 },
  ],
};
