import type { ApicVmcs } from './virtual-processor.js';

/** RVI, the requesting virtual interrupt: the vector (0-255) that hardware takes to be the highest in VIRR. SDM vol. 3C, "Guest Interrupt Status". */
export function rvi(vmcs: ApicVmcs): number {
  return vmcs.guestInterruptStatus & 0xff;
}

/** SVI, the servicing virtual interrupt: the vector (0-255) that hardware takes to be the highest in VISR. */
export function svi(vmcs: ApicVmcs): number {
  return (vmcs.guestInterruptStatus >>> 8) & 0xff;
}

/** Sets RVI to `vector` (0-255) and keeps SVI. */
export function setRvi(vmcs: ApicVmcs, vector: number): void {
  vmcs.guestInterruptStatus = (vmcs.guestInterruptStatus & 0xff00) | vector;
}

/** Sets SVI to `vector` (0-255) and keeps RVI. */
export function setSvi(vmcs: ApicVmcs, vector: number): void {
  vmcs.guestInterruptStatus = (vmcs.guestInterruptStatus & 0xff) | (vector << 8);
}
