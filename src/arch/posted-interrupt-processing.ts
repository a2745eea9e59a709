import type { ApicMemory } from './apic-memory.js';
import { highestBit } from './bits256.js';
import { hasPin, PinBased } from './controls.js';
import { evaluatePendingVirtualInterrupts } from './evaluation.js';
import { rvi, setRvi } from './guest-interrupt-status.js';
import { mark } from './mark.js';
import { completed, type Outcome } from './outcome.js';
import { addressOf, descriptorAt, descriptorIndex } from './physical-memory.js';
import { runSteps, type Step } from './step.js';
import type { ApicVmcs, VirtualProcessor } from './virtual-processor.js';

/**
 * True if the acknowledged physical `vector` (0-255) is a posted-interrupt notification for the running guest; otherwise it is
 * an ordinary external interrupt. SDM vol. 3C, "Posted-Interrupt Processing", steps 1 and 2.
 */
export function isPostedInterrupt(p: { readonly vmcs: ApicVmcs }, vector: number): boolean {
  mark('12 step 1');
  if (!hasPin(p.vmcs, PinBased.processPostedInterrupts)) {
    mark('12 not processed');
    return false;
  }
  mark('12 step 2');
  return vector === p.vmcs.postedInterruptNotificationVector;
}

/** Working registers of posted-interrupt processing. */
export interface PostedInterruptProcessingLocals {
  /** Index in `memory.descriptors` of the processor's own descriptor, found by the first step; -1 where none is. */
  pid: number;
  /** The highest vector taken out of PIR, or -1. */
  highest: number;
}

/**
 * Posted-interrupt processing after the notification was acknowledged, in the steps that other processors can tell apart. ON is
 * cleared before PIR is taken, so a poster that still sees ON = 1 has its bit taken. The guest's RFLAGS.IF plays no role, nor
 * do SN and NV of the descriptor. SDM vol. 3C, "Posted-Interrupt Processing", steps 3 to 7.
 */
export const postedInterruptProcessingSteps: readonly Step<
  VirtualProcessor,
  ApicMemory,
  PostedInterruptProcessingLocals
>[] = [
  {
    name: 'clear-on',
    run: (p, memory, locals) => {
      mark('12 step 3');
      locals.pid = descriptorIndex(memory, addressOf(p.vmcs.postedInterruptDescriptorAddress));
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor !== undefined) descriptor.on = 0;
      return undefined;
    },
  },
  {
    // The physical local APIC is not part of the virtual processor: whoever runs the steps does its EOI here.
    name: 'eoi',
    run: () => {
      mark('12 step 4');
      return undefined;
    },
  },
  {
    name: 'move-pir',
    run: (p, memory, locals) => {
      mark('12 step 5');
      const descriptor = descriptorAt(memory, locals.pid);
      if (descriptor === undefined) {
        locals.highest = -1;
        return undefined;
      }
      const pir = descriptor.pir;
      const irr = p.page.irr;
      locals.highest = highestBit(pir);
      for (let word = 0; word < 8; word++) {
        const posted = pir[word] as number;
        if (posted === 0) continue;
        irr[word] = ((irr[word] as number) | posted) >>> 0;
        pir[word] = 0;
      }
      return undefined;
    },
  },
  {
    name: 'set-rvi',
    run: (p, _memory, locals) => {
      mark('12 step 6');
      if (locals.highest > rvi(p.vmcs)) setRvi(p.vmcs, locals.highest);
      return undefined;
    },
  },
  {
    name: 'evaluate',
    run: (p) => {
      mark('12 step 7');
      evaluatePendingVirtualInterrupts(p);
      return undefined;
    },
  },
];

/**
 * Posted-interrupt processing, all steps at once, without the EOI to the physical local APIC, which is the caller's. The
 * activity state stays: a processor in HLT returns to it, and a deliverable virtual interrupt then wakes it.
 */
export function postedInterruptProcessing(p: VirtualProcessor, memory: ApicMemory): Outcome {
  return runSteps(postedInterruptProcessingSteps, p, memory, { pid: -1, highest: -1 }, completed);
}
