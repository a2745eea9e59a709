import type { ApicMemory } from './apic-memory.js';
import type { ApicRegisters } from './apic-registers.js';
import { icrWriteExit } from './apic-write-exit.js';
import { setBit } from './bits256.js';
import { icrReservedLow } from './icr.js';
import { mark } from './mark.js';
import { type Outcome, type Posted, postedSilently } from './outcome.js';
import { addressOf, descriptorAt, descriptorIndex, readPidPointer } from './physical-memory.js';
import { runSteps, type Step } from './step.js';
import type { VirtualProcessor } from './virtual-processor.js';

/** Working registers of IPI virtualization. */
export interface IpiVirtualizationLocals {
  /** V, 0-255. */
  vector: number;
  /** T, a virtual APIC ID of 32 bits. */
  destination: number;
  /** Index in `memory.descriptors`; -1 where the pointer leads to memory that holds no descriptor. */
  pid: number;
  /** The descriptor's notification vector. */
  nv: number;
  /** The descriptor's notification destination. */
  ndst: number;
}

/** A PID pointer of table `entry` is valid and addresses a descriptor: bit 0 is 1, bits 5:1 and those above the width are 0. */
function isValidPidPointer(entry: number, width: number): boolean {
  if (entry % 64 !== 1) {
    mark('8 step 3 bits 5:0');
    return false;
  }
  if (entry >= 2 ** width) {
    mark('8 step 3 width');
    return false;
  }
  return true;
}

/**
 * IPI virtualization, in the steps that other processors can tell apart. SDM vol. 3C, "IPI Virtualization".
 *
 * Nothing compares the destination with the sender, and no value of it is a broadcast: FFH in xAPIC form is entry 255. (Both
 * follow from the text, which does not mention them.)
 */
export const ipiVirtualizationSteps: readonly Step<VirtualProcessor, ApicMemory, IpiVirtualizationLocals>[] = [
  {
    name: 'read-pid-pointer',
    run: (p, memory, locals) => {
      const { vector, destination } = locals;
      if (vector < 16) {
        mark('8 step 1');
        return icrWriteExit;
      }
      const vmcs = p.vmcs;
      if (destination > vmcs.lastPidPointerIndex) {
        mark('8 step 2');
        return icrWriteExit;
      }
      const entry = readPidPointer(memory, addressOf(vmcs.pidPointerTableAddress) + 8 * destination);
      if (!isValidPidPointer(entry, memory.physicalAddressWidth ?? 52)) return icrWriteExit;
      mark('8 step 3');
      locals.pid = descriptorIndex(memory, entry - 1);
      return undefined;
    },
  },
  {
    name: 'set-pir',
    run: (_p, memory, locals) => {
      mark('8 step 4');
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor !== undefined) setBit(descriptor.pir, locals.vector);
      return undefined;
    },
  },
  {
    name: 'set-on',
    run: (_p, memory, locals) => {
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === undefined) {
        locals.nv = 0;
        locals.ndst = 0;
        return undefined;
      }
      if (descriptor.on !== 0 || descriptor.sn !== 0) {
        mark('8 step 5 suppressed');
        return postedSilently;
      }
      mark('8 step 5');
      descriptor.on = 1;
      locals.nv = descriptor.nv;
      locals.ndst = descriptor.ndst;
      return undefined;
    },
  },
  {
    name: 'notify',
    run: (_p, _memory, locals): Posted => {
      mark('8 step 6');
      return { kind: 'posted', notify: true, vector: locals.nv, destination: locals.ndst };
    },
  },
];

/**
 * IPI virtualization, all steps at once.
 *
 * @param vector - V, 0-255.
 * @param destination - T, a virtual APIC ID of 32 bits.
 * @returns `posted`, or the trap-like exit "APIC write" with qualification 300H.
 */
export function ipiVirtualization(
  p: VirtualProcessor,
  memory: ApicMemory,
  vector: number,
  destination: number,
): Outcome {
  const locals: IpiVirtualizationLocals = { vector, destination, pid: -1, nv: 0, ndst: 0 };
  return runSteps(ipiVirtualizationSteps, p, memory, locals, postedSilently);
}

/**
 * True if an ICR value with this low half is for IPI virtualization: no shorthand, edge, physical, fixed, delivery status and
 * reserved bits 0. Bit 14 is not tested, the vector later. SDM vol. 3C, "APIC-Write Emulation" and "Virtualizing MSR-Based APIC Accesses".
 */
export function isEligibleForIpiVirtualization(low: number): boolean {
  return (low & (icrReservedLow | 0x000c_9f00)) === 0;
}

/** Vector and destination of the IPI that VICR holds, to be given to {@link ipiVirtualization}. */
export interface VirtualIpi {
  vector: number;
  destination: number;
}

/**
 * Vector and destination in VICR.
 *
 * @param x2apic - whether VICR is one 64-bit value at 300H (written by WRMSR) or two registers at 300H and 310H.
 */
export function ipiOf(page: ApicRegisters, x2apic: boolean): VirtualIpi {
  return { vector: page.icrLow & 0xff, destination: x2apic ? page.icr64High : page.icrHigh >>> 24 };
}
