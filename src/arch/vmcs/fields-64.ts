import type { VmcsFieldRow } from './field.js';

/**
 * 64-bit fields (full access; the high access is the encoding plus 1) of the VMCS: encoding, SDM name, Linux name, and the controls of which one
 * must be supported for the field to exist. SDM vol. 3D, appendix B. Rows marked "one source" rest on one source only.
 *
 * @internal
 */
export const fields64 = {
  // Control fields: SDM table B-4.
  addressOfIOBitmapA: [0x2000, 'Address of I/O bitmap A', 'IO_BITMAP_A'],
  addressOfIOBitmapB: [0x2002, 'Address of I/O bitmap B', 'IO_BITMAP_B'],
  addressOfMsrBitmaps: [0x2004, 'Address of MSR bitmaps', 'MSR_BITMAP', 'primary.useMsrBitmaps'],
  vmExitMsrStoreAddress: [0x2006, 'VM-exit MSR-store address', 'VM_EXIT_MSR_STORE_ADDR'],
  vmExitMsrLoadAddress: [0x2008, 'VM-exit MSR-load address', 'VM_EXIT_MSR_LOAD_ADDR'],
  vmEntryMsrLoadAddress: [0x200a, 'VM-entry MSR-load address', 'VM_ENTRY_MSR_LOAD_ADDR'],
  executiveVmcsPointer: [0x200c, 'Executive-VMCS pointer', null],
  pmlAddress: [0x200e, 'PML address', 'PML_ADDRESS', 'secondary.enablePml'],
  tscOffset: [0x2010, 'TSC offset', 'TSC_OFFSET'],
  virtualApicAddress: [0x2012, 'Virtual-APIC address', 'VIRTUAL_APIC_PAGE_ADDR', 'primary.useTprShadow'],
  apicAccessAddress: [0x2014, 'APIC-access address', 'APIC_ACCESS_ADDR', 'secondary.virtualizeApicAccesses'],
  postedInterruptDescriptorAddress: [
    0x2016,
    'Posted-interrupt descriptor address',
    'POSTED_INTR_DESC_ADDR',
    'pinBased.processPostedInterrupts',
  ],
  vmFunctionControls: [0x2018, 'VM-function controls', 'VM_FUNCTION_CONTROL', 'secondary.enableVmFunctions'],
  eptPointer: [0x201a, 'EPT pointer', 'EPT_POINTER', 'secondary.enableEpt'],
  eoiExitBitmap0: [0x201c, 'EOI-exit bitmap 0', 'EOI_EXIT_BITMAP0', 'secondary.virtualInterruptDelivery'],
  eoiExitBitmap1: [0x201e, 'EOI-exit bitmap 1', 'EOI_EXIT_BITMAP1', 'secondary.virtualInterruptDelivery'],
  eoiExitBitmap2: [0x2020, 'EOI-exit bitmap 2', 'EOI_EXIT_BITMAP2', 'secondary.virtualInterruptDelivery'],
  eoiExitBitmap3: [0x2022, 'EOI-exit bitmap 3', 'EOI_EXIT_BITMAP3', 'secondary.virtualInterruptDelivery'],
  eptpListAddress: [0x2024, 'EPTP-list address', 'EPTP_LIST_ADDRESS', 'vmFunction.eptpSwitching'],
  vmreadBitmapAddress: [0x2026, 'VMREAD-bitmap address', 'VMREAD_BITMAP', 'secondary.vmcsShadowing'],
  vmwriteBitmapAddress: [0x2028, 'VMWRITE-bitmap address', 'VMWRITE_BITMAP', 'secondary.vmcsShadowing'],
  virtualizationExceptionInformationAddress: [
    0x202a,
    'Virtualization-exception information address',
    'VE_INFORMATION_ADDRESS',
    'secondary.eptViolationVe',
  ],
  xssExitingBitmap: [0x202c, 'XSS-exiting bitmap', 'XSS_EXIT_BITMAP', 'secondary.enableXsavesXrstors'],
  enclsExitingBitmap: [0x202e, 'ENCLS-exiting bitmap', 'ENCLS_EXITING_BITMAP', 'secondary.enableEnclsExiting'],
  subPagePermissionTablePointer: [
    0x2030,
    'Sub-page-permission-table pointer',
    null,
    'secondary.subPageWritePermissionsForEpt',
  ],
  tscMultiplier: [0x2032, 'TSC multiplier', 'TSC_MULTIPLIER', 'secondary.useTscScaling'],
  tertiaryControls: [
    0x2034,
    'Tertiary processor-based VM-execution controls',
    'TERTIARY_VM_EXEC_CONTROL',
    'primary.activateTertiaryControls',
  ],
  enclvExitingBitmap: [0x2036, 'ENCLV-exiting bitmap', null, 'secondary.enableEnclvExiting'], // one source
  lowPasidDirectoryAddress: [0x2038, 'Low PASID directory address', null, 'secondary.pasidTranslation'],
  highPasidDirectoryAddress: [0x203a, 'High PASID directory address', null, 'secondary.pasidTranslation'],
  seamSharedEptPointer: [0x203c, 'SEAM shared EPT pointer', null, 'tertiary.seamGuestPhysicalAddressWidth'],
  pconfigExitingBitmap: [0x203e, 'PCONFIG-exiting bitmap', null, 'secondary.enablePconfig'],
  hypervisorManagedLinearAddressTranslationPointer: [
    0x2040,
    'Hypervisor-managed linear-address translation pointer',
    null,
    'tertiary.enableHlat',
  ],
  pidPointerTableAddress: [0x2042, 'PID-pointer table address', 'PID_POINTER_TABLE', 'tertiary.ipiVirtualization'],
  secondaryExitControls: [0x2044, 'Secondary VM-exit controls', null, 'exit.activateSecondaryControls'],
  ia32SpecCtrlMask: [0x204a, 'IA32_SPEC_CTRL mask', null, 'tertiary.virtualizeIa32SpecCtrl'],
  ia32SpecCtrlShadow: [0x204c, 'IA32_SPEC_CTRL shadow', null, 'tertiary.virtualizeIa32SpecCtrl'],
  guestDeadlineShadow: [0x204e, 'Guest deadline shadow', null, 'tertiary.apicTimerVirtualization'], // one source
  injectedEventData: [
    0x2052,
    'Injected-event data',
    null,
    'secondaryExit.saveFred',
    'secondaryExit.loadFred',
    'entry.loadFred',
  ],
  // Read-only data (VM-exit information): SDM table B-5.
  guestPhysicalAddress: [0x2400, 'Guest-physical address', 'GUEST_PHYSICAL_ADDRESS', 'secondary.enableEpt'],
  msrData: [0x2402, 'MSR data', null, 'tertiary.enableMsrListInstructions'],
  originalEventData: [
    0x2404,
    'Original-event data',
    null,
    'secondaryExit.saveFred',
    'secondaryExit.loadFred',
    'entry.loadFred',
  ],
  // Guest-state area: SDM table B-6.
  vmcsLinkPointer: [0x2800, 'VMCS link pointer', 'VMCS_LINK_POINTER'],
  guestIa32Debugctl: [0x2802, 'Guest IA32_DEBUGCTL', 'GUEST_IA32_DEBUGCTL'],
  guestIa32Pat: [0x2804, 'Guest IA32_PAT', 'GUEST_IA32_PAT', 'entry.loadIa32Pat', 'exit.saveIa32Pat'],
  guestIa32Efer: [0x2806, 'Guest IA32_EFER', 'GUEST_IA32_EFER', 'entry.loadIa32Efer', 'exit.saveIa32Efer'],
  guestIa32PerfGlobalCtrl: [
    0x2808,
    'Guest IA32_PERF_GLOBAL_CTRL',
    'GUEST_IA32_PERF_GLOBAL_CTRL',
    'entry.loadIa32PerfGlobalCtrl',
  ],
  guestPdpte0: [0x280a, 'Guest PDPTE0', 'GUEST_PDPTR0', 'secondary.enableEpt'],
  guestPdpte1: [0x280c, 'Guest PDPTE1', 'GUEST_PDPTR1', 'secondary.enableEpt'],
  guestPdpte2: [0x280e, 'Guest PDPTE2', 'GUEST_PDPTR2', 'secondary.enableEpt'],
  guestPdpte3: [0x2810, 'Guest PDPTE3', 'GUEST_PDPTR3', 'secondary.enableEpt'],
  guestIa32Bndcfgs: [0x2812, 'Guest IA32_BNDCFGS', 'GUEST_BNDCFGS', 'entry.loadIa32Bndcfgs', 'exit.clearIa32Bndcfgs'],
  guestIa32RtitCtl: [
    0x2814,
    'Guest IA32_RTIT_CTL',
    'GUEST_IA32_RTIT_CTL',
    'entry.loadIa32RtitCtl',
    'exit.clearIa32RtitCtl',
  ],
  guestIa32LbrCtl: [0x2816, 'Guest IA32_LBR_CTL', null, 'entry.loadGuestIa32LbrCtl', 'exit.clearIa32LbrCtl'], // one source
  guestIa32Pkrs: [0x2818, 'Guest IA32_PKRS', null, 'entry.loadPkrs'],
  guestIa32FredConfig: [0x281a, 'Guest IA32_FRED_CONFIG', null, 'secondaryExit.saveFred', 'entry.loadFred'],
  guestIa32FredRsp1: [0x281c, 'Guest IA32_FRED_RSP1', null, 'secondaryExit.saveFred', 'entry.loadFred'],
  guestIa32FredRsp2: [0x281e, 'Guest IA32_FRED_RSP2', null, 'secondaryExit.saveFred', 'entry.loadFred'],
  guestIa32FredRsp3: [0x2820, 'Guest IA32_FRED_RSP3', null, 'secondaryExit.saveFred', 'entry.loadFred'],
  guestIa32FredStklvls: [0x2822, 'Guest IA32_FRED_STKLVLS', null, 'secondaryExit.saveFred', 'entry.loadFred'],
  guestIa32FredSsp1: [0x2824, 'Guest IA32_FRED_SSP1', null, 'secondaryExit.saveFred', 'entry.loadFred'],
  guestIa32FredSsp2: [0x2826, 'Guest IA32_FRED_SSP2', null, 'secondaryExit.saveFred', 'entry.loadFred'],
  guestIa32FredSsp3: [0x2828, 'Guest IA32_FRED_SSP3', null, 'secondaryExit.saveFred', 'entry.loadFred'],
  guestIa32SpecCtrl: [0x282e, 'Guest IA32_SPEC_CTRL', null, 'entry.loadIa32SpecCtrl'], // one source
  guestDeadline: [0x2830, 'Guest deadline', null, 'tertiary.apicTimerVirtualization'], // one source
  // Host-state area: SDM table B-7.
  hostIa32Pat: [0x2c00, 'Host IA32_PAT', 'HOST_IA32_PAT', 'exit.loadIa32Pat'],
  hostIa32Efer: [0x2c02, 'Host IA32_EFER', 'HOST_IA32_EFER', 'exit.loadIa32Efer'],
  hostIa32PerfGlobalCtrl: [
    0x2c04,
    'Host IA32_PERF_GLOBAL_CTRL',
    'HOST_IA32_PERF_GLOBAL_CTRL',
    'exit.loadIa32PerfGlobalCtrl',
  ],
  hostIa32Pkrs: [0x2c06, 'Host IA32_PKRS', null, 'exit.loadPkrs'],
  hostIa32FredConfig: [0x2c08, 'Host IA32_FRED_CONFIG', null, 'secondaryExit.loadFred'],
  hostIa32FredRsp1: [0x2c0a, 'Host IA32_FRED_RSP1', null, 'secondaryExit.loadFred'],
  hostIa32FredRsp2: [0x2c0c, 'Host IA32_FRED_RSP2', null, 'secondaryExit.loadFred'],
  hostIa32FredRsp3: [0x2c0e, 'Host IA32_FRED_RSP3', null, 'secondaryExit.loadFred'],
  hostIa32FredStklvls: [0x2c10, 'Host IA32_FRED_STKLVLS', null, 'secondaryExit.loadFred'],
  hostIa32FredSsp1: [0x2c12, 'Host IA32_FRED_SSP1', null, 'secondaryExit.loadFred'],
  hostIa32FredSsp2: [0x2c14, 'Host IA32_FRED_SSP2', null, 'secondaryExit.loadFred'],
  hostIa32FredSsp3: [0x2c16, 'Host IA32_FRED_SSP3', null, 'secondaryExit.loadFred'],
  hostIa32SpecCtrl: [0x2c1a, 'Host IA32_SPEC_CTRL', null, 'secondaryExit.loadIa32SpecCtrl'], // one source
} as const satisfies Record<string, VmcsFieldRow>;
