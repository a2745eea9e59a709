import type { VmcsFieldRow } from './field.js';

/**
 * Natural-width fields of the VMCS: encoding, SDM name, Linux name, and the controls of which one
 * must be supported for the field to exist. SDM vol. 3D, appendix B.
 *
 * @internal
 */
export const fieldsNatural = {
  // Control fields: SDM table B-12.
  cr0GuestHostMask: [0x6000, 'CR0 guest/host mask', 'CR0_GUEST_HOST_MASK'],
  cr4GuestHostMask: [0x6002, 'CR4 guest/host mask', 'CR4_GUEST_HOST_MASK'],
  cr0ReadShadow: [0x6004, 'CR0 read shadow', 'CR0_READ_SHADOW'],
  cr4ReadShadow: [0x6006, 'CR4 read shadow', 'CR4_READ_SHADOW'],
  cr3TargetValue0: [0x6008, 'CR3-target value 0', 'CR3_TARGET_VALUE0'],
  cr3TargetValue1: [0x600a, 'CR3-target value 1', 'CR3_TARGET_VALUE1'],
  cr3TargetValue2: [0x600c, 'CR3-target value 2', 'CR3_TARGET_VALUE2'],
  cr3TargetValue3: [0x600e, 'CR3-target value 3', 'CR3_TARGET_VALUE3'],
  // Read-only data (VM-exit information): SDM table B-13.
  exitQualification: [0x6400, 'Exit qualification', 'EXIT_QUALIFICATION'],
  ioRcx: [0x6402, 'I/O RCX', null],
  ioRsi: [0x6404, 'I/O RSI', null],
  ioRdi: [0x6406, 'I/O RDI', null],
  ioRip: [0x6408, 'I/O RIP', null],
  guestLinearAddress: [0x640a, 'Guest-linear address', 'GUEST_LINEAR_ADDRESS'],
  // Guest-state area: SDM table B-14.
  guestCr0: [0x6800, 'Guest CR0', 'GUEST_CR0'],
  guestCr3: [0x6802, 'Guest CR3', 'GUEST_CR3'],
  guestCr4: [0x6804, 'Guest CR4', 'GUEST_CR4'],
  guestEsBase: [0x6806, 'Guest ES base', 'GUEST_ES_BASE'],
  guestCsBase: [0x6808, 'Guest CS base', 'GUEST_CS_BASE'],
  guestSsBase: [0x680a, 'Guest SS base', 'GUEST_SS_BASE'],
  guestDsBase: [0x680c, 'Guest DS base', 'GUEST_DS_BASE'],
  guestFsBase: [0x680e, 'Guest FS base', 'GUEST_FS_BASE'],
  guestGsBase: [0x6810, 'Guest GS base', 'GUEST_GS_BASE'],
  guestLdtrBase: [0x6812, 'Guest LDTR base', 'GUEST_LDTR_BASE'],
  guestTrBase: [0x6814, 'Guest TR base', 'GUEST_TR_BASE'],
  guestGdtrBase: [0x6816, 'Guest GDTR base', 'GUEST_GDTR_BASE'],
  guestIdtrBase: [0x6818, 'Guest IDTR base', 'GUEST_IDTR_BASE'],
  guestDr7: [0x681a, 'Guest DR7', 'GUEST_DR7'],
  guestRsp: [0x681c, 'Guest RSP', 'GUEST_RSP'],
  guestRip: [0x681e, 'Guest RIP', 'GUEST_RIP'],
  guestRflags: [0x6820, 'Guest RFLAGS', 'GUEST_RFLAGS'],
  guestPendingDebugExceptions: [0x6822, 'Guest pending debug exceptions', 'GUEST_PENDING_DBG_EXCEPTIONS'],
  guestIa32SysenterEsp: [0x6824, 'Guest IA32_SYSENTER_ESP', 'GUEST_SYSENTER_ESP'],
  guestIa32SysenterEip: [0x6826, 'Guest IA32_SYSENTER_EIP', 'GUEST_SYSENTER_EIP'],
  guestIa32SCet: [0x6828, 'Guest IA32_S_CET', null, 'entry.loadCetState'],
  guestSsp: [0x682a, 'Guest SSP', null, 'entry.loadCetState'],
  guestIa32InterruptSspTableAddr: [0x682c, 'Guest IA32_INTERRUPT_SSP_TABLE_ADDR', null, 'entry.loadCetState'],
  // Host-state area: SDM table B-15.
  hostCr0: [0x6c00, 'Host CR0', 'HOST_CR0'],
  hostCr3: [0x6c02, 'Host CR3', 'HOST_CR3'],
  hostCr4: [0x6c04, 'Host CR4', 'HOST_CR4'],
  hostFsBase: [0x6c06, 'Host FS base', 'HOST_FS_BASE'],
  hostGsBase: [0x6c08, 'Host GS base', 'HOST_GS_BASE'],
  hostTrBase: [0x6c0a, 'Host TR base', 'HOST_TR_BASE'],
  hostGdtrBase: [0x6c0c, 'Host GDTR base', 'HOST_GDTR_BASE'],
  hostIdtrBase: [0x6c0e, 'Host IDTR base', 'HOST_IDTR_BASE'],
  hostIa32SysenterEsp: [0x6c10, 'Host IA32_SYSENTER_ESP', 'HOST_IA32_SYSENTER_ESP'],
  hostIa32SysenterEip: [0x6c12, 'Host IA32_SYSENTER_EIP', 'HOST_IA32_SYSENTER_EIP'],
  hostRsp: [0x6c14, 'Host RSP', 'HOST_RSP'],
  hostRip: [0x6c16, 'Host RIP', 'HOST_RIP'],
  hostIa32SCet: [0x6c18, 'Host IA32_S_CET', null, 'exit.loadCetState'],
  hostSsp: [0x6c1a, 'Host SSP', null, 'exit.loadCetState'],
  hostIa32InterruptSspTableAddr: [0x6c1c, 'Host IA32_INTERRUPT_SSP_TABLE_ADDR', null, 'exit.loadCetState'],
} as const satisfies Record<string, VmcsFieldRow>;
