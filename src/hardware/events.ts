import { isBlocked } from '../arch/event-priority.js';
import { ExitReason } from '../arch/exit-reason.js';
import { externalInterruptExit } from '../arch/external-interrupt.js';
import type { VmExit } from '../arch/outcome.js';
import { isPostedInterrupt } from '../arch/posted-interrupt-processing.js';
import { canDeliver } from '../arch/virtual-interrupt-delivery.js';
import { interruptWith } from '../engine/frames.js';
import type { Hooks } from '../engine/interpreter.js';
import { arm, observe } from '../engine/requests.js';
import type { Thread } from '../engine/state.js';
import { doorbell, doorbellMessage } from './avic.js';
import { externalInterrupt, leaveGuestHalt, leaveHalt } from './external-interrupt.js';
import { postByIommu } from './iommu-posting.js';
import { currentVcpu, type HardwareMachine, type LogicalProcessor, type VirtualCpu } from './machine.js';
import { pauseInstruction, pauseLoopExpired, stopPauseLoop } from './pause-loop.js';
import { acceptInterrupt, acknowledge, nmiMessage, pendingVector } from './physical-apic.js';
import { postedInterruptProcessing } from './posted-interrupt-processing.js';
import { preemptionTimerExpired } from './preemption-timer.js';
import { Record } from './records.js';
import { TimerKind, timerUse } from './timer-uses.js';
import { virtualInterruptDelivery } from './virtual-interrupt-delivery.js';
import { vmExit } from './vm-exit.js';

const preemptionTimerExit: VmExit = {
  kind: 'exit',
  reason: ExitReason.PreemptionTimer,
  qualification: 0,
  trapLike: false,
};
const nmiWindowExit: VmExit = { kind: 'exit', reason: ExitReason.NmiWindow, qualification: 0, trapLike: false };
const interruptWindowExit: VmExit = {
  kind: 'exit',
  reason: ExitReason.InterruptWindow,
  qualification: 0,
  trapLike: false,
};
/** Interruption information: valid, type NMI, vector 2. */
const nmiExit: VmExit = {
  kind: 'exit',
  reason: ExitReason.ExceptionNmi,
  qualification: 0,
  trapLike: false,
  interruptionInformation: 0x8000_0202,
};

/** What can come at an instruction boundary of a guest. */
const GuestEvent = {
  none: 0,
  preemptionTimer: 1,
  nmiWindow: 2,
  nmi: 3,
  interruptWindow: 4,
  pauseLoop: 5,
  virtualInterrupt: 6,
  externalInterrupt: 7,
} as const;

/**
 * In VMX non-root operation, at an instruction boundary: the first of the events that a processor here can have, in the order of
 * `eventPriority`. External interrupts are never masked by the guest's RFLAGS.IF while "external-interrupt exiting" is 1. SDM vol. 3C,
 * "Virtual-Interrupt Delivery", "VMX-Preemption Timer" and "Other Causes of VM Exits".
 */
function guestEvent(machine: HardwareMachine, processor: LogicalProcessor, vcpu: VirtualCpu): number {
  if (preemptionTimerExpired(machine, vcpu) && !isBlocked(vcpu, 'preemption-timer')) return GuestEvent.preemptionTimer;
  if (!isBlocked(vcpu, 'nmi-window')) return GuestEvent.nmiWindow;
  if (processor.nmi === 1 && !isBlocked(vcpu, 'nmi')) return GuestEvent.nmi;
  if (!isBlocked(vcpu, 'interrupt-window')) return GuestEvent.interruptWindow;
  if (pauseLoopExpired(machine, vcpu)) return GuestEvent.pauseLoop;
  if (canDeliver(vcpu)) return GuestEvent.virtualInterrupt;
  if (pendingVector(processor.apic) >= 0 && !isBlocked(vcpu, 'external-interrupt')) return GuestEvent.externalInterrupt;
  return GuestEvent.none;
}

