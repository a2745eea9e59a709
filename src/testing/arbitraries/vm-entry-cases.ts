import {
  capabilitiesOf,
  Entry,
  EventType,
  Exit,
  encodeEventInformation,
  PinBased,
  Primary,
  Secondary,
  Tertiary,
  type Vmcs,
  type VmEntryArea,
  type VmEntryContext,
} from '../../arch/index.js';
import { validContext, validVmcs } from './valid-vmcs.js';

/** What breaks one rule, and no other, in a VMCS that passes. */
export interface VmEntryCase {
  rule: string;
  area: VmEntryArea;
  title: string;
  fields: Partial<Vmcs>;
  context: Partial<VmEntryContext>;
}

/** The VMCS and the surroundings of a case. */
export function brokenBy({ fields, context }: VmEntryCase): [Vmcs, VmEntryContext] {
  const own = Object.entries(fields).map(([name, value]) => [name, Array.isArray(value) ? [...value] : value]);
  return [
    { ...validVmcs(), ...(Object.fromEntries(own) as Partial<Vmcs>) },
    { ...validContext(), ...context },
  ];
}

/** The identification of an event to inject. */
export function event(type: number, vector: number, errorCode = false): number {
  return encodeEventInformation({ type, vector, errorCode, nmiUnblocking: false, nestedException: false, valid: true });
}

const valid = validVmcs();
const { pinBasedControls: pin, primaryControls: primary, secondaryControls: secondary } = valid;
const { exitControls: exit, entryControls: entry } = valid;

/** No control that needs the TPR shadow or virtual-interrupt delivery. */
export const noApicv: Partial<Vmcs> = {
  pinBasedControls: pin & ~PinBased.processPostedInterrupts,
  secondaryControls: 0,
  tertiaryControls: [0, 0],
};
const noTprShadow: Partial<Vmcs> = { ...noApicv, primaryControls: (primary & ~Primary.useTprShadow) >>> 0 };

const nmi = event(EventType.Nmi, 2);
const externalInterrupt = event(EventType.ExternalInterrupt, 0xec);
const load = (index: number) => ({ msrLoad: [{ index, reserved: 0, data: 0n }] });

function breaks(area: VmEntryArea) {
  return (rule: string, title: string, fields: Partial<Vmcs>, context: Partial<VmEntryContext> = {}): VmEntryCase => ({
    rule,
    area,
    title,
    fields,
    context,
  });
}

const control = breaks('control');
const host = breaks('host');
const guest = breaks('guest');
const msr = breaks('msr-load');

