import type { Processor } from '../processor.js';
import { skylakeSp } from './skylake-sp.js';

/** Cascade Lake: the core and mesh of Skylake-SP, with fixes against speculation in hardware. */
export const cascadeLake: Processor = {
  name: 'cascade-lake',
  title: 'Intel Xeon of the Cascade Lake generation (Gold 6242), with KVM',
  features: { apicv: true, ipiVirtualization: false },
  tscGhz: 2.8,
  relative: skylakeSp,
  scale: {
    cycles: 1,
    range: [0.9, 1.1],
    status: 'grouped',
    source: 'the same core as Skylake-SP; another uncore clock and microcode',
  },
  hardware: skylakeSp.hardware,
  interconnect: {},
  cStates: skylakeSp.cStates,
};
