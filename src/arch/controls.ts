import type { ApicVmcs } from './virtual-processor.js';

/** Pin-based VM-execution controls, as masks. SDM vol. 3C, table "Definitions of Pin-Based VM-Execution Controls". */
export const PinBased = {
  /** External-interrupt exiting. */
  externalInterruptExiting: 0x1,
  /** NMI exiting. */
  nmiExiting: 0x8,
  /** Virtual NMIs. */
  virtualNmis: 0x20,
  /** Activate VMX-preemption timer. */
  activateVmxPreemptionTimer: 0x40,
  /** Process posted interrupts. */
  processPostedInterrupts: 0x80,
} as const;

/** Primary processor-based VM-execution controls, as masks. SDM vol. 3C, table of the same name. */
export const Primary = {
  /** Interrupt-window exiting. */
  interruptWindowExiting: 0x4,
  /** Use TSC offsetting. */
  useTscOffsetting: 0x8,
  /** HLT exiting. */
  hltExiting: 0x80,
  /** INVLPG exiting. */
  invlpgExiting: 0x200,
  /** MWAIT exiting. */
  mwaitExiting: 0x400,
  /** RDPMC exiting. */
  rdpmcExiting: 0x800,
  /** RDTSC exiting. */
  rdtscExiting: 0x1000,
  /** CR3-load exiting. */
  cr3LoadExiting: 0x8000,
  /** CR3-store exiting. */
  cr3StoreExiting: 0x1_0000,
  /** Activate tertiary controls. */
  activateTertiaryControls: 0x2_0000,
  /** CR8-load exiting. */
  cr8LoadExiting: 0x8_0000,
  /** CR8-store exiting. */
  cr8StoreExiting: 0x10_0000,
  /** Use TPR shadow. */
  useTprShadow: 0x20_0000,
  /** NMI-window exiting. */
  nmiWindowExiting: 0x40_0000,
  /** MOV-DR exiting. */
  movDrExiting: 0x80_0000,
  /** Unconditional I/O exiting. */
  unconditionalIOExiting: 0x100_0000,
  /** Use I/O bitmaps. */
  useIOBitmaps: 0x200_0000,
  /** Monitor trap flag. */
  monitorTrapFlag: 0x800_0000,
  /** Use MSR bitmaps. */
  useMsrBitmaps: 0x1000_0000,
  /** MONITOR exiting. */
  monitorExiting: 0x2000_0000,
  /** PAUSE exiting. */
  pauseExiting: 0x4000_0000,
  /** Activate secondary controls. */
  activateSecondaryControls: 0x8000_0000,
} as const;

/** Secondary processor-based VM-execution controls, as masks. SDM vol. 3C, table of the same name. */
export const Secondary = {
  /** Virtualize APIC accesses. */
  virtualizeApicAccesses: 0x1,
  /** Enable EPT. */
  enableEpt: 0x2,
  /** Descriptor-table exiting. */
  descriptorTableExiting: 0x4,
  /** Enable RDTSCP. */
  enableRdtscp: 0x8,
  /** Virtualize x2APIC mode. */
  virtualizeX2apicMode: 0x10,
  /** Enable VPID. */
  enableVpid: 0x20,
  /** WBINVD exiting. */
  wbinvdExiting: 0x40,
  /** Unrestricted guest. */
  unrestrictedGuest: 0x80,
  /** APIC-register virtualization. */
  apicRegisterVirtualization: 0x100,
  /** Virtual-interrupt delivery. */
  virtualInterruptDelivery: 0x200,
  /** PAUSE-loop exiting. */
  pauseLoopExiting: 0x400,
  /** RDRAND exiting. */
  rdrandExiting: 0x800,
  /** Enable INVPCID. */
  enableInvpcid: 0x1000,
  /** Enable VM functions. */
  enableVmFunctions: 0x2000,
  /** VMCS shadowing. */
  vmcsShadowing: 0x4000,
  /** Enable ENCLS exiting. */
  enableEnclsExiting: 0x8000,
  /** RDSEED exiting. */
  rdseedExiting: 0x1_0000,
  /** Enable PML. */
  enablePml: 0x2_0000,
  /** EPT-violation #VE. */
  eptViolationVe: 0x4_0000,
  /** Conceal VMX from PT. */
  concealVmxFromPt: 0x8_0000,
  /** Enable XSAVES/XRSTORS. */
  enableXsavesXrstors: 0x10_0000,
  /** PASID translation. */
  pasidTranslation: 0x20_0000,
  /** Mode-based execute control for EPT. */
  modeBasedExecuteControlForEpt: 0x40_0000,
  /** Sub-page write permissions for EPT. */
  subPageWritePermissionsForEpt: 0x80_0000,
  /** Intel PT uses guest physical addresses. */
  intelPtUsesGuestPhysicalAddresses: 0x100_0000,
  /** Use TSC scaling. */
  useTscScaling: 0x200_0000,
  /** Enable user wait and pause. */
  enableUserWaitAndPause: 0x400_0000,
  /** Enable PCONFIG. */
  enablePconfig: 0x800_0000,
  /** Enable ENCLV exiting. */
  enableEnclvExiting: 0x1000_0000,
  /** VMM bus-lock detection. */
  vmmBusLockDetection: 0x4000_0000,
  /** Instruction timeout. */
  instructionTimeout: 0x8000_0000,
} as const;

