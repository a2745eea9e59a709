import { addressWidth } from '../capabilities.js';
import { hasPrimary, Primary } from '../controls.js';
import { mark } from '../mark.js';
import { addressOf } from '../physical-memory.js';
import { fitsWidth } from '../u64.js';
import type { Vmcs } from '../vmcs.js';
import type { VmcsNumberFieldId, VmcsPairFieldId } from '../vmcs-fields.js';
import type { Report, VmEntryContext } from './failure.js';

/** VM-entry check on the MSR bitmaps, which decide about x2APIC MSRs. SDM vol. 3C, 29.2.1.1, "VM-Execution Control Fields". */
export function checkMsrBitmapAddress(vmcs: Vmcs, context: VmEntryContext, report: Report): void {
  if (!hasPrimary(vmcs, Primary.useMsrBitmaps)) return;
  const address = vmcs.addressOfMsrBitmaps;
  if ((address[0] & 0xfff) === 0 && fitsWidth(address, addressWidth(context.capabilities))) return;
  mark('MSR bitmaps');
  report(
    'MSR bitmaps',
    ['addressOfMsrBitmaps'],
    'the MSR bitmaps are not 4-KiB aligned inside the physical-address width',
  );
}

/**
 * VM-entry check on the place of an MSR area: 16-byte aligned, all of it inside the width. An empty area is not checked. SDM
 * vol. 3C, 29.2.1.2, "VM-Exit Control Fields", and 29.2.1.3, "VM-Entry Control Fields".
 */
export function checkMsrAreaAddress(
  vmcs: Vmcs,
  countField: VmcsNumberFieldId,
  addressField: VmcsPairFieldId,
  context: VmEntryContext,
  report: Report,
): void {
  const count = vmcs[countField];
  if (count === 0) return;
  const width = addressWidth(context.capabilities);
  const address = vmcs[addressField];
  const inside = fitsWidth(address, width) && addressOf(address) + 16 * count <= 2 ** width;
  if ((address[0] & 0xf) === 0 && inside) return;
  mark('MSR area');
  report(
    'MSR area',
    [addressField, countField],
    'the MSR area is not 16-byte aligned inside the physical-address width',
  );
}
