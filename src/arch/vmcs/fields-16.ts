import type { VmcsFieldRow } from './field.js';

/**
 * 16-bit fields of the VMCS: encoding, SDM name, Linux name, and the controls of which one
 * must be supported for the field to exist. SDM vol. 3D, appendix B. Rows marked "one source" rest on one source only.
 *
 * @internal
 */
export const fields16 = {
  // Control fields: SDM table B-1.
  virtualProcessorIdentifier: [0x0000, 'Virtual-processor identifier', 'VIRTUAL_PROCESSOR_ID', 'secondary.enableVpid'],
  postedInterruptNotificationVector: [
    0x0002,
    'Posted-interrupt notification vector',
    'POSTED_INTR_NV',
    'pinBased.processPostedInterrupts',
  ],
  eptpIndex: [0x0004, 'EPTP index', null, 'secondary.eptViolationVe'],
  hlatPrefixSize: [0x0006, 'HLAT prefix size', null, 'tertiary.enableHlat'],
  lastPidPointerIndex: [0x0008, 'Last PID-pointer index', 'LAST_PID_POINTER_INDEX', 'tertiary.ipiVirtualization'],
  virtualTimerVector: [0x000a, 'Virtual timer vector', null, 'tertiary.apicTimerVirtualization'], // one source
  // Guest-state area: SDM table B-2.
  guestEsSelector: [0x0800, 'Guest ES selector', 'GUEST_ES_SELECTOR'],
  guestCsSelector: [0x0802, 'Guest CS selector', 'GUEST_CS_SELECTOR'],
  guestSsSelector: [0x0804, 'Guest SS selector', 'GUEST_SS_SELECTOR'],
  guestDsSelector: [0x0806, 'Guest DS selector', 'GUEST_DS_SELECTOR'],
  guestFsSelector: [0x0808, 'Guest FS selector', 'GUEST_FS_SELECTOR'],
  guestGsSelector: [0x080a, 'Guest GS selector', 'GUEST_GS_SELECTOR'],
  guestLdtrSelector: [0x080c, 'Guest LDTR selector', 'GUEST_LDTR_SELECTOR'],
  guestTrSelector: [0x080e, 'Guest TR selector', 'GUEST_TR_SELECTOR'],
  guestInterruptStatus: [0x0810, 'Guest interrupt status', 'GUEST_INTR_STATUS', 'secondary.virtualInterruptDelivery'],
  pmlIndex: [0x0812, 'PML index', 'GUEST_PML_INDEX', 'secondary.enablePml'],
  guestUinv: [0x0814, 'Guest UINV', null, 'exit.clearUinv', 'entry.loadUinv'],
  // Host-state area: SDM table B-3.
  hostEsSelector: [0x0c00, 'Host ES selector', 'HOST_ES_SELECTOR'],
  hostCsSelector: [0x0c02, 'Host CS selector', 'HOST_CS_SELECTOR'],
  hostSsSelector: [0x0c04, 'Host SS selector', 'HOST_SS_SELECTOR'],
  hostDsSelector: [0x0c06, 'Host DS selector', 'HOST_DS_SELECTOR'],
  hostFsSelector: [0x0c08, 'Host FS selector', 'HOST_FS_SELECTOR'],
  hostGsSelector: [0x0c0a, 'Host GS selector', 'HOST_GS_SELECTOR'],
  hostTrSelector: [0x0c0c, 'Host TR selector', 'HOST_TR_SELECTOR'],
} as const satisfies Record<string, VmcsFieldRow>;
