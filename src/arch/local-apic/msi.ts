import type { InterruptMessage } from './interrupt-message.js';

/** A message-signalled interrupt as a device writes it. SDM vol. 3A, "Message Signalled Interrupts". */
export interface Msi {
  /** Bits 31:0 of the address: FEEH in bits 31:20, destination 19:12, redirection hint 3, destination mode 2. */
  addressLow: number;
  /** Bits 63:32 of the address; 0 but where a hypervisor takes bits 31:8 as the destination's. */
  addressHigh: number;
  /** Vector in bits 7:0, delivery mode 10:8, level 14, trigger mode 15. */
  data: number;
}

/**
 * How a destination above 255 is written, which the SDM does not provide for: `none`; `extended-id`, bits 14:8 in bits 11:5 of the
 * address (KVM_FEATURE_MSI_EXT_DEST_ID); or `high-address`, bits 31:8 in the upper half of the address
 * (KVM_X2APIC_API_USE_32BIT_IDS, kvm_set_msi_irq).
 */
export type MsiDestinationFormat = 'none' | 'extended-id' | 'high-address';

/**
 * The interrupt message of an MSI.
 *
 * @returns undefined if the address is not one of interrupts (bits 31:20 are not FEEH).
 */
export function decodeMsi(msi: Msi, format: MsiDestinationFormat = 'none'): InterruptMessage | undefined {
  const { addressLow, addressHigh, data } = msi;
  if (addressLow >>> 20 !== 0xfee) return undefined;
  let destination = (addressLow >>> 12) & 0xff;
  if (format === 'extended-id') destination |= ((addressLow >>> 5) & 0x7f) << 8;
  if (format === 'high-address') destination = (destination | (addressHigh & 0xffff_ff00)) >>> 0;
  return {
    vector: data & 0xff,
    deliveryMode: (data >>> 8) & 7,
    destinationMode: (addressLow >>> 2) & 1,
    destination,
    shorthand: 0,
    triggerMode: (data >>> 15) & 1,
  };
}

/**
 * The MSI of an interrupt message: the inverse of {@link decodeMsi}, level asserted, no redirection hint.
 *
 * @throws RangeError if the destination does not fit in `format` (8, 15 or 32 bits).
 */
export function encodeMsi(message: InterruptMessage, format: MsiDestinationFormat = 'none'): Msi {
  const { destination } = message;
  const limit = format === 'none' ? 0xff : format === 'extended-id' ? 0x7fff : 0xffff_ffff;
  if (destination > limit)
    throw new RangeError(`destination ${destination}: above ${limit}, the most that an MSI holds`);
  const extended = format === 'extended-id' ? (destination >>> 8) << 5 : 0;
  return {
    addressLow: (0xfee0_0000 | ((destination & 0xff) << 12) | extended | (message.destinationMode << 2)) >>> 0,
    addressHigh: format === 'high-address' ? (destination & 0xffff_ff00) >>> 0 : 0,
    data: message.vector | (message.deliveryMode << 8) | 0x4000 | (message.triggerMode << 15),
  };
}
