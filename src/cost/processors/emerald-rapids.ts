import type { Processor } from '../processor.js';
import { sapphireRapids } from './sapphire-rapids.js';

/** Emerald Rapids: the core of Sapphire Rapids on two larger tiles. */
export const emeraldRapids: Processor = {
  name: 'emerald-rapids',
  title: 'Intel Xeon of the Emerald Rapids generation, at base frequency, with KVM',
  features: { apicv: true, ipiVirtualization: true },
  tscGhz: 2.1,
  relative: sapphireRapids,
  scale: sapphireRapids.scale,
  hardware: sapphireRapids.hardware,
  interconnect: sapphireRapids.interconnect,
  cStates: sapphireRapids.cStates,
};
