import { hasPrimary, Primary } from './controls.js';
import { ExitReason } from './exit-reason.js';
import { completed, type Outcome, type VmExit } from './outcome.js';
import type { VirtualProcessor } from './virtual-processor.js';

const hltExit: VmExit = { kind: 'exit', reason: ExitReason.Hlt, qualification: 0, trapLike: false };

/**
 * HLT in VMX non-root operation: the exit "HLT" with "HLT exiting", otherwise the activity state becomes HLT. What leaves it:
 * virtual-interrupt delivery, interrupt-window and TPR-threshold exits, external interrupts, NMI, INIT and SMI.
 * Posted-interrupt processing and guest-timer events return to HLT. SDM vol. 3C, "Instructions That Cause VM Exits Conditionally".
 */
export function hlt(p: VirtualProcessor): Outcome {
  if (hasPrimary(p.vmcs, Primary.hltExiting)) return hltExit;
  p.activity = 1;
  return completed;
}

/**
 * Whether MWAIT in VMX non-root operation enters its optimized state rather than going on at once: it does not if it may be
 * woken by masked interrupts (ECX bit 0) while RFLAGS.IF is 0, and there is interrupt-window exiting or a recognized virtual
 * interrupt. SDM vol. 3C, "Changes to Instruction Behavior in VMX Non-Root Operation".
 */
export function mwaitEnters(p: VirtualProcessor, ecx: number): boolean {
  if ((ecx & 1) === 0 || p.interruptFlag !== 0) return true;
  return !hasPrimary(p.vmcs, Primary.interruptWindowExiting) && p.recognized === 0;
}

/**
 * MWAIT in VMX non-root operation.
 *
 * @param armed - whether address-range monitoring is armed.
 * @returns the exit "MWAIT" (qualification: `armed`) with "MWAIT exiting", otherwise `completed`; see {@link mwaitEnters}.
 */
export function mwait(p: VirtualProcessor, armed: boolean): Outcome {
  if (!hasPrimary(p.vmcs, Primary.mwaitExiting)) return completed;
  return { kind: 'exit', reason: ExitReason.MwaitInstruction, qualification: armed ? 1 : 0, trapLike: false };
}