/**
 * Tertiary processor-based VM-execution controls, as masks of bits 31:0 (no bit above 31 is defined). SDM vol. 3C, table of
 * the same name.
 */
export const Tertiary = {
  /** LOADIWKEY exiting. */
  loadiwkeyExiting: 0x1,
  /** Enable HLAT. */
  enableHlat: 0x2,
  /** EPT paging-write control. */
  eptPagingWriteControl: 0x4,
  /** Guest-paging verification. */
  guestPagingVerification: 0x8,
  /** IPI virtualization. */
  ipiVirtualization: 0x10,
  /** SEAM guest-physical address width. */
  seamGuestPhysicalAddressWidth: 0x20,
  /** Enable MSR-list instructions. */
  enableMsrListInstructions: 0x40,
  /** Virtualize IA32_SPEC_CTRL. */
  virtualizeIa32SpecCtrl: 0x80,
  /** APIC-timer virtualization. */
  apicTimerVirtualization: 0x100,
  /** Enable PBNDKB. */
  enablePbndkb: 0x200,
  /** PEBS uses guest physical addresses. */
  pebsUsesGuestPhysicalAddresses: 0x1000,
} as const;

/** Primary VM-exit controls, as masks. SDM vol. 3C, table "Definitions of Primary VM-Exit Controls". */
export const Exit = {
  /** Save debug controls. */
  saveDebugControls: 0x4,
  /** Host address-space size. */
  hostAddressSpaceSize: 0x200,
  /** Load IA32_PERF_GLOBAL_CTRL. */
  loadIa32PerfGlobalCtrl: 0x1000,
  /** Acknowledge interrupt on exit. */
  acknowledgeInterruptOnExit: 0x8000,
  /** Save IA32_PAT. */
  saveIa32Pat: 0x4_0000,
  /** Load IA32_PAT. */
  loadIa32Pat: 0x8_0000,
  /** Save IA32_EFER. */
  saveIa32Efer: 0x10_0000,
  /** Load IA32_EFER. */
  loadIa32Efer: 0x20_0000,
  /** Save VMX-preemption timer value. */
  saveVmxPreemptionTimerValue: 0x40_0000,
  /** Clear IA32_BNDCFGS. */
  clearIa32Bndcfgs: 0x80_0000,
  /** Conceal VMX from PT. */
  concealVmxFromPt: 0x100_0000,
  /** Clear IA32_RTIT_CTL. */
  clearIa32RtitCtl: 0x200_0000,
  /** Clear IA32_LBR_CTL. */
  clearIa32LbrCtl: 0x400_0000,
  /** Clear UINV. */
  clearUinv: 0x800_0000,
  /** Load CET state. */
  loadCetState: 0x1000_0000,
  /** Load PKRS. */
  loadPkrs: 0x2000_0000,
  /** Save IA32_PERF_GLOBAL_CTL. */
  saveIa32PerfGlobalCtl: 0x4000_0000,
  /** Activate secondary controls. */
  activateSecondaryControls: 0x8000_0000,
} as const;

/** True if the pin-based controls have a bit of `mask` ({@link PinBased}) set. */
export function hasPin(vmcs: ApicVmcs, mask: number): boolean {
  return (vmcs.pinBasedControls & mask) !== 0;
}

/** True if the primary controls have a bit of `mask` ({@link Primary}) set. */
export function hasPrimary(vmcs: ApicVmcs, mask: number): boolean {
  return (vmcs.primaryControls & mask) !== 0;
}

/** True if the secondary controls are activated (primary bit 31) and have a bit of `mask` ({@link Secondary}) set. */
export function hasSecondary(vmcs: ApicVmcs, mask: number): boolean {
  return (vmcs.primaryControls & Primary.activateSecondaryControls) !== 0 && (vmcs.secondaryControls & mask) !== 0;
}

/** True if the tertiary controls are activated (primary bit 17) and have a bit of `mask` ({@link Tertiary}) set. */
export function hasTertiary(vmcs: ApicVmcs, mask: number): boolean {
  return (vmcs.primaryControls & Primary.activateTertiaryControls) !== 0 && (vmcs.tertiaryControls[0] & mask) !== 0;
}

/** True if the primary VM-exit controls have a bit of `mask` ({@link Exit}) set. */
export function hasExit(vmcs: ApicVmcs, mask: number): boolean {
  return (vmcs.exitControls & mask) !== 0;
}
