import type { Processor } from '../processor.js';

/** Skylake-SP: the processor that the shared costs of paths are counted on. */
export const skylakeSp: Processor = {
  name: 'skylake-sp',
  title: 'Intel Xeon of the Skylake-SP generation (Gold 6148), with KVM',
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.4,
  scale: {
    cycles: 1,
    range: [0.99, 1.01],
    status: 'taken',
    source: 'by definition: the shared costs of paths are cycles of this processor',
  },
  hardware: {
    specCtrl: {
      cycles: 400,
      range: [200, 900],
      status: 'estimated',
      source:
        'a write to IA32_SPEC_CTRL before enhanced IBRS takes effect at once and costs hundreds of cycles; 725 a pair on Sapphire Rapids',
    },
  },
  interconnect: {},
  cStates: [
    { name: 'C1', exitLatencyNs: 2000, targetResidencyNs: 2000 },
    { name: 'C1E', exitLatencyNs: 10_000, targetResidencyNs: 20_000 },
    { name: 'C6', exitLatencyNs: 133_000, targetResidencyNs: 600_000 },
  ],
};