const apicCases: readonly VmEntryCase[] = [
  control('E1', 'a virtual-APIC page that is not aligned', { virtualApicAddress: [0x5800, 0] }),
  control('E1', 'a virtual-APIC page beyond the physical-address width', { virtualApicAddress: [0x5000, 1 << 14] }),
  control('E2', 'an APIC-access page that is not aligned, even without TPR shadow', {
    ...noTprShadow,
    secondaryControls: Secondary.virtualizeApicAccesses,
    apicAccessAddress: [0x6001, 0],
  }),
  control('E3', 'reserved bits in the TPR threshold', { ...noApicv, tprThreshold: 0x10 }),
  control('E4', 'a TPR threshold above VTPR', { ...noApicv, tprThreshold: 4 }, { virtualTpr: 0x3f }),
  control('E5', '"virtualize x2APIC mode" without TPR shadow', {
    ...noTprShadow,
    secondaryControls: Secondary.virtualizeX2apicMode,
  }),
  control('E5', 'APIC-register virtualization without TPR shadow', {
    ...noTprShadow,
    secondaryControls: Secondary.apicRegisterVirtualization,
  }),
  control('E5', 'virtual-interrupt delivery without TPR shadow', {
    ...noTprShadow,
    secondaryControls: Secondary.virtualInterruptDelivery,
  }),
  control('E5', 'IPI virtualization without TPR shadow', {
    ...noTprShadow,
    tertiaryControls: [Tertiary.ipiVirtualization, 0],
  }),
  control('E6', 'both forms of APIC virtualization', {
    secondaryControls: secondary | Secondary.virtualizeApicAccesses,
  }),
  control('E7', 'virtual-interrupt delivery without external-interrupt exiting', {
    pinBasedControls: pin & ~PinBased.externalInterruptExiting,
  }),
  control('E8', 'posted interrupts without virtual-interrupt delivery', {
    secondaryControls: secondary & ~Secondary.virtualInterruptDelivery,
    tertiaryControls: [0, 0],
  }),
  control('E8', 'posted interrupts without acknowledge interrupt on exit', {
    exitControls: exit & ~Exit.acknowledgeInterruptOnExit,
  }),
  control('E8', 'a notification vector of more than 8 bits', { postedInterruptNotificationVector: 0x100 }),
  control('E8', 'a descriptor that is not 64-byte aligned', { postedInterruptDescriptorAddress: [0x8020, 0] }),
  control('E9', 'a PID-pointer table that is not 8-byte aligned', { pidPointerTableAddress: [0x9004, 0] }),
  control('E9', 'a PID-pointer table whose last entry is out of reach', {
    pidPointerTableAddress: [0xffff_fff8, 0x3fff],
    lastPidPointerIndex: 1,
  }),
  control('E10', 'APIC-timer virtualization without virtual-interrupt delivery', {
    ...noApicv,
    tertiaryControls: [Tertiary.apicTimerVirtualization, 0],
  }),
  control('E10', 'APIC-timer virtualization with RDTSC exiting', {
    primaryControls: (primary | Primary.rdtscExiting) >>> 0,
  }),
  control('E10', 'a virtual timer vector of more than 8 bits', { virtualTimerVector: 0x1ec }),
  msr('E11', 'an x2APIC MSR in the MSR-load area', {}, load(0x8ff)),
  msr('MSR load', 'IA32_FS_BASE in the MSR-load area', {}, load(0xc000_0100)),
];

const otherControlCases: readonly VmEntryCase[] = [
  control('allowed settings', 'a reserved bit that must be 1', { pinBasedControls: pin & ~2 }),
  control('allowed settings', 'a tertiary control that no processor has', { tertiaryControls: [0x10, 1] }),
  control('MSR bitmaps', 'MSR bitmaps that are not aligned', { addressOfMsrBitmaps: [0x7400, 0] }),
  control('MSR area', 'an MSR-load area that is not aligned', {
    vmEntryMsrLoadAddress: [8, 0],
    vmEntryMsrLoadCount: 1,
  }),
  control('MSR area', 'an MSR-store area that ends out of reach', {
    vmExitMsrStoreAddress: [0xffff_fff0, 0x3fff],
    vmExitMsrStoreCount: 2,
  }),
  control('virtual NMIs', 'virtual NMIs without NMI exiting', { pinBasedControls: pin & ~PinBased.nmiExiting }),
  control('NMI window', 'NMI-window exiting without virtual NMIs', {
    pinBasedControls: pin & ~PinBased.virtualNmis,
    primaryControls: (primary | Primary.nmiWindowExiting) >>> 0,
  }),
  control('SMM controls', 'the end of dual-monitor treatment outside SMM', {
    entryControls: entry | Entry.deactivateDualMonitorTreatment,
  }),
  control(
    'SMM controls',
    'an entry to SMM that would end dual-monitor treatment',
    { entryControls: entry | Entry.entryToSmm | Entry.deactivateDualMonitorTreatment, guestInterruptibilityState: 4 },
    { inSmm: true },
  ),
  control('event type', 'an event of the reserved type', { injectedEventIdentification: event(1, 0) }),
  control('event vector', 'an NMI with another vector than 2', {
    injectedEventIdentification: event(EventType.Nmi, 3),
  }),
  control('event error-code bit', 'an external interrupt with an error code', {
    injectedEventIdentification: event(EventType.ExternalInterrupt, 0x30, true),
  }),
  control(
    'event error-code bit',
    'a page fault without error code, on a processor that insists',
    { injectedEventIdentification: event(EventType.HardwareException, 14) },
    { capabilities: capabilitiesOf({ anyErrorCode: 0 }) },
  ),
  control('event reserved bits', 'an event with bit 12', {
    injectedEventIdentification: (externalInterrupt | 0x1000) >>> 0,
  }),
  control('event reserved bits', 'a nested exception, on a processor without', {
    injectedEventIdentification: (event(EventType.HardwareException, 14, true) | 0x2000) >>> 0,
  }),
  control('event error code', 'an error code of more than 16 bits', {
    injectedEventIdentification: event(EventType.HardwareException, 14, true),
    injectedEventErrorCode: 0x1_0000,
  }),
  control('event instruction length', 'a software interrupt of 16 bytes', {
    injectedEventIdentification: event(EventType.SoftwareInterrupt, 0x80),
    vmEntryInstructionLength: 16,
  }),
];

