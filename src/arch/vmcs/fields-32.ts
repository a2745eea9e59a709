import type { VmcsFieldRow } from './field.js';

/**
 * 32-bit fields of the VMCS: encoding, SDM name, Linux name, and the controls of which one
 * must be supported for the field to exist. SDM vol. 3D, appendix B.
 *
 * @internal
 */
export const fields32 = {
  // Control fields: SDM table B-8.
  pinBasedControls: [0x4000, 'Pin-based VM-execution controls', 'PIN_BASED_VM_EXEC_CONTROL'],
  primaryControls: [0x4002, 'Primary processor-based VM-execution controls', 'CPU_BASED_VM_EXEC_CONTROL'],
  exceptionBitmap: [0x4004, 'Exception bitmap', 'EXCEPTION_BITMAP'],
  pageFaultErrorCodeMask: [0x4006, 'Page-fault error-code mask', 'PAGE_FAULT_ERROR_CODE_MASK'],
  pageFaultErrorCodeMatch: [0x4008, 'Page-fault error-code match', 'PAGE_FAULT_ERROR_CODE_MATCH'],
  cr3TargetCount: [0x400a, 'CR3-target count', 'CR3_TARGET_COUNT'],
  exitControls: [0x400c, 'Primary VM-exit controls', 'VM_EXIT_CONTROLS'],
  vmExitMsrStoreCount: [0x400e, 'VM-exit MSR-store count', 'VM_EXIT_MSR_STORE_COUNT'],
  vmExitMsrLoadCount: [0x4010, 'VM-exit MSR-load count', 'VM_EXIT_MSR_LOAD_COUNT'],
  entryControls: [0x4012, 'VM-entry controls', 'VM_ENTRY_CONTROLS'],
  vmEntryMsrLoadCount: [0x4014, 'VM-entry MSR-load count', 'VM_ENTRY_MSR_LOAD_COUNT'],
  injectedEventIdentification: [0x4016, 'Injected-event identification', 'VM_ENTRY_INTR_INFO_FIELD'],
  injectedEventErrorCode: [0x4018, 'Injected-event error code', 'VM_ENTRY_EXCEPTION_ERROR_CODE'],
  vmEntryInstructionLength: [0x401a, 'VM-entry instruction length', 'VM_ENTRY_INSTRUCTION_LEN'],
  tprThreshold: [0x401c, 'TPR threshold', 'TPR_THRESHOLD', 'primary.useTprShadow'],
  secondaryControls: [
    0x401e,
    'Secondary processor-based VM-execution controls',
    'SECONDARY_VM_EXEC_CONTROL',
    'primary.activateSecondaryControls',
  ],
  pleGap: [0x4020, 'PLE_Gap', 'PLE_GAP', 'secondary.pauseLoopExiting'],
  pleWindow: [0x4022, 'PLE_Window', 'PLE_WINDOW', 'secondary.pauseLoopExiting'],
  instructionTimeoutControl: [0x4024, 'Instruction-timeout control', 'NOTIFY_WINDOW', 'secondary.instructionTimeout'],
  seamGuestKeyid: [0x4026, 'SEAM-guest KeyID', null, 'tertiary.seamGuestPhysicalAddressWidth'],
  // Read-only data (VM-exit information): SDM table B-9.
  vmInstructionError: [0x4400, 'VM-instruction error', 'VM_INSTRUCTION_ERROR'],
  exitReason: [0x4402, 'Exit reason', 'VM_EXIT_REASON'],
  exitingEventIdentification: [0x4404, 'Exiting-event identification', 'VM_EXIT_INTR_INFO'],
  exitingEventErrorCode: [0x4406, 'Exiting-event error code', 'VM_EXIT_INTR_ERROR_CODE'],
  originalEventIdentification: [0x4408, 'Original-event identification', 'IDT_VECTORING_INFO_FIELD'],
  originalEventErrorCode: [0x440a, 'Original-event error code', 'IDT_VECTORING_ERROR_CODE'],
  vmExitInstructionLength: [0x440c, 'VM-exit instruction length', 'VM_EXIT_INSTRUCTION_LEN'],
  vmExitInstructionInformation: [0x440e, 'VM-exit instruction information', 'VMX_INSTRUCTION_INFO'],
  // Guest-state area: SDM table B-10.
  guestEsLimit: [0x4800, 'Guest ES limit', 'GUEST_ES_LIMIT'],
  guestCsLimit: [0x4802, 'Guest CS limit', 'GUEST_CS_LIMIT'],
  guestSsLimit: [0x4804, 'Guest SS limit', 'GUEST_SS_LIMIT'],
  guestDsLimit: [0x4806, 'Guest DS limit', 'GUEST_DS_LIMIT'],
  guestFsLimit: [0x4808, 'Guest FS limit', 'GUEST_FS_LIMIT'],
  guestGsLimit: [0x480a, 'Guest GS limit', 'GUEST_GS_LIMIT'],
  guestLdtrLimit: [0x480c, 'Guest LDTR limit', 'GUEST_LDTR_LIMIT'],
  guestTrLimit: [0x480e, 'Guest TR limit', 'GUEST_TR_LIMIT'],
  guestGdtrLimit: [0x4810, 'Guest GDTR limit', 'GUEST_GDTR_LIMIT'],
  guestIdtrLimit: [0x4812, 'Guest IDTR limit', 'GUEST_IDTR_LIMIT'],
  guestEsAccessRights: [0x4814, 'Guest ES access rights', 'GUEST_ES_AR_BYTES'],
  guestCsAccessRights: [0x4816, 'Guest CS access rights', 'GUEST_CS_AR_BYTES'],
  guestSsAccessRights: [0x4818, 'Guest SS access rights', 'GUEST_SS_AR_BYTES'],
  guestDsAccessRights: [0x481a, 'Guest DS access rights', 'GUEST_DS_AR_BYTES'],
  guestFsAccessRights: [0x481c, 'Guest FS access rights', 'GUEST_FS_AR_BYTES'],
  guestGsAccessRights: [0x481e, 'Guest GS access rights', 'GUEST_GS_AR_BYTES'],
  guestLdtrAccessRights: [0x4820, 'Guest LDTR access rights', 'GUEST_LDTR_AR_BYTES'],
  guestTrAccessRights: [0x4822, 'Guest TR access rights', 'GUEST_TR_AR_BYTES'],
  guestInterruptibilityState: [0x4824, 'Guest interruptibility state', 'GUEST_INTERRUPTIBILITY_INFO'],
  guestActivityState: [0x4826, 'Guest activity state', 'GUEST_ACTIVITY_STATE'],
  guestSmbase: [0x4828, 'Guest SMBASE', null],
  guestIa32SysenterCs: [0x482a, 'Guest IA32_SYSENTER_CS', 'GUEST_SYSENTER_CS'],
  vmxPreemptionTimerValue: [
    0x482e,
    'VMX-preemption timer value',
    'VMX_PREEMPTION_TIMER_VALUE',
    'pinBased.activateVmxPreemptionTimer',
  ],
  // Host-state area: SDM table B-11.
  hostIa32SysenterCs: [0x4c00, 'Host IA32_SYSENTER_CS', 'HOST_IA32_SYSENTER_CS'],
} as const satisfies Record<string, VmcsFieldRow>;
