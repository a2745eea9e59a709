import { highestBit } from '../../src/arch/bits256.js';
import { rvi, svi } from '../../src/arch/guest-interrupt-status.js';
import { within } from '../../src/engine/frames.js';
import type { Thread } from '../../src/engine/state.js';
import { ipiVirtualization } from '../../src/hardware/ipi-virtualization.js';
import { postedInterruptProcessing } from '../../src/hardware/posted-interrupt-processing.js';
import { schedule } from '../../src/host/schedule.js';
import { vmxDeliverPostedInterrupt } from '../../src/kvm/deliver.js';
import { HostVector, type KvmMachine, type KvmVcpu, VcpuRequest } from '../../src/kvm/machine.js';
import { needsPiWakeup, vmxPiStartBypass, vmxVcpuPiLoad, vmxVcpuPiPut } from '../../src/kvm/pi-load-put.js';
import { kvmSchedIn, kvmSchedOut } from '../../src/kvm/sched-notifiers.js';
import { vmxSyncPirToIrr } from '../../src/kvm/sync-pir-to-irr.js';

type Test = (thread: Thread) => boolean;
const as = (routine: unknown): Parameters<typeof within>[0] => routine as Parameters<typeof within>[0];

const posting: readonly Test[] = [
  within(as(vmxDeliverPostedInterrupt), 'set-pir', 'set-on'),
  within(as(ipiVirtualization), 'set-pir', 'set-on'),
];
const taking: readonly Test[] = [
  within(as(vmxSyncPirToIrr), 'clear-on', 'take-pir'),
  within(as(postedInterruptProcessing), 'clear-on', 'move-pir'),
];
const loading = within(as(vmxVcpuPiLoad));
const listing = within(as(vmxVcpuPiLoad), 'list_del', 'cmpxchg-control');
const putting = within(as(vmxVcpuPiPut));
const schedulingIn = within(as(kvmSchedIn));
const schedulingOut = within(as(kvmSchedOut));
/** A device was attached: whoever went to sleep without need is about to be woken. */
const attaching: readonly Test[] = [within(as(vmxPiStartBypass), 'count')];
const switching = within(as(schedule), 'deactivate_task', 'context_switch');

function threadsOf(machine: KvmMachine, vcpu: KvmVcpu): Thread[] {
  return [machine.threads[vcpu.thread] as Thread, machine.threads[machine.tasks[vcpu.task]?.thread ?? -1] as Thread];
}

/** What is wrong with a machine between two stages; empty if nothing is. */
export function brokenInvariants(machine: KvmMachine): string[] {
  const broken: string[] = [];
  const anywhere = (tests: readonly Test[]): boolean => machine.threads.some((t) => tests.some((test) => test(t)));
  for (const vcpu of machine.vcpus) {
    const { pir, on, sn, nv, ndst } = machine.memory.descriptors[vcpu.pid] as (typeof machine.memory.descriptors)[0];
    const own = threadsOf(machine, vcpu);
    const inside = (...tests: Test[]): boolean => own.some((thread) => tests.some((test) => test(thread)));
    const say = (what: string): void => {
      broken.push(`virtual CPU ${vcpu.id}: ${what}`);
    };
    // Q1: what is posted is announced, or about to be.
    if (highestBit(pir) >= 0 && on === 0 && sn === 0 && !anywhere(posting) && !inside(...taking, loading)) {
      say('PIR holds a request, ON and SN are 0, and nobody is between the steps');
    }
    // Q2: notifications wake exactly those that are on a list.
    const listed = machine.wakeupLists.findIndex((list) => list.includes(vcpu.id));
    if (!inside(loading, putting) && (nv === HostVector.postedInterruptWakeup) !== listed >= 0) {
      say(`NV is ${nv.toString(16)}H and it is on ${listed < 0 ? 'no list' : `the list of ${listed}`}`);
    }
    if (listed >= 0 && !inside(listing) && !inside(loading, putting) && listed !== ndst)
      say('is on another list than its NDST says');
    // Q3: a loaded virtual CPU is where its descriptor says.
    const settled = vcpu.loaded === 1 && !inside(schedulingIn, schedulingOut, loading, putting);
    if (settled && machine.vms[vcpu.vm]?.apicv === 1) {
      if (ndst !== vcpu.cpu || nv !== HostVector.postedInterrupt || sn !== 0)
        say('is loaded, and its descriptor is not');
    }
    // Q4: one that is switched out and not asleep has its notifications suppressed.
    if (
      vcpu.loaded === 0 &&
      vcpu.cpu >= 0 &&
      needsPiWakeup(machine, vcpu) &&
      listed < 0 &&
      sn === 0 &&
      (vcpu.requests & VcpuRequest.unblock) === 0 &&
      !anywhere(attaching) &&
      !inside(loading, putting, schedulingIn, schedulingOut)
    ) {
      say('is switched out, on no list, and SN is 0');
    }
    // Where it is loaded, and that it is in one place only.
    const places = machine.processors.filter((processor) => processor.vcpu === vcpu.id);
    if (places.length > 1) say('is on two processors');
    for (const place of places) {
      if (place.nonRoot !== 1 || vcpu.apicvActive === 0) continue;
      // Q5, for as long as the guest runs: RVI and SVI are the highest of their sets, but while hardware is between its steps.
      if (inside(within(as(postedInterruptProcessing), 'clear-on', 'set-rvi'))) continue;
      if (rvi(vcpu.vmcs) !== Math.max(0, highestBit(vcpu.page.irr))) say('RVI is not the highest of IRR');
      if (svi(vcpu.vmcs) !== Math.max(0, highestBit(vcpu.page.isr))) say('SVI is not the highest of ISR');
    }
  }
  // Between picking a task and switching to it, it is in no place.
  const midSwitch = machine.threads.some((thread) => switching(thread));
  for (const task of machine.tasks) {
    const queued = machine.runQueues.filter(({ queue }) => queue.includes(task.id)).length;
    const running = machine.runQueues.filter(({ current }) => current === task.id).length;
    const idle = machine.runQueues.some((queue) => queue.idle === task.id);
    const mid = switching(machine.threads[task.thread] as Thread);
    if (running > 1 || queued > 1 || (queued === 1 && running === 1 && !mid))
      broken.push(`task ${task.id}: in two places`);
    if (!idle && !midSwitch && task.onRunQueue !== queued + running)
      broken.push(`task ${task.id}: its mark is not where it is`);
  }
  return broken;
}
