import { clearBit, testBit } from '../bits256.js';
import { hasPrimary, hasSecondary, Primary, Secondary } from '../controls.js';
import { fullMsrBitmap, type MsrBitmap } from '../msr-bitmap.js';
import type { ApicVmcs } from '../virtual-processor.js';

const tpr = 0x08;
const eoi = 0x0b;
const selfIpi = 0x3f;

/**
 * The MSR bitmap with which L2 runs, for MSRs 800H-8FFH: Linux `nested_vmx_prepare_msr_bitmap`. An access that either L0 or
 * L1 wants to see exits. L0 lets through only what the processor virtualizes: reads with APIC-register virtualization, TPR, and
 * writes of EOI and SELF_IPI with virtual-interrupt delivery.
 *
 * @param vmcs12 - L1's VMCS for L2.
 * @param bitmap12 - L1's bitmap for L2.
 * @returns null if L1 uses no bitmaps: L2 then runs without, and every access exits.
 */
export function nestedMsrBitmap(vmcs12: ApicVmcs, bitmap12: MsrBitmap): MsrBitmap | null {
  if (!hasPrimary(vmcs12, Primary.useMsrBitmaps)) return null;
  const merged = fullMsrBitmap();
  if (!hasSecondary(vmcs12, Secondary.virtualizeX2apicMode)) return merged;
  if (hasSecondary(vmcs12, Secondary.apicRegisterVirtualization)) merged.read = [...bitmap12.read];
  if (!testBit(bitmap12.read, tpr)) clearBit(merged.read, tpr);
  if (!testBit(bitmap12.write, tpr)) clearBit(merged.write, tpr);
  if (hasSecondary(vmcs12, Secondary.virtualInterruptDelivery)) {
    if (!testBit(bitmap12.write, eoi)) clearBit(merged.write, eoi);
    if (!testBit(bitmap12.write, selfIpi)) clearBit(merged.write, selfIpi);
  }
  return merged;
}
