import type { Exit, PinBased, Primary, Secondary, Tertiary } from './controls.js';
import type { Entry } from './entry-controls.js';
import type { SecondaryExit } from './secondary-exit-controls.js';
import type { VmFunction } from './vm-function-controls.js';

// The SDM's names of the controls, for messages and dumps: SDM vol. 3C, tables of definitions in chapter "VMCS".

export const pinBasedNames = {
  externalInterruptExiting: 'External-interrupt exiting',
  nmiExiting: 'NMI exiting',
  virtualNmis: 'Virtual NMIs',
  activateVmxPreemptionTimer: 'Activate VMX-preemption timer',
  processPostedInterrupts: 'Process posted interrupts',
} as const satisfies Record<keyof typeof PinBased, string>;

export const primaryNames = {
  interruptWindowExiting: 'Interrupt-window exiting',
  useTscOffsetting: 'Use TSC offsetting',
  hltExiting: 'HLT exiting',
  invlpgExiting: 'INVLPG exiting',
  mwaitExiting: 'MWAIT exiting',
  rdpmcExiting: 'RDPMC exiting',
  rdtscExiting: 'RDTSC exiting',
  cr3LoadExiting: 'CR3-load exiting',
  cr3StoreExiting: 'CR3-store exiting',
  activateTertiaryControls: 'Activate tertiary controls',
  cr8LoadExiting: 'CR8-load exiting',
  cr8StoreExiting: 'CR8-store exiting',
  useTprShadow: 'Use TPR shadow',
  nmiWindowExiting: 'NMI-window exiting',
  movDrExiting: 'MOV-DR exiting',
  unconditionalIOExiting: 'Unconditional I/O exiting',
  useIOBitmaps: 'Use I/O bitmaps',
  monitorTrapFlag: 'Monitor trap flag',
  useMsrBitmaps: 'Use MSR bitmaps',
  monitorExiting: 'MONITOR exiting',
  pauseExiting: 'PAUSE exiting',
  activateSecondaryControls: 'Activate secondary controls',
} as const satisfies Record<keyof typeof Primary, string>;

export const secondaryNames = {
  virtualizeApicAccesses: 'Virtualize APIC accesses',
  enableEpt: 'Enable EPT',
  descriptorTableExiting: 'Descriptor-table exiting',
  enableRdtscp: 'Enable RDTSCP',
  virtualizeX2apicMode: 'Virtualize x2APIC mode',
  enableVpid: 'Enable VPID',
  wbinvdExiting: 'WBINVD exiting',
  unrestrictedGuest: 'Unrestricted guest',
  apicRegisterVirtualization: 'APIC-register virtualization',
  virtualInterruptDelivery: 'Virtual-interrupt delivery',
  pauseLoopExiting: 'PAUSE-loop exiting',
  rdrandExiting: 'RDRAND exiting',
  enableInvpcid: 'Enable INVPCID',
  enableVmFunctions: 'Enable VM functions',
  vmcsShadowing: 'VMCS shadowing',
  enableEnclsExiting: 'Enable ENCLS exiting',
  rdseedExiting: 'RDSEED exiting',
  enablePml: 'Enable PML',
  eptViolationVe: 'EPT-violation #VE',
  concealVmxFromPt: 'Conceal VMX from PT',
  enableXsavesXrstors: 'Enable XSAVES/XRSTORS',
  pasidTranslation: 'PASID translation',
  modeBasedExecuteControlForEpt: 'Mode-based execute control for EPT',
  subPageWritePermissionsForEpt: 'Sub-page write permissions for EPT',
  intelPtUsesGuestPhysicalAddresses: 'Intel PT uses guest physical addresses',
  useTscScaling: 'Use TSC scaling',
  enableUserWaitAndPause: 'Enable user wait and pause',
  enablePconfig: 'Enable PCONFIG',
  enableEnclvExiting: 'Enable ENCLV exiting',
  vmmBusLockDetection: 'VMM bus-lock detection',
  instructionTimeout: 'Instruction timeout',
} as const satisfies Record<keyof typeof Secondary, string>;

