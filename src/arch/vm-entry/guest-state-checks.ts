import { hasPin, PinBased } from '../controls.js';
import { Entry } from '../entry-controls.js';
import { decodeEventInformation, type EventInformation, EventType } from '../event-information.js';
import { mark } from '../mark.js';
import type { Vmcs } from '../vmcs.js';
import type { Report, VmEntryContext } from './failure.js';

/** Activity states. SDM vol. 3C, "Guest Non-Register State". */
export const ActivityState = {
  /** Executing instructions. */
  Active: 0,
  /** Halted by HLT. */
  Hlt: 1,
  /** Shut down after a triple fault. */
  Shutdown: 2,
  /** Waiting for a start-up IPI. */
  WaitForSipi: 3,
} as const;

/** Bits of the interruptibility state. SDM vol. 3C, table "Format of Interruptibility State". */
export const Interruptibility = {
  /** Blocking by STI. */
  sti: 0x1,
  /** Blocking by MOV SS or POP SS. */
  movSs: 0x2,
  /** Blocking by SMI. */
  smi: 0x4,
  /** Blocking by NMI; virtual-NMI blocking with "virtual NMIs". */
  nmi: 0x8,
  /** Enclave interruption. */
  enclave: 0x10,
} as const;

const stiOrMovSs = Interruptibility.sti | Interruptibility.movSs;
const debugException = 1;
const machineCheck = 18;

/**
 * VM-entry checks on RFLAGS.IF, activity state and interruptibility state. SDM vol. 3C, 29.3.1.4, "Checks on Guest RIP, RFLAGS,
 * and SSP", and 29.3.1.5, "Checks on Guest Non-Register State".
 */
export function checkGuestState(vmcs: Vmcs, context: VmEntryContext, report4: Report, report5: Report): void {
  const event = decodeEventInformation(vmcs.injectedEventIdentification);
  if (injects(event, EventType.ExternalInterrupt) && !interruptFlag(vmcs)) {
    mark('guest IF');
    report4('guest IF', ['guestRflags'], 'an external interrupt is injected with RFLAGS.IF = 0');
  }
  checkActivity(vmcs, context, event, report5);
  checkInterruptibility(vmcs, context, event, report5);
}

function injects(event: EventInformation, type: number): boolean {
  return event.valid && event.type === type;
}

function interruptFlag(vmcs: Vmcs): boolean {
  return (vmcs.guestRflags[0] & 0x200) !== 0;
}

function checkActivity(vmcs: Vmcs, context: VmEntryContext, event: EventInformation, report: Report): void {
  const state = vmcs.guestActivityState;
  if (state > 3 || (state > 0 && ((context.capabilities.activityStates >>> (state - 1)) & 1) === 0)) {
    mark('activity state');
    report('activity state', ['guestActivityState'], `activity state ${state} is not supported`);
  }
  if (state === ActivityState.Hlt && (vmcs.guestSsAccessRights & 0x60) !== 0) {
    mark('activity HLT');
    report('activity HLT', ['guestActivityState', 'guestSsAccessRights'], 'HLT needs DPL 0 in SS');
  }
  if (state !== ActivityState.Active && (vmcs.guestInterruptibilityState & stiOrMovSs) !== 0) {
    mark('activity blocking');
    report(
      'activity blocking',
      ['guestActivityState', 'guestInterruptibilityState'],
      'blocking by STI or MOV SS needs the active state',
    );
  }
  if (event.valid && !isEventAllowed(state, event)) {
    mark('activity event');
    report(
      'activity event',
      ['guestActivityState', 'injectedEventIdentification'],
      `this event can't be injected in activity state ${state}`,
    );
  }
  if (state === ActivityState.WaitForSipi && (vmcs.entryControls & Entry.entryToSmm) !== 0) {
    mark('activity SMM');
    report('activity SMM', ['guestActivityState', 'entryControls'], 'wait-for-SIPI does not go with an entry to SMM');
  }
}

/** What can be injected: anything when active; what wakes the processor from HLT or shutdown; nothing in wait-for-SIPI. */
function isEventAllowed(state: number, { type, vector }: EventInformation): boolean {
  const exception = type === EventType.HardwareException;
  switch (state) {
    case ActivityState.Hlt:
      if (exception) return vector === debugException || vector === machineCheck;
      return (
        type === EventType.ExternalInterrupt ||
        type === EventType.Nmi ||
        (type === EventType.OtherEvent && vector === 0)
      );
    case ActivityState.Shutdown:
      return type === EventType.Nmi || (exception && vector === machineCheck);
    case ActivityState.WaitForSipi:
      return false;
    default:
      return true;
  }
}

function checkInterruptibility(vmcs: Vmcs, context: VmEntryContext, event: EventInformation, report: Report): void {
  const state = vmcs.guestInterruptibilityState;
  const fields = ['guestInterruptibilityState'] as const;
  const withEvent = ['guestInterruptibilityState', 'injectedEventIdentification'] as const;
  const has = (bit: number) => (state & bit) !== 0;

  if (state >>> 5 !== 0) {
    mark('interruptibility reserved bits');
    report('interruptibility reserved bits', fields, 'bits 31:5 are not 0');
  }
  if (has(Interruptibility.sti) && has(Interruptibility.movSs)) {
    mark('interruptibility STI and MOV SS');
    report('interruptibility STI and MOV SS', fields, 'blocking by STI and by MOV SS exclude each other');
  }
  if (has(Interruptibility.sti) && !interruptFlag(vmcs)) {
    mark('interruptibility STI');
    report(
      'interruptibility STI',
      ['guestInterruptibilityState', 'guestRflags'],
      'blocking by STI needs RFLAGS.IF = 1',
    );
  }
  if (injects(event, EventType.ExternalInterrupt) && has(stiOrMovSs)) {
    mark('interruptibility external interrupt');
    report('interruptibility external interrupt', withEvent, 'an injected external interrupt is blocked');
  }
  // A processor may demand the same of blocking by STI (exit qualification 3). [C] This one does not.
  if (injects(event, EventType.Nmi) && has(Interruptibility.movSs)) {
    mark('interruptibility NMI');
    report('interruptibility NMI', withEvent, 'an injected NMI is blocked by MOV SS');
  }
  if (has(Interruptibility.smi) && context.inSmm !== true) {
    mark('interruptibility SMI');
    report('interruptibility SMI', fields, 'blocking by SMI outside SMM');
  }
  if (!has(Interruptibility.smi) && (vmcs.entryControls & Entry.entryToSmm) !== 0) {
    mark('interruptibility SMM entry');
    report(
      'interruptibility SMM entry',
      ['guestInterruptibilityState', 'entryControls'],
      'an entry to SMM blocks SMIs',
    );
  }
  if (has(Interruptibility.nmi) && hasPin(vmcs, PinBased.virtualNmis) && injects(event, EventType.Nmi)) {
    mark('interruptibility virtual NMI');
    report('interruptibility virtual NMI', withEvent, 'an injected virtual NMI is blocked by NMI');
  }
  if (has(Interruptibility.enclave) && (has(Interruptibility.movSs) || context.sgx !== true)) {
    mark('interruptibility enclave');
    report('interruptibility enclave', fields, 'enclave interruption needs SGX and excludes blocking by MOV SS');
  }
}
