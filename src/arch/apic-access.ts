import type { ApicMemory } from './apic-memory.js';
import { emulateApicWrite } from './apic-write-emulation.js';
import { hasPrimary, hasSecondary, hasTertiary, Primary, Secondary, Tertiary } from './controls.js';
import { ExitReason } from './exit-reason.js';
import { ipiOf, ipiVirtualization } from './ipi-virtualization.js';
import { mark } from './mark.js';
import { completed, type Outcome, passthrough, type VmExit } from './outcome.js';
import { loadBytes, storeBytes } from './virtual-apic-page.js';
import type { VirtualProcessor } from './virtual-processor.js';

/** Access types of the qualification of an APIC-access exit, bits 15:12. SDM vol. 3C, "Exit Qualification for APIC-Access VM Exits". */
export const ApicAccessType = {
  read: 0,
  write: 1,
  fetch: 2,
  eventDelivery: 3,
  guestPhysicalEventDelivery: 10,
  guestPhysical: 15,
} as const;

/**
 * The exit "APIC access", fault-like.
 *
 * @param offset - page offset; pass 0 for guest-physical accesses, for which these bits are undefined.
 * @param type - one of {@link ApicAccessType}.
 */
export function apicAccessExit(offset: number, type: number): VmExit {
  return { kind: 'exit', reason: ExitReason.ApicAccess, qualification: (type << 12) | offset, trapLike: false };
}

/**
 * What one operation did to the APIC-access page so far. An operation is one instruction, one iteration of a repeated string
 * instruction, or the delivery of one event.
 */
export interface ApicOperation {
  /** Page offset of the write that was virtualized, or -1: its emulation follows the operation. */
  writeOffset: number;
  /** That write's size in bytes. */
  writeSize: number;
  /** 1 if the accesses belong to event delivery. */
  eventDelivery: number;
}

/** An operation that has made no access yet. */
export function beginOperation(eventDelivery = 0): ApicOperation {
  return { writeOffset: -1, writeSize: 0, eventDelivery };
}

/** Bit n of word 0 (1): register 16n (200H + 16n) can be read with APIC-register virtualization. 0A0H, 2F0H, 390H cannot. */
const readable0 = 0xffff_e90c;
const readable1 = 0x41ff_01ff;
/** The same for writes. */
const writable0 = 0x0000_e904;
const writable1 = 0x41ff_0100;

function hasSlot(word0: number, word1: number, offset: number): boolean {
  const slot = offset >> 4;
  return slot < 64 && (((slot < 32 ? word0 : word1) >>> (slot & 31)) & 1) === 1;
}

function fitsSlot(offset: number, size: number): boolean {
  if (size > 4) {
    mark('9.1 size');
    return false;
  }
  if (((offset | (offset + size - 1)) & 0xc) !== 0) {
    mark('9.1 slot');
    return false;
  }
  return true;
}

function usesTprShadow(p: VirtualProcessor): boolean {
  if (hasPrimary(p.vmcs, Primary.useTprShadow)) return true;
  mark('9.1 TPR shadow');
  return false;
}

function readIsVirtualized(p: VirtualProcessor, operation: ApicOperation, offset: number, size: number): boolean {
  if (!usesTprShadow(p) || !fitsSlot(offset, size)) return false;
  if (operation.writeOffset >= 0) {
    mark('9.1 read after write');
    return false;
  }
  if (offset === 0x080) {
    mark('9.2 TPR shadow');
    return true;
  }
  // Editions before 2020 have no reads of 0B0H and 300H without APIC-register virtualization; the current text has.
  if ((offset === 0x0b0 || offset === 0x300) && hasSecondary(p.vmcs, Secondary.virtualInterruptDelivery)) {
    mark('9.2 virtual-interrupt delivery');
    return true;
  }
  if (hasSlot(readable0, readable1, offset) && hasSecondary(p.vmcs, Secondary.apicRegisterVirtualization)) {
    mark('9.2 register virtualization');
    return true;
  }
  mark('9.2 otherwise');
  return false;
}

function writeIsVirtualized(p: VirtualProcessor, operation: ApicOperation, offset: number, size: number): boolean {
  if (!usesTprShadow(p) || !fitsSlot(offset, size)) return false;
  if (operation.writeOffset >= 0 && (operation.writeOffset !== offset || operation.writeSize !== size)) {
    mark('9.1 second write');
    return false;
  }
  if (offset === 0x080) {
    mark('9.3 TPR shadow');
    return true;
  }
  if ((offset === 0x0b0 || offset === 0x300) && hasSecondary(p.vmcs, Secondary.virtualInterruptDelivery)) {
    mark('9.3 virtual-interrupt delivery');
    return true;
  }
  if (offset === 0x300 && hasTertiary(p.vmcs, Tertiary.ipiVirtualization)) {
    mark('9.3 IPI virtualization');
    return true;
  }
  if (hasSlot(writable0, writable1, offset) && hasSecondary(p.vmcs, Secondary.apicRegisterVirtualization)) {
    mark('9.3 register virtualization');
    return true;
  }
  mark('9.3 otherwise');
  return false;
}

function accessType(operation: ApicOperation, type: number): number {
  return operation.eventDelivery !== 0 ? ApicAccessType.eventDelivery : type;
}

/**
 * A linear data read of the APIC-access page within `operation`. SDM vol. 3C, "Virtualizing Reads from the APIC-Access Page".
 *
 * @param offset - page offset of the first byte, 0-4095.
 * @param size - bytes, 1 or more.
 * @returns `data`, the fault-like exit "APIC access", or `passthrough` without "virtualize APIC accesses".
 */