const stateCases: readonly VmEntryCase[] = [
  host('host selector', 'a host selector with RPL 3', { hostGsSelector: 0x2b }),
  host('host selector null', 'no host task register', { hostTrSelector: 0 }),
  host('host selector null', 'no stack segment for a 32-bit host', {
    hostSsSelector: 0,
    exitControls: exit & ~Exit.hostAddressSpaceSize,
  }),
  guest('guest IF', 'an external interrupt into RFLAGS.IF = 0', {
    injectedEventIdentification: externalInterrupt,
    guestRflags: [2, 0],
  }),
  guest('activity state', 'an activity state that does not exist', { guestActivityState: 4 }),
  guest(
    'activity state',
    'an activity state that the processor lacks',
    { guestActivityState: 2 },
    { capabilities: capabilitiesOf({ activityStates: 5 }) },
  ),
  guest('activity HLT', 'HLT in user mode', { guestActivityState: 1, guestSsAccessRights: 0xc0f3 }),
  guest('activity blocking', 'HLT in the shadow of STI', { guestActivityState: 1, guestInterruptibilityState: 1 }),
  guest('activity event', 'an external interrupt in shutdown', {
    guestActivityState: 2,
    injectedEventIdentification: externalInterrupt,
  }),
  guest(
    'activity SMM',
    'an entry to SMM in wait-for-SIPI',
    { guestActivityState: 3, entryControls: entry | Entry.entryToSmm, guestInterruptibilityState: 4 },
    { inSmm: true },
  ),
  guest('interruptibility reserved bits', 'a reserved bit of the interruptibility state', {
    guestInterruptibilityState: 0x20,
  }),
  guest('interruptibility STI and MOV SS', 'two shadows at once', { guestInterruptibilityState: 3 }),
  guest('interruptibility STI', 'the shadow of STI with RFLAGS.IF = 0', {
    guestInterruptibilityState: 1,
    guestRflags: [2, 0],
  }),
  guest('interruptibility external interrupt', 'an external interrupt in the shadow of MOV SS', {
    guestInterruptibilityState: 2,
    injectedEventIdentification: externalInterrupt,
  }),
  guest('interruptibility NMI', 'an NMI in the shadow of MOV SS', {
    guestInterruptibilityState: 2,
    injectedEventIdentification: nmi,
  }),
  guest('interruptibility SMI', 'blocking by SMI outside SMM', { guestInterruptibilityState: 4 }),
  guest(
    'interruptibility SMM entry',
    'an entry to SMM without blocking by SMI',
    { entryControls: entry | Entry.entryToSmm },
    { inSmm: true },
  ),
  guest('interruptibility virtual NMI', 'a virtual NMI while NMIs are blocked', {
    guestInterruptibilityState: 8,
    injectedEventIdentification: nmi,
  }),
  guest('interruptibility enclave', 'enclave interruption without SGX', { guestInterruptibilityState: 0x10 }),
];

/** At least one case for every rule of VM entry. */
export const vmEntryCases: readonly VmEntryCase[] = [...apicCases, ...otherControlCases, ...stateCases];
