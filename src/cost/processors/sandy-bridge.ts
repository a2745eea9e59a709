import type { Processor } from '../processor.js';
import { ivyBridge } from './ivy-bridge.js';

/** Sandy Bridge-EP: the last server generation without APIC virtualization. */
export const sandyBridge: Processor = {
  name: 'sandy-bridge',
  title: 'Intel Xeon of the Sandy Bridge-EP generation (E5-2600, E5-2400), with KVM',
  features: { apicv: false, ipiVirtualization: false },
  tscGhz: 2.1,
  relative: ivyBridge,
  scale: ivyBridge.scale,
  hardware: {},
  interconnect: ivyBridge.interconnect,
  cStates: [
    { name: 'C1', exitLatencyNs: 2000, targetResidencyNs: 2000 },
    { name: 'C1E', exitLatencyNs: 10000, targetResidencyNs: 20000 },
    { name: 'C3', exitLatencyNs: 80000, targetResidencyNs: 211000 },
    { name: 'C6', exitLatencyNs: 104000, targetResidencyNs: 345000 },
  ],
};