export function operationRead(p: VirtualProcessor, operation: ApicOperation, offset: number, size: number): Outcome {
  if (!hasSecondary(p.vmcs, Secondary.virtualizeApicAccesses)) {
    mark('9 ordinary memory');
    return passthrough;
  }
  if (!readIsVirtualized(p, operation, offset, size)) {
    return apicAccessExit(offset, accessType(operation, ApicAccessType.read));
  }
  return { kind: 'data', low: loadBytes(p.page, offset, size), high: 0 };
}

/**
 * A linear data write to the APIC-access page within `operation`: stores to the virtual-APIC page and leaves the emulation to
 * {@link finishOperation}. SDM vol. 3C, "Virtualizing Writes to the APIC-Access Page".
 *
 * @param value - the low 4 bytes of what is written (a larger write always exits).
 * @returns `completed`, the fault-like exit "APIC access", or `passthrough` without "virtualize APIC accesses".
 */
export function operationWrite(
  p: VirtualProcessor,
  operation: ApicOperation,
  offset: number,
  size: number,
  value: number,
): Outcome {
  if (!hasSecondary(p.vmcs, Secondary.virtualizeApicAccesses)) {
    mark('9 ordinary memory');
    return passthrough;
  }
  if (!writeIsVirtualized(p, operation, offset, size)) {
    return apicAccessExit(offset, accessType(operation, ApicAccessType.write));
  }
  storeBytes(p.page, offset, size, value);
  operation.writeOffset = offset;
  operation.writeSize = size;
  return completed;
}

/**
 * The end of an operation that did not exit: the APIC-write emulation of the write it virtualized, if any. If the operation
 * faulted, this comes after delivery of the fault; if it exited, it is not called.
 *
 * @returns the outcome of the emulation, or `'ipi-virtualization'`: the caller goes on with the steps of IPI virtualization for
 * the IPI that `ipiOf(p.page, false)` reads from VICR.
 */
export function finishOperation(p: VirtualProcessor, operation: ApicOperation): Outcome | 'ipi-virtualization' {
  return operation.writeOffset < 0 ? completed : emulateApicWrite(p, operation.writeOffset);
}

/** The operation of the calls that make one access only; each leaves it as it found it. */
const single: ApicOperation = beginOperation();

/**
 * A linear data read of the APIC-access page that is an operation of its own.
 *
 * @param offset - page offset of the first byte, 0-4095.
 * @param size - bytes, 1 or more.
 * @param eventDelivery - 1 if the access is made while an event is delivered.
 * @returns `data`, the fault-like exit "APIC access", or `passthrough` without "virtualize APIC accesses".
 */
export function virtualizeApicRead(p: VirtualProcessor, offset: number, size: number, eventDelivery = 0): Outcome {
  single.writeOffset = -1;
  single.eventDelivery = eventDelivery;
  return operationRead(p, single, offset, size);
}

/**
 * A linear data write to the APIC-access page that is an operation of its own, up to IPI virtualization.
 *
 * @param value - the low 4 bytes of what is written.
 * @returns the outcome, or `'ipi-virtualization'`: VICR is stored and eligible, and the caller goes on with the steps of IPI
 * virtualization for the IPI that `ipiOf(p.page, false)` reads from it.
 */
export function beginApicWrite(
  p: VirtualProcessor,
  offset: number,
  size: number,
  value: number,
  eventDelivery = 0,
): Outcome | 'ipi-virtualization' {
  single.writeOffset = -1;
  single.eventDelivery = eventDelivery;
  const outcome = operationWrite(p, single, offset, size, value);
  return outcome === completed ? emulateApicWrite(p, offset) : outcome;
}

/** A whole write to the APIC-access page: {@link beginApicWrite} and, where it comes to that, IPI virtualization. */
export function virtualizeApicWrite(
  p: VirtualProcessor,
  memory: ApicMemory,
  offset: number,
  size: number,
  value: number,
  eventDelivery = 0,
): Outcome {
  return withIpiVirtualization(p, memory, beginApicWrite(p, offset, size, value, eventDelivery));
}

/** The whole end of an operation: {@link finishOperation} and, where it comes to that, IPI virtualization. */
export function completeOperation(p: VirtualProcessor, memory: ApicMemory, operation: ApicOperation): Outcome {
  return withIpiVirtualization(p, memory, finishOperation(p, operation));
}

function withIpiVirtualization(
  p: VirtualProcessor,
  memory: ApicMemory,
  outcome: Outcome | 'ipi-virtualization',
): Outcome {
  if (outcome !== 'ipi-virtualization') return outcome;
  const { vector, destination } = ipiOf(p.page, false);
  return ipiVirtualization(p, memory, vector, destination);
}

/**
 * An access to the APIC-access page that is never virtualized: an instruction fetch, or an access by guest-physical address
 * (page walk, PDPTE load, A/D update). Exits with `type` if "virtualize APIC accesses" is 1.
 */
export function otherApicAccess(p: VirtualProcessor, offset: number, type: number): Outcome {
  if (!hasSecondary(p.vmcs, Secondary.virtualizeApicAccesses)) return passthrough;
  mark(type === ApicAccessType.fetch ? '9.1 fetch' : '9.1 guest-physical');
  return apicAccessExit(type >= ApicAccessType.guestPhysicalEventDelivery ? 0 : offset, type);
}
