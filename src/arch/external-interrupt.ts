import type { ApicMemory } from './apic-memory.js';
import { Exit, hasExit, hasPin, PinBased } from './controls.js';
import { ExitReason } from './exit-reason.js';
import { mark } from './mark.js';
import { type Outcome, passthrough, type VmExit } from './outcome.js';
import { isPostedInterrupt, postedInterruptProcessing } from './posted-interrupt-processing.js';
import type { VirtualProcessor } from './virtual-processor.js';

const unacknowledgedExit: VmExit = {
  kind: 'exit',
  reason: ExitReason.ExternalInterrupt,
  qualification: 0,
  trapLike: false,
};

/** The exit "external interrupt" with the acknowledged `vector` in the VM-exit interruption information. */
export function acknowledgedInterruptExit(vector: number): VmExit {
  return { ...unacknowledgedExit, interruptionInformation: (0x8000_0000 | vector) >>> 0 };
}

/**
 * The exit for an external interrupt in VMX non-root operation that is not a posted-interrupt notification: with
 * "acknowledge interrupt on exit" the vector is in the interruption information, else the interrupt stays pending.
 */
export function externalInterruptExit(p: VirtualProcessor, vector: number): VmExit {
  return hasExit(p.vmcs, Exit.acknowledgeInterruptOnExit) ? acknowledgedInterruptExit(vector) : unacknowledgedExit;
}

/**
 * An unmasked external interrupt that reaches the processor in VMX non-root operation.
 *
 * @param vector - the physical vector, 0-255.
 * @returns `completed` after posted-interrupt processing (the EOI to the physical local APIC is the caller's), the exit
 * "external interrupt", or `passthrough` without "external-interrupt exiting": delivered through the guest IDT as RFLAGS.IF
 * lets it.
 */
export function externalInterrupt(p: VirtualProcessor, memory: ApicMemory, vector: number): Outcome {
  if (!hasPin(p.vmcs, PinBased.externalInterruptExiting)) return passthrough;
  if (isPostedInterrupt(p, vector)) return postedInterruptProcessing(p, memory);
  mark('12 step 2 exit');
  return externalInterruptExit(p, vector);
}
