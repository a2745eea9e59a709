import { ApicMode } from '../arch/apic-mode.js';
import { clearBit } from '../arch/bits256.js';
import { Exit, PinBased, Primary, Secondary, Tertiary } from '../arch/controls.js';
import { fullMsrBitmap, type MsrBitmap } from '../arch/msr-bitmap.js';
import type { ApicVmcs, U64 } from '../arch/virtual-processor.js';
import { avicControls } from '../hardware/avic.js';
import { HostVector, type KvmMachine, type KvmVcpu, type KvmVm, vmOf } from './machine.js';
import { readableRegisters } from './readable-registers.js';

function u64(value: number): U64 {
  return [value % 2 ** 32, Math.floor(value / 2 ** 32)];
}

/** What the controls of a virtual CPU follow from. */
export interface ControlChoice {
  readonly apicMode: ApicMode;
  /** APICv active on it. */
  readonly apicv: boolean;
  readonly ipiVirtualization: boolean;
  /** An AMD host: what its VMCB intercepts, by the VMX controls that mean the same. */
  readonly svm: boolean;
  readonly x2avic: boolean;
  /** An APIC-access page in xAPIC mode. */
  readonly flexpriority: boolean;
  readonly tprShadow: boolean;
  readonly pauseLoopExiting: boolean;
  readonly hltInGuest: boolean;
  readonly mwaitInGuest: boolean;
}

const always = Primary.useMsrBitmaps | Primary.activateSecondaryControls;
const cr8Exiting = Primary.cr8LoadExiting | Primary.cr8StoreExiting;

/**
 * The controls of a virtual CPU that concern interrupts. Without APICv what is left is the TPR shadow, and in xAPIC mode the
 * APIC-access page (flexpriority); without the TPR shadow accesses to CR8 exit. Linux `vmx_pin_based_exec_ctrl`, `vmx_exec_control`, `vmx_secondary_exec_control`,
 * `vmx_tertiary_exec_control`, `vmx_set_virtual_apic_mode`.
 */
function controlsOf(choice: ControlChoice): {
  pinBasedControls: number;
  primaryControls: number;
  secondaryControls: number;
  tertiaryControls: U64;
} {
  const { apicMode, apicv, ipiVirtualization, flexpriority, tprShadow, hltInGuest, mwaitInGuest } = choice;
  if (choice.svm) return svmControls(choice);
  const tertiary = apicv && ipiVirtualization;
  const mode =
    apicMode === ApicMode.x2apic && tprShadow
      ? Secondary.virtualizeX2apicMode
      : apicMode === ApicMode.xapic && flexpriority
        ? Secondary.virtualizeApicAccesses
        : 0;
  return {
    pinBasedControls:
      PinBased.externalInterruptExiting |
      PinBased.nmiExiting |
      PinBased.virtualNmis |
      (apicv ? PinBased.processPostedInterrupts : 0),
    primaryControls:
      (always |
        (tprShadow ? Primary.useTprShadow : cr8Exiting) |
        (hltInGuest ? 0 : Primary.hltExiting) |
        (mwaitInGuest ? 0 : Primary.mwaitExiting | Primary.monitorExiting) |
        (ipiVirtualization ? Primary.activateTertiaryControls : 0)) >>>
      0,
    secondaryControls:
      mode |
      (choice.pauseLoopExiting ? Secondary.pauseLoopExiting : 0) |
      (apicv ? Secondary.apicRegisterVirtualization | Secondary.virtualInterruptDelivery : 0),
    tertiaryControls: [tertiary ? Tertiary.ipiVirtualization : 0, 0],
  };
}

/**
 * The intercepts of a VMCB: without AVIC CR8 is in V_TPR, the registers of the APIC are not mapped, and the MSRs of an x2APIC are intercepted.
 * Linux `init_vmcb`, `avic_init_vmcb`.
 */
function svmControls({ apicv, hltInGuest, mwaitInGuest }: ControlChoice): ReturnType<typeof controlsOf> {
  return {
    pinBasedControls: PinBased.externalInterruptExiting | PinBased.nmiExiting | PinBased.virtualNmis,
    primaryControls:
      (always |
        Primary.useTprShadow |
        (hltInGuest ? 0 : Primary.hltExiting) |
        (mwaitInGuest ? 0 : Primary.mwaitExiting | Primary.monitorExiting)) >>>
      0,
    secondaryControls: apicv ? avicControls : 0,
    tertiaryControls: [0, 0],
  };
}

