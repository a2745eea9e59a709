import { clearBit } from '../arch/bits256.js';
import { Exit, PinBased, Primary, Secondary, Tertiary } from '../arch/controls.js';
import { fullMsrBitmap, type MsrBitmap } from '../arch/msr-bitmap.js';
import type { ApicVmcs, U64 } from '../arch/virtual-processor.js';
import { HostVector } from './machine.js';

/** What KVM decides about a virtual CPU when it sets it up. */
export interface VcpuSetUp {
  readonly x2apic: boolean;
  readonly ipiVirtualization: boolean;
  /** Physical address of its posted-interrupt descriptor. */
  readonly descriptorAddress: number;
  /** Physical address of the VM's PID-pointer table, and how many ids it is for (`max_vcpu_ids`). */
  readonly tableAddress: number;
  readonly maxVcpuIds: number;
}

function u64(value: number): U64 {
  return [value % 2 ** 32, Math.floor(value / 2 ** 32)];
}

/**
 * The VMCS fields of a virtual CPU with APICv active. Linux `init_vmcs`, `vmx_pin_based_exec_ctrl`, `vmx_exec_control`,
 * `vmx_secondary_exec_control`, `vmx_tertiary_exec_control`, `vmx_set_virtual_apic_mode`.
 */
export function vmcsOf(setUp: VcpuSetUp): ApicVmcs {
  const mode = setUp.x2apic ? Secondary.virtualizeX2apicMode : Secondary.virtualizeApicAccesses;
  return {
    pinBasedControls:
      PinBased.externalInterruptExiting | PinBased.nmiExiting | PinBased.virtualNmis | PinBased.processPostedInterrupts,
    primaryControls:
      (Primary.hltExiting |
        Primary.useTprShadow |
        Primary.useMsrBitmaps |
        Primary.activateSecondaryControls |
        (setUp.ipiVirtualization ? Primary.activateTertiaryControls : 0)) >>>
      0,
    secondaryControls: mode | Secondary.apicRegisterVirtualization | Secondary.virtualInterruptDelivery,
    tertiaryControls: [setUp.ipiVirtualization ? Tertiary.ipiVirtualization : 0, 0],
    exitControls: Exit.acknowledgeInterruptOnExit,
    tprThreshold: 0,
    guestInterruptStatus: 0,
    eoiExitBitmap0: [0, 0],
    eoiExitBitmap1: [0, 0],
    eoiExitBitmap2: [0, 0],
    eoiExitBitmap3: [0, 0],
    postedInterruptNotificationVector: HostVector.postedInterrupt,
    postedInterruptDescriptorAddress: u64(setUp.descriptorAddress),
    pidPointerTableAddress: setUp.ipiVirtualization ? u64(setUp.tableAddress) : [0, 0],
    lastPidPointerIndex: setUp.ipiVirtualization ? setUp.maxVcpuIds - 1 : 0,
  };
}

/** x2APIC registers that a guest can read: page offsets divided by 16. Without 39H, the current count, which needs emulation. */
const readable = [
  0x02,
  0x03,
  0x08,
  0x0a,
  0x0d,
  0x0f,
  0x28,
  0x30,
  0x32,
  0x33,
  0x34,
  0x35,
  0x36,
  0x37,
  0x38,
  0x3e,
  ...Array.from({ length: 24 }, (_, index) => 0x10 + index),
];

/**
 * The MSR bitmap for the x2APIC registers with APICv active: every readable register but the current count passes, of the writes
 * TPR, EOI and self-IPI, and with IPI virtualization the ICR. Linux `vmx_update_msr_bitmap_x2apic`.
 */
export function msrBitmapOf(setUp: VcpuSetUp): MsrBitmap {
  const bitmap = fullMsrBitmap();
  if (!setUp.x2apic) return bitmap;
  for (const register of readable) clearBit(bitmap.read, register);
  for (const register of [0x08, 0x0b, 0x3f]) clearBit(bitmap.write, register);
  if (setUp.ipiVirtualization) clearBit(bitmap.write, 0x30);
  return bitmap;
}
