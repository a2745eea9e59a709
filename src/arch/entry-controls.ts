/** VM-entry controls, as masks. SDM vol. 3C, table "Definitions of VM-Entry Controls". */
export const Entry = {
  /** Load debug controls. */
  loadDebugControls: 0x4,
  /** IA-32e mode guest. */
  ia32eModeGuest: 0x200,
  /** Entry to SMM. */
  entryToSmm: 0x400,
  /** Deactivate dual-monitor treatment. */
  deactivateDualMonitorTreatment: 0x800,
  /** Load IA32_PERF_GLOBAL_CTRL. */
  loadIa32PerfGlobalCtrl: 0x2000,
  /** Load IA32_PAT. */
  loadIa32Pat: 0x4000,
  /** Load IA32_EFER. */
  loadIa32Efer: 0x8000,
  /** Load IA32_BNDCFGS. */
  loadIa32Bndcfgs: 0x1_0000,
  /** Conceal VMX from PT. */
  concealVmxFromPt: 0x2_0000,
  /** Load IA32_RTIT_CTL. */
  loadIa32RtitCtl: 0x4_0000,
  /** Load UINV. */
  loadUinv: 0x8_0000,
  /** Load CET state. */
  loadCetState: 0x10_0000,
  /** Load guest IA32_LBR_CTL. */
  loadGuestIa32LbrCtl: 0x20_0000,
  /** Load PKRS. */
  loadPkrs: 0x40_0000,
  /** Load FRED. */
  loadFred: 0x80_0000,
  /** Load IA32_SPEC_CTRL. */
  loadIa32SpecCtrl: 0x100_0000,
  /** Allow SEAM-guest telemetry. */
  allowSeamGuestTelemetry: 0x200_0000,
} as const;
