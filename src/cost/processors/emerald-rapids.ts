import type { Processor } from '../processor.js';

/** Emerald Rapids: the core of Sapphire Rapids on two larger tiles. */
export const emeraldRapids: Processor = {
  name: 'emerald-rapids',
  title: 'Intel Xeon of the Emerald Rapids generation, at base frequency, with KVM',
  features: { apicv: true, ipiVirtualization: true },
  tscGhz: 2.1,
  scale: {
    cycles: 1.25,
    range: [0.9, 1.5],
    status: 'unconstrained',
    source:
      'the core of Sapphire Rapids, whose scale was fitted to the figures of its IPIs and timers; no figure of this processor is held against it',
  },
  hardware: {
    apicPageAccess: {
      cycles: 363,
      range: [280, 500],
      status: 'unconstrained',
      source: 'as fitted on Sapphire Rapids, whose core it has',
    },
    ipiVirtualization: {
      cycles: 359,
      range: [200, 600],
      status: 'unconstrained',
      source: 'as fitted on Sapphire Rapids, whose core it has',
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
      source: 'as on Sapphire Rapids, with fewer tiles',
    },
    ipiFlight: {
      ns: [190, 304, 399, 570],
      range: [150, 450],
      status: 'unconstrained',
      source: 'as fitted on Sapphire Rapids, with fewer tiles',
    },
  },
  cStates: [
    { name: 'C1', exitLatencyNs: 1000, targetResidencyNs: 1000 },
    { name: 'C1E', exitLatencyNs: 2000, targetResidencyNs: 4000 },
    { name: 'C6', exitLatencyNs: 290000, targetResidencyNs: 800000 },
  ],
};
