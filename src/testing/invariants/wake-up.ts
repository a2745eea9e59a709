import { AvicExit } from '../../arch/avic.js';
import { highestBit, testBit } from '../../arch/bits256.js';
import { hasPin, PinBased } from '../../arch/controls.js';
import type { Routine } from '../../engine/routine.js';
import type { Frame } from '../../engine/state.js';
import { avicIpi } from '../../hardware/avic.js';
import { ipiVirtualization } from '../../hardware/ipi-virtualization.js';
import { type Task, TaskState } from '../../host/machine.js';
import { tryToWakeUp } from '../../host/try-to-wake-up.js';
import { apicAcceptIrq } from '../../kvm/accept-irq.js';
import { avicIncompleteIpiInterception, avicKickTargetVcpus } from '../../kvm/avic.js';
import { vmxDeliverInterrupt, vmxDeliverNestedPostedInterrupt, vmxDeliverPostedInterrupt } from '../../kvm/deliver.js';
import { kvmVcpuKick, kvmVcpuWakeUp } from '../../kvm/kick.js';
import { apicTimerExpired } from '../../kvm/lapic-timer.js';
import { descriptorOf, HostVector, type KvmMachine, type KvmVcpu, MpState, VcpuRequest } from '../../kvm/machine.js';
import { hostedBy, isNestedContext, nestedOf } from '../../kvm/nested/guest-mode.js';
import { piWakeupHandler } from '../../kvm/pi-load-put.js';
import { svmCompleteInterruptDelivery, svmDeliverInterrupt } from '../../kvm/svm-deliver.js';
import type { StateInvariant } from './invariant.js';
import type { Ledger } from './ledger-entries.js';
import { frameIn, type Place, place, somebodyIn } from './places.js';

/** The class of the processor priority, from TPR and ISR alone. SDM vol. 3A, "Task and Processor Priorities". */
function priorityClass({ page }: KvmVcpu): number {
  return Math.max(page.tpr >>> 4, Math.max(0, highestBit(page.isr)) >> 4);
}

/** True if the guest's processor would take a maskable interrupt; one for L1 while L2 is active takes L2 to L1 if L1 wants that. */
function takesInterrupts(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const active = vcpu.guestMode === 1 ? nestedOf(machine, vcpu) : undefined;
  if (active !== undefined && hasPin(active.vmcs12, PinBased.externalInterruptExiting)) return true;
  const guest = active === undefined ? vcpu : (machine.vcpus[active.l2] as KvmVcpu);
  return guest.interruptFlag === 1 && (guest.interruptibility & 3) === 0;
}

/** True if an NMI waits that the guest's processor would take; one for L1 while L2 is active takes L2 to L1 if L1 wants that. */
function hasNmi(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  if (vcpu.nmiQueued + vcpu.nmiPending === 0) return false;
  const active = vcpu.guestMode === 1 ? nestedOf(machine, vcpu) : undefined;
  if (active !== undefined && hasPin(active.vmcs12, PinBased.nmiExiting)) return true;
  const guest = active === undefined ? vcpu : (machine.vcpus[active.l2] as KvmVcpu);
  return (guest.interruptibility & 0xb) === 0;
}

/** The highest vector that is posted or requested, whatever ON says, or -1. */
function highestWaiting(machine: KvmMachine, vcpu: KvmVcpu): number {
  return Math.max(highestBit(vcpu.page.irr), highestBit(descriptorOf(machine, vcpu).pir));
}

/** An L2 that is not active: whatever waits for it, L1 has to enter it first. */
function isDormant(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  if (!isNestedContext(machine, vcpu)) return false;
  return (machine.vcpus[nestedOf(machine, vcpu).l1] as KvmVcpu).guestMode === 0;
}

/** A virtual interrupt that its guest could take now if it ran: the vector, or -1. What KVM thinks of it plays no role. */
function deliverableVector(machine: KvmMachine, vcpu: KvmVcpu): number {
  if (vcpu.mpState === MpState.uninitialized || vcpu.mpState === MpState.initReceived) return -1;
  if (isDormant(machine, vcpu)) return -1;
  const vector = highestWaiting(machine, vcpu);
  return vector >= 16 && takesInterrupts(machine, vcpu) && vector >> 4 > priorityClass(vcpu) ? vector : -1;
}

