import { type Capabilities, isSupported } from '../capabilities.js';
import { decodeEventInformation, type EventInformation, EventType } from '../event-information.js';
import { mark } from '../mark.js';
import type { Vmcs } from '../vmcs.js';
import type { Report } from './failure.js';

/** #DF, #TS, #NP, #SS, #GP, #PF and #AC. */
const vectorsWithErrorCode: readonly number[] = [8, 10, 11, 12, 13, 14, 17];

/**
 * VM-entry checks on the event that the entry is to inject, which apply if its identification is valid. SDM vol. 3C, 29.2.1.3,
 * "VM-Entry Control Fields".
 */
export function checkEventInjection(vmcs: Vmcs, capabilities: Capabilities, report: Report): void {
  const information = vmcs.injectedEventIdentification;
  const event = decodeEventInformation(information);
  if (!event.valid) return;
  if (!isTypeAllowed(event, capabilities)) {
    mark('event type');
    report('event type', ['injectedEventIdentification'], `event type ${event.type} can't be injected`);
  }
  if (!isVectorAllowed(event)) {
    mark('event vector');
    report(
      'event vector',
      ['injectedEventIdentification'],
      `vector ${event.vector} does not go with event type ${event.type}`,
    );
  }
  if (!isErrorCodeAllowed(vmcs, event, capabilities)) {
    mark('event error-code bit');
    report(
      'event error-code bit',
      ['injectedEventIdentification', 'guestCr0'],
      event.errorCode ? 'this event can not have an error code' : 'this event must have an error code',
    );
  }
  if (!isRestClear(information, event, capabilities)) {
    mark('event reserved bits');
    report('event reserved bits', ['injectedEventIdentification'], 'a reserved bit of the identification is not 0');
  }
  if (event.errorCode && vmcs.injectedEventErrorCode >>> 16 !== 0) {
    mark('event error code');
    report('event error code', ['injectedEventErrorCode'], 'bits 31:16 of the error code are not 0');
  }
  if (!isLengthAllowed(vmcs, event, capabilities)) {
    mark('event instruction length');
    report('event instruction length', ['vmEntryInstructionLength'], 'the instruction length is out of range');
  }
}

/** Type 1 is reserved; "other event" goes with the monitor trap flag. */
function isTypeAllowed({ type }: EventInformation, capabilities: Capabilities): boolean {
  return type !== 1 && (type !== EventType.OtherEvent || isSupported(capabilities, 'primary.monitorTrapFlag'));
}

// FRED lets "other events" have vectors 1 and 2 (SYSCALL, SYSENTER); FRED's transitions are not modelled.
function isVectorAllowed({ type, vector }: EventInformation): boolean {
  if (type === EventType.Nmi) return vector === 2;
  if (type === EventType.HardwareException) return vector <= 31;
  return type !== EventType.OtherEvent || vector === 0;
}

function isErrorCodeAllowed(vmcs: Vmcs, event: EventInformation, capabilities: Capabilities): boolean {
  const protectedMode = (vmcs.guestCr0[0] & 1) === 1;
  if (event.type !== EventType.HardwareException || !protectedMode) return !event.errorCode;
  return capabilities.anyErrorCode === 1 || event.errorCode === vectorsWithErrorCode.includes(event.vector);
}

/** Bits 30:14 and 12 are reserved, and 13 too without nested exceptions. [C] Bit 13 is for hardware exceptions only. */
function isRestClear(information: number, event: EventInformation, capabilities: Capabilities): boolean {
  const nested = capabilities.nestedException === 1 && event.type === EventType.HardwareException;
  return (information & (nested ? 0x7fff_d000 : 0x7fff_f000)) === 0;
}

function isLengthAllowed(vmcs: Vmcs, { type }: EventInformation, capabilities: Capabilities): boolean {
  const software = type >= EventType.SoftwareInterrupt && type <= EventType.SoftwareException;
  const length = vmcs.vmEntryInstructionLength;
  return !software || (length <= 15 && (length > 0 || capabilities.zeroLengthInjection === 1));
}