export const tertiaryNames = {
  loadiwkeyExiting: 'LOADIWKEY exiting',
  enableHlat: 'Enable HLAT',
  eptPagingWriteControl: 'EPT paging-write control',
  guestPagingVerification: 'Guest-paging verification',
  ipiVirtualization: 'IPI virtualization',
  seamGuestPhysicalAddressWidth: 'SEAM guest-physical address width',
  enableMsrListInstructions: 'Enable MSR-list instructions',
  virtualizeIa32SpecCtrl: 'Virtualize IA32_SPEC_CTRL',
  apicTimerVirtualization: 'APIC-timer virtualization',
  enablePbndkb: 'Enable PBNDKB',
  pebsUsesGuestPhysicalAddresses: 'PEBS uses guest physical addresses',
} as const satisfies Record<keyof typeof Tertiary, string>;

export const exitNames = {
  saveDebugControls: 'Save debug controls',
  hostAddressSpaceSize: 'Host address-space size',
  loadIa32PerfGlobalCtrl: 'Load IA32_PERF_GLOBAL_CTRL',
  acknowledgeInterruptOnExit: 'Acknowledge interrupt on exit',
  saveIa32Pat: 'Save IA32_PAT',
  loadIa32Pat: 'Load IA32_PAT',
  saveIa32Efer: 'Save IA32_EFER',
  loadIa32Efer: 'Load IA32_EFER',
  saveVmxPreemptionTimerValue: 'Save VMX-preemption timer value',
  clearIa32Bndcfgs: 'Clear IA32_BNDCFGS',
  concealVmxFromPt: 'Conceal VMX from PT',
  clearIa32RtitCtl: 'Clear IA32_RTIT_CTL',
  clearIa32LbrCtl: 'Clear IA32_LBR_CTL',
  clearUinv: 'Clear UINV',
  loadCetState: 'Load CET state',
  loadPkrs: 'Load PKRS',
  saveIa32PerfGlobalCtl: 'Save IA32_PERF_GLOBAL_CTL',
  activateSecondaryControls: 'Activate secondary controls',
} as const satisfies Record<keyof typeof Exit, string>;

export const secondaryExitNames = {
  saveFred: 'Save FRED',
  loadFred: 'Load FRED',
  loadIa32SpecCtrl: 'Load IA32_SPEC_CTRL',
  prematurelyBusyShadowStack: 'Prematurely busy shadow stack',
} as const satisfies Record<keyof typeof SecondaryExit, string>;

export const entryNames = {
  loadDebugControls: 'Load debug controls',
  ia32eModeGuest: 'IA-32e mode guest',
  entryToSmm: 'Entry to SMM',
  deactivateDualMonitorTreatment: 'Deactivate dual-monitor treatment',
  loadIa32PerfGlobalCtrl: 'Load IA32_PERF_GLOBAL_CTRL',
  loadIa32Pat: 'Load IA32_PAT',
  loadIa32Efer: 'Load IA32_EFER',
  loadIa32Bndcfgs: 'Load IA32_BNDCFGS',
  concealVmxFromPt: 'Conceal VMX from PT',
  loadIa32RtitCtl: 'Load IA32_RTIT_CTL',
  loadUinv: 'Load UINV',
  loadCetState: 'Load CET state',
  loadGuestIa32LbrCtl: 'Load guest IA32_LBR_CTL',
  loadPkrs: 'Load PKRS',
  loadFred: 'Load FRED',
  loadIa32SpecCtrl: 'Load IA32_SPEC_CTRL',
  allowSeamGuestTelemetry: 'Allow SEAM-guest telemetry',
} as const satisfies Record<keyof typeof Entry, string>;

export const vmFunctionNames = {
  eptpSwitching: 'EPTP switching',
} as const satisfies Record<keyof typeof VmFunction, string>;