/** The same for an L2: what L1 posted for it counts once the notification is known, and no further one is on its way. */
function nestedReason(machine: KvmMachine, vcpu: KvmVcpu, ledger: Ledger): string | undefined {
  const vector = deliverableVector(machine, vcpu);
  if (vector < 0) return undefined;
  const { l1, piPending, postedIntrNv } = nestedOf(machine, vcpu);
  const coming = ledger.vcpus[l1]?.intended.includes(postedIntrNv) === true;
  const notified = piPending === 1 && descriptorOf(machine, vcpu).on === 1 && !coming;
  const known = notified || highestBit(vcpu.page.irr) >= vector;
  return known ? `interrupt ${vector.toString(16).toUpperCase()}H for the guest of virtual CPU ${l1}` : undefined;
}

/** What there is for a virtual CPU that does not run, in words, or undefined. */
function reasonToRun(machine: KvmMachine, vcpu: KvmVcpu, ledger: Ledger): string | undefined {
  if (isNestedContext(machine, vcpu)) return nestedReason(machine, vcpu, ledger);
  if (vcpu.stopped === 1) return vcpu.signalPending === 1 ? undefined : 'it may go on';
  const vector = deliverableVector(machine, vcpu);
  if (vector >= 0) return `interrupt ${vector.toString(16).toUpperCase()}H`;
  if (hasNmi(machine, vcpu)) return 'an NMI';
  if (vcpu.smm === 0 && (vcpu.smiPending === 1 || (vcpu.requests & VcpuRequest.smi) !== 0)) return 'an SMI';
  if (vcpu.pendingEvents !== 0 && vcpu.smm === 0) return 'INIT or SIPI';
  if (vcpu.lapicTimer.pending > 0) return 'its timer';
  if (vcpu.pvUnhalted === 1) return 'a kick by another virtual CPU';
  if ((vcpu.requests & VcpuRequest.unblock) !== 0) return 'a request to unblock';
  return undefined;
}

/** Routines that are about to wake the virtual CPU that their `target` names, wherever they are. */
const wakers: readonly Place[] = [
  kvmVcpuWakeUp,
  kvmVcpuKick,
  vmxDeliverPostedInterrupt,
  vmxDeliverInterrupt,
  vmxDeliverNestedPostedInterrupt,
  apicAcceptIrq,
  apicTimerExpired,
  svmDeliverInterrupt,
  svmCompleteInterruptDelivery,
].map((routine) => place(routine as unknown as Routine));
const virtualizing = place(ipiVirtualization, 'set-pir');
/** An IPI of AVIC's, and what software does where the target did not run: whom it is for is not told apart. */
const accelerated: readonly Place[] = [avicIpi, avicIncompleteIpiInterception, avicKickTargetVcpus].map((routine) =>
  place(routine as unknown as Routine),
);
const waking = place(tryToWakeUp);
const handling = place(piWakeupHandler);

function isWaking(frame: Frame, vcpu: KvmVcpu): boolean {
  const at = (where: Place): boolean => frame.at >= where.first && frame.at <= where.last;
  const { locals } = frame;
  if (locals['target'] === vcpu.id && wakers.some(at)) return true;
  return (locals['pid'] === vcpu.pid && at(virtualizing)) || (locals['task'] === vcpu.task && at(waking));
}

/** True if something is under way that will wake a virtual CPU. */
function isBeingWoken(machine: KvmMachine, sleeper: KvmVcpu): boolean {
  // An L2 sleeps in its virtual CPU's thread.
  const vcpu = hostedBy(machine, sleeper);
  for (const thread of machine.threads) for (const frame of thread) if (isWaking(frame, vcpu)) return true;
  if (vcpu.svm === 1) {
    const incomplete = (cpu: { vcpu: number }): boolean =>
      machine.vcpus[cpu.vcpu]?.exit.reason === AvicExit.incompleteIpi;
    return machine.processors.some(incomplete) || accelerated.some((where) => somebodyIn(machine, where));
  }
  const { on, ndst } = descriptorOf(machine, vcpu);
  const processor = machine.processors[ndst];
  if (on === 0 || processor === undefined || machine.wakeupLists[ndst]?.includes(vcpu.id) !== true) return false;
  return (
    processor.inFlight.includes(HostVector.postedInterruptWakeup) ||
    testBit(processor.apic.irr, HostVector.postedInterruptWakeup) ||
    // Acknowledged by an exit, its handler not called yet.
    testBit(processor.apic.isr, HostVector.postedInterruptWakeup) ||
    machine.threads.some((thread) => frameIn(thread, handling) !== undefined)
  );
}

