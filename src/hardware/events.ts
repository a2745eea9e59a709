import { Exit, hasPin, PinBased } from '../arch/controls.js';
import { ExitReason } from '../arch/exit-reason.js';
import { isPostedInterrupt } from '../arch/posted-interrupt-processing.js';
import { canDeliver } from '../arch/virtual-interrupt-delivery.js';
import { interruptWith } from '../engine/frames.js';
import type { Hooks } from '../engine/interpreter.js';
import type { Thread } from '../engine/state.js';
import { externalInterrupt } from './external-interrupt.js';
import { currentVcpu, type HardwareMachine, type LogicalProcessor } from './machine.js';
import { acceptInterrupt, acknowledge, pendingVector } from './physical-apic.js';
import { postedInterruptProcessing } from './posted-interrupt-processing.js';
import { virtualInterruptDelivery } from './virtual-interrupt-delivery.js';
import { vmExit } from './vm-exit.js';

/**
 * In VMX non-root operation, at an instruction boundary: a virtual interrupt goes first, then external interrupts, which are
 * never masked by the guest's RFLAGS.IF while "external-interrupt exiting" is 1. SDM vol. 3C, "Virtual-Interrupt Delivery" and
 * "Event Priority".
 */
function recogniseInGuest(machine: HardwareMachine, processor: LogicalProcessor): boolean {
  const vcpu = currentVcpu(machine, processor);
  const thread = machine.threads[processor.thread] as Thread;
  vcpu.interruptibility = (vcpu.interruptibility & ~1) | (processor.shadow > 0 ? 1 : 0);
  if (canDeliver(vcpu)) {
    interruptWith(thread, virtualInterruptDelivery);
    return true;
  }
  const vector = pendingVector(processor.apic);
  if (vector < 0) {
    processor.attention = 0;
    return false;
  }
  const { vmcs } = vcpu;
  if (hasPin(vmcs, PinBased.processPostedInterrupts) && isPostedInterrupt(vcpu, vector)) {
    acknowledge(processor.apic, vector);
    interruptWith(thread, postedInterruptProcessing);
    return true;
  }
  // Without acknowledgement the interrupt stays pending, and the host takes it once it enables interrupts.
  const acknowledged = (vmcs.exitControls & Exit.acknowledgeInterruptOnExit) !== 0;
  if (acknowledged) acknowledge(processor.apic, vector);
  vmExit(machine, processor, {
    kind: 'exit',
    reason: ExitReason.ExternalInterrupt,
    qualification: 0,
    trapLike: false,
    interruptionInformation: acknowledged ? 0x8000_0000 + vector : 0,
  });
  return true;
}

function recogniseInHost(machine: HardwareMachine, processor: LogicalProcessor): boolean {
  const vector = pendingVector(processor.apic);
  if (vector < 0) {
    processor.attention = 0;
    return false;
  }
  if (processor.masked === 1) return false;
  acknowledge(processor.apic, vector);
  processor.masked = 1;
  interruptWith(machine.threads[processor.thread] as Thread, externalInterrupt).vector = vector;
  return true;
}

/** The order and masking of events, given to the engine. A message in flight is the vector of a physical interrupt. */
export const hardwareHooks: Hooks<HardwareMachine, LogicalProcessor> = {
  recognise: (machine, processor) =>
    processor.nonRoot === 1 ? recogniseInGuest(machine, processor) : recogniseInHost(machine, processor),
  arrive: (_machine, processor, message) => acceptInterrupt(processor, message),
  expire: () => -1,
  shadowEnded: (_machine, processor) => {
    processor.attention = 1;
  },
};