/** What the controls of a virtual CPU follow from as it is now. */
export function controlChoiceOf(machine: KvmMachine, vcpu: KvmVcpu): ControlChoice {
  const vm = vmOf(machine, vcpu);
  return {
    apicMode: vcpu.apicMode,
    apicv: vcpu.apicvActive === 1,
    ipiVirtualization: vm.ipiVirtualization === 1,
    svm: vm.svm === 1,
    x2avic: vm.x2avic === 1,
    flexpriority: vm.flexpriority === 1,
    tprShadow: vm.tprShadow === 1,
    pauseLoopExiting: vm.ple === 1 && vm.pauseInGuest === 0,
    hltInGuest: vm.hltInGuest === 1,
    mwaitInGuest: vm.mwaitInGuest === 1,
  };
}

/** The VMCS of a new virtual CPU. Linux `init_vmcs`. */
export function initialVmcs(vm: KvmVm, choice: ControlChoice, descriptorAddress: number): ApicVmcs {
  const { pinBasedControls, primaryControls, secondaryControls, tertiaryControls } = controlsOf(choice);
  return {
    pinBasedControls,
    primaryControls,
    secondaryControls,
    tertiaryControls,
    exitControls: choice.svm ? 0 : Exit.acknowledgeInterruptOnExit,
    tprThreshold: 0,
    guestInterruptStatus: 0,
    eoiExitBitmap0: [0, 0],
    eoiExitBitmap1: [0, 0],
    eoiExitBitmap2: [0, 0],
    eoiExitBitmap3: [0, 0],
    postedInterruptNotificationVector: HostVector.postedInterrupt,
    postedInterruptDescriptorAddress: u64(descriptorAddress),
    pidPointerTableAddress: choice.ipiVirtualization ? u64(vm.pidTableAddress) : [0, 0],
    lastPidPointerIndex: choice.ipiVirtualization ? vm.maxVcpuIds - 1 : 0,
  };
}

/** Controls and MSR bitmap after APICv or the APIC's mode has changed; windows and the preemption timer stay as they are. Linux `vmx_refresh_apicv_exec_ctrl`, `vmx_set_virtual_apic_mode`. */
export function applyApicvControls(machine: KvmMachine, vcpu: KvmVcpu): void {
  const { vmcs } = vcpu;
  const choice = controlChoiceOf(machine, vcpu);
  const controls = controlsOf(choice);
  const windows = Primary.interruptWindowExiting | Primary.nmiWindowExiting;
  vmcs.pinBasedControls = controls.pinBasedControls | (vmcs.pinBasedControls & PinBased.activateVmxPreemptionTimer);
  vmcs.primaryControls = (controls.primaryControls | (vmcs.primaryControls & windows)) >>> 0;
  vmcs.secondaryControls = controls.secondaryControls;
  vmcs.tertiaryControls = controls.tertiaryControls;
  vcpu.msrBitmap = msrBitmapOf(choice);
  vcpu.avic = choice.svm && choice.apicv ? 1 : 0;
}

/** All that can be read but 39H, the current count, which needs emulation. */
const readable = readableRegisters.filter((register) => register !== 0x39);

/**
 * The MSR bitmap for the x2APIC registers. Outside x2APIC mode and without the TPR shadow everything exits; without APICv everything but TPR. With APICv every
 * readable register but the current count passes, of the writes TPR, EOI and self-IPI, and with IPI virtualization the ICR. Linux
 * `vmx_update_msr_bitmap_x2apic`.
 */
export function msrBitmapOf(choice: ControlChoice): MsrBitmap {
  const bitmap = fullMsrBitmap();
  if (choice.apicMode !== ApicMode.x2apic || !choice.tprShadow) return bitmap;
  if (choice.svm) return x2avicBitmap(bitmap, choice);
  if (!choice.apicv) {
    clearBit(bitmap.read, 0x08);
    clearBit(bitmap.write, 0x08);
    return bitmap;
  }
  for (const register of readable) clearBit(bitmap.read, register);
  for (const register of [0x08, 0x0b, 0x3f]) clearBit(bitmap.write, register);
  if (choice.ipiVirtualization) clearBit(bitmap.write, 0x30);
  return bitmap;
}

/** x2APIC registers whose writes x2AVIC takes from the guest, divided by 16; LVTT is intercepted. Linux `svm_set_x2apic_msr_interception`. */
const avicWritable = [0x08, 0x0b, 0x0f, 0x28, 0x30, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3e, 0x3f];

function x2avicBitmap(bitmap: MsrBitmap, { apicv, x2avic }: ControlChoice): MsrBitmap {
  if (!apicv || !x2avic) return bitmap;
  for (const register of readableRegisters) clearBit(bitmap.read, register);
  for (const register of avicWritable) clearBit(bitmap.write, register);
  return bitmap;
}