/** True if a task is switched out and will not be chosen until it is woken. */
function isAsleep(task: Task): boolean {
  return task.state === TaskState.interruptible && task.onRunQueue === 0 && task.onCpu === 0;
}

/** Q6: nobody sleeps on. */
export const noLostWakeUp: StateInvariant = {
  id: 'INV2-being-woken',
  group: 'INV2',
  statement: 'A virtual CPU that sleeps although there is something for it is being woken.',
  source: 'Linux kvm_vcpu_block, kvm_vcpu_wake_up, pi_wakeup_handler',
  example: 'A virtual CPU sleeps, 40H is in PIR with ON = 1, and no wakeup vector is on its way to NDST.',
  check: (machine, ledger) => {
    for (const vcpu of machine.vcpus) {
      if (!isAsleep(machine.tasks[vcpu.task] as Task)) continue;
      const reason = reasonToRun(machine, vcpu, ledger);
      if (reason !== undefined && !isBeingWoken(machine, vcpu))
        return `virtual CPU ${vcpu.id}: sleeps although there is ${reason}, and nobody wakes it`;
    }
    return undefined;
  },
};

/** At the end: nobody sleeps although there is something to do. */
export const nobodySleepsOn: StateInvariant = {
  id: 'INV2-nobody-sleeps-on',
  group: 'INV2',
  statement:
    'When nothing more can happen, no virtual CPU is left asleep or waiting for a processor with something to do.',
  source: 'Linux kvm_vcpu_block, __schedule',
  example: 'Nothing is left to happen, and a virtual CPU sleeps with 40H in PIR.',
  check: (machine, ledger) => {
    for (const vcpu of machine.vcpus) {
      const task = machine.tasks[vcpu.task] as Task;
      if (task.onCpu === 0 && task.onRunQueue === 1) return `virtual CPU ${vcpu.id}: is ready and never runs`;
      if (task.onCpu === 0 && task.onRunQueue === 0 && task.state === TaskState.running)
        return `virtual CPU ${vcpu.id}: was woken, and no processor puts it on its queue`;
      const reason = isAsleep(task) ? reasonToRun(machine, vcpu, ledger) : undefined;
      if (reason !== undefined) return `virtual CPU ${vcpu.id}: sleeps for ever although there is ${reason}`;
    }
    return undefined;
  },
};

/** At the end: whatever could be delivered was. */
export const everythingDelivered: StateInvariant = {
  id: 'INV1-everything-delivered',
  group: 'INV1',
  statement:
    'When nothing more can happen, every message that was sent was accepted, and nothing waits that its guest could take.',
  source: 'SDM vol. 3A, "Interrupt Acceptance for Fixed Interrupts"',
  example: 'Nothing is left to happen, the guest runs with interrupts enabled, and PIR holds 40H.',
  check: (machine, ledger) => {
    for (const vcpu of machine.vcpus) {
      const [sent] = ledger.vcpus[vcpu.id]?.intended ?? [];
      if (sent !== undefined) return `virtual CPU ${vcpu.id}: ${sent.toString(16)}H was sent and never accepted`;
      const vector = deliverableVector(machine, vcpu);
      if (vector >= 0) return `virtual CPU ${vcpu.id}: ${vector.toString(16)}H is never delivered`;
      if (vcpu.mpState === MpState.runnable && vcpu.stopped === 0 && hasNmi(machine, vcpu))
        return `virtual CPU ${vcpu.id}: an NMI is never delivered`;
    }
    return undefined;
  },
};

/** At the end: who was sent INIT and SIPI runs. */
export const startUpLatched: StateInvariant = {
  id: 'INV14-start-up-latched',
  group: 'INV14',
  statement: 'When nothing more can happen, a virtual CPU to which a SIPI came after INIT has started.',
  source: 'SDM vol. 3A, "Multiple-Processor Initialization"; Linux kvm_apic_accept_events',
  example: 'INIT and SIPI were accepted, nothing is left to happen, and the virtual CPU waits for a SIPI.',
  check: (machine, ledger) => {
    for (const { id, mpState, pendingEvents } of machine.vcpus) {
      if (ledger.vcpus[id]?.started === 1 && (mpState !== MpState.runnable || pendingEvents !== 0))
        return `virtual CPU ${id}: a SIPI came after INIT, and it has not started`;
    }
    return undefined;
  },
};