function recogniseInGuest(machine: HardwareMachine, processor: LogicalProcessor): boolean {
  const vcpu = currentVcpu(machine, processor);
  const thread = machine.threads[processor.thread] as Thread;
  vcpu.interruptibility = (vcpu.interruptibility & ~1) | (processor.shadow > 0 ? 1 : 0);
  const event = guestEvent(machine, processor, vcpu);
  if (event === GuestEvent.none) {
    processor.attention = 0;
    return false;
  }
  if (processor.halted > 0) {
    interruptWith(thread, leaveGuestHalt);
    return true;
  }
  switch (event) {
    case GuestEvent.preemptionTimer:
      vmExit(machine, processor, preemptionTimerExit);
      break;
    case GuestEvent.nmiWindow:
      vmExit(machine, processor, nmiWindowExit);
      break;
    case GuestEvent.nmi:
      processor.nmi = 0;
      vmExit(machine, processor, nmiExit);
      break;
    case GuestEvent.interruptWindow:
      vmExit(machine, processor, interruptWindowExit);
      break;
    case GuestEvent.pauseLoop:
      stopPauseLoop(machine, vcpu);
      interruptWith(thread, pauseInstruction);
      break;
    case GuestEvent.virtualInterrupt:
      interruptWith(thread, virtualInterruptDelivery);
      break;
    default:
      takeExternalInterrupt(machine, processor, vcpu);
  }
  return true;
}

/** A notification is processed, any other interrupt exits: without acknowledgement it stays pending, and the host takes it once it enables interrupts. */
function takeExternalInterrupt(machine: HardwareMachine, processor: LogicalProcessor, vcpu: VirtualCpu): void {
  const vector = pendingVector(processor.apic);
  if (isPostedInterrupt(vcpu, vector)) {
    acknowledge(processor.apic, vector);
    interruptWith(machine.threads[processor.thread] as Thread, postedInterruptProcessing);
    return;
  }
  const exit = externalInterruptExit(vcpu, vector);
  if (exit.interruptionInformation !== undefined) acknowledge(processor.apic, vector);
  vmExit(machine, processor, exit);
}

function recogniseInHost(machine: HardwareMachine, processor: LogicalProcessor): boolean {
  const thread = machine.threads[processor.thread] as Thread;
  const vector = pendingVector(processor.apic);
  if (vector < 0 && processor.nmi === 0) {
    processor.attention = 0;
    return false;
  }
  if (processor.nmi === 0 && processor.masked === 1) return false;
  if (processor.halted > 0) {
    interruptWith(thread, leaveHalt);
    return true;
  }
  if (processor.nmi === 1) {
    processor.nmi = 0;
    interruptWith(thread, externalInterrupt).vector = 2;
    return true;
  }
  acknowledge(processor.apic, vector);
  processor.masked = 1;
  interruptWith(thread, externalInterrupt).vector = vector;
  return true;
}

/** The expiry of a timer: what it means is its use. Returns the processor that may have something to recognise. */
function expire(machine: HardwareMachine, timer: number): number {
  const use = timerUse(machine, timer);
  if (use.kind === TimerKind.localTimer) {
    const processor = machine.processors[use.processor] as LogicalProcessor;
    processor.expiredTimers.push(timer);
    acceptInterrupt(processor, use.vector);
    return processor.id;
  }
  if (use.kind === TimerKind.postedDevice || use.kind === TimerKind.device) {
    observe(machine, Record.iteration, use.count++, 1);
  }
  if (use.kind === TimerKind.device) {
    const processor = machine.processors[use.processor] as LogicalProcessor;
    acceptInterrupt(processor, use.vector);
    return processor.id;
  }
  if (use.kind === TimerKind.hostDevice || use.kind === TimerKind.hostNmi) {
    const processor = machine.processors[use.processor] as LogicalProcessor;
    arm(machine, timer, use.period);
    if (use.kind === TimerKind.hostNmi) processor.nmi = 1;
    else acceptInterrupt(processor, use.vector);
    processor.attention = 1;
    return processor.id;
  }
  if (use.kind === TimerKind.postedDevice) postByIommu(machine, use.owner, use.vector);
  if (use.kind === TimerKind.preemption || use.kind === TimerKind.pauseLoop) {
    for (const processor of machine.processors) {
      if (processor.nonRoot === 1 && processor.vcpu === use.owner) {
        processor.attention = 1;
        return processor.id;
      }
    }
  }
  return -1;
}

/** The order and masking of events, given to the engine. A message in flight is the vector of a physical interrupt, or {@link nmiMessage}. */
export const hardwareHooks: Hooks<HardwareMachine, LogicalProcessor> = {
  recognise: (machine, processor) =>
    processor.nonRoot === 1 ? recogniseInGuest(machine, processor) : recogniseInHost(machine, processor),
  arrive: (machine, processor, message) => {
    if (message === doorbellMessage) {
      doorbell(machine, processor);
    } else if (message === nmiMessage) {
      processor.nmi = 1;
      processor.attention = 1;
    } else {
      acceptInterrupt(processor, message);
    }
  },
  expire,
  shadowEnded: (_machine, processor) => {
    processor.attention = 1;
  },
};
