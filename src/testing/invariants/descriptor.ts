import { highestBit } from '../../arch/bits256.js';
import type { PostedInterruptDescriptor } from '../../arch/posted-interrupt-descriptor.js';
import { ipiVirtualization } from '../../hardware/ipi-virtualization.js';
import { postedInterruptProcessing } from '../../hardware/posted-interrupt-processing.js';
import { vmxDeliverPostedInterrupt } from '../../kvm/deliver.js';
import { interruptBlocked } from '../../kvm/interruptibility.js';
import { descriptorOf, HostVector, type KvmMachine, type KvmVcpu, VcpuRequest, vmOf } from '../../kvm/machine.js';
import { isNestedContext } from '../../kvm/nested/guest-mode.js';
import { piPostBlockWork, piPreBlock } from '../../kvm/pi-block.js';
import { vmxPiStartBypass, vmxVcpuPiLoad, vmxVcpuPiPut } from '../../kvm/pi-load-put.js';
import { kvmSchedIn, kvmSchedOut } from '../../kvm/sched-notifiers.js';
import { vmxSyncPirToIrr } from '../../kvm/sync-pir-to-irr.js';
import type { StateInvariant } from './invariant.js';
import { ownThreadIn, place, somebodyIn } from './places.js';

const posting = [
  place(vmxDeliverPostedInterrupt, 'set-pir', 'set-on'),
  place(ipiVirtualization, 'set-pir', 'set-on'),
] as const;
const taking = [
  place(vmxSyncPirToIrr, 'clear-on', 'take-pir'),
  place(postedInterruptProcessing, 'clear-on', 'move-pir'),
] as const;
/** SN has been cleared, ON not yet rebuilt. */
const rebuilding = [place(vmxVcpuPiLoad, 'cmpxchg-control', 'set-on')] as const;
const loading = [place(vmxVcpuPiLoad)] as const;
const unlinking = [
  place(vmxVcpuPiLoad, 'list_del', 'cmpxchg-control'),
  place(piPostBlockWork, 'cmpxchg-nv', 'list_del'),
] as const;
const linking = [
  place(vmxVcpuPiPut, 'list_add', 'cmpxchg-nv'),
  place(piPreBlock, 'list_add_tail', 'cmpxchg-nv'),
] as const;
const switching = [place(kvmSchedIn), place(kvmSchedOut)] as const;
const attaching = place(vmxPiStartBypass, 'count');

/** Whether something may be posted to a virtual CPU without the host: then its descriptor has to say how to wake it. */
function postedByOthers(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const vm = vmOf(machine, vcpu);
  return vm.apicv === 1 && (vm.ipiVirtualization === 1 || vm.bypassCount > 0);
}

/** Looks at every virtual CPU that has a descriptor in use. */
function each(
  machine: KvmMachine,
  test: (vcpu: KvmVcpu, descriptor: PostedInterruptDescriptor) => string | undefined,
): string | undefined {
  for (let i = 0; i < machine.vcpus.length; i++) {
    const vcpu = machine.vcpus[i] as KvmVcpu;
    // An AMD host has none, and that of an L2 is L1's.
    if (vmOf(machine, vcpu).apicv === 0 || vcpu.svm === 1 || isNestedContext(machine, vcpu)) continue;
    const wrong = test(vcpu, descriptorOf(machine, vcpu));
    if (wrong !== undefined) return `virtual CPU ${vcpu.id}: ${wrong}`;
  }
  return undefined;
}

/** Q1: what is posted is announced. */
export const announced: StateInvariant = {
  id: 'INV7-announced',
  group: 'INV7',
  statement:
    'PIR is not left with a request while ON and SN are 0, but between two steps of a poster, of a harvest, or of a load.',
  source:
    'SDM vol. 3C, "Posted-Interrupt Processing"; Linux vmx_deliver_posted_interrupt, vmx_sync_pir_to_irr, vmx_vcpu_pi_load',
  example: 'PIR holds 40H, ON = 0, SN = 0, and nobody is between its PIR step and its ON step.',
  check: (machine) =>
    each(machine, (vcpu, { pir, on, sn }) => {
      if (on === 1 || sn === 1 || highestBit(pir) < 0) return undefined;
      if (posting.some((where) => somebodyIn(machine, where, 'pid', vcpu.pid))) return undefined;
      if (ownThreadIn(machine, vcpu, taking) || ownThreadIn(machine, vcpu, rebuilding)) return undefined;
      return 'PIR holds a request, ON and SN are 0, and nobody is between two steps';
    }),
};

/** Q2: notifications wake exactly those who are on a list. */
export const wakeVector: StateInvariant = {
  id: 'INV12-wake-vector',
  group: 'INV12',
  statement: 'NV is the wakeup vector exactly while the virtual CPU is on the list of the processor that NDST names.',
  source: 'Linux pi_enable_wakeup_handler, vmx_vcpu_pi_load',
  example: 'A virtual CPU is on the list of processor 0, and NV is the active notification vector.',
  check: (machine) =>
    each(machine, (vcpu, { nv, ndst }) => {
      const listed = machine.wakeupLists[ndst]?.includes(vcpu.id) === true;
      if (listed === (nv === HostVector.postedInterruptWakeup)) return undefined;
      if (ownThreadIn(machine, vcpu, unlinking) || ownThreadIn(machine, vcpu, linking)) return undefined;
      return listed
        ? 'is on a list and its notifications do not wake it'
        : 'its notifications wake a processor on whose list it is not';
    }),
};

/** Q3: a loaded virtual CPU is where its descriptor says. */
export const loadedHere: StateInvariant = {
  id: 'INV7-loaded-here',
  group: 'INV7',
  statement:
    'While a virtual CPU is loaded on a processor, NDST names it, NV is the active vector, and SN is 0; before 5.17 NV and NDST are those of its list while it blocks.',
  source: 'Linux vmx_vcpu_pi_load',
  example: 'A virtual CPU runs on processor 1, and NDST says 0.',
  check: (machine) =>
    each(machine, (vcpu, { nv, ndst, sn }) => {
      if (vcpu.loaded === 0) return undefined;
      // Until 5.16 it has its wakeup vector from before it blocks until after, on the processor where that was.
      const blocks = vmOf(machine, vcpu).blockHooks === 1 && vcpu.wakeupList >= 0;
      const vector = blocks ? HostVector.postedInterruptWakeup : HostVector.postedInterrupt;
      if (nv === vector && ndst === (blocks ? vcpu.wakeupList : vcpu.cpu) && sn === 0) return undefined;
      // Between the descriptor's word and the list.
      if (blocks && (ownThreadIn(machine, vcpu, unlinking) || ownThreadIn(machine, vcpu, linking))) return undefined;
      if (ownThreadIn(machine, vcpu, switching)) return undefined;
      return `is loaded on processor ${vcpu.cpu}, and NV is ${nv.toString(16)}H, NDST ${ndst}, SN ${sn}`;
    }),
};

/** Q4: who is switched out and cannot be woken is not notified. */
export const suppressed: StateInvariant = {
  id: 'INV7-suppressed',
  group: 'INV7',
  statement:
    'A virtual CPU that is switched out and on no list has SN = 1, if somebody may post to it without the host; before 5.17 not if it sleeps with interrupts off.',
  source: 'Linux vmx_vcpu_pi_put',
  example: 'A virtual CPU was preempted, SN is 0, and NDST names a processor on which another one runs.',
  check: (machine) =>
    each(machine, (vcpu, { sn }) => {
      if (vcpu.loaded === 1 || vcpu.cpu < 0 || sn === 1 || !postedByOthers(machine, vcpu)) return undefined;
      if (machine.wakeupLists.some((list) => list.includes(vcpu.id))) return undefined;
      // What is posted to who sleeps with interrupts off wakes nobody, whatever it notifies.
      if (vmOf(machine, vcpu).blockHooks === 1 && vcpu.preempted === 0 && interruptBlocked(machine, vcpu))
        return undefined;
      // A device was attached: whoever went to sleep before is about to be woken.
      if ((vcpu.requests & VcpuRequest.unblock) !== 0 || somebodyIn(machine, attaching)) return undefined;
      if (ownThreadIn(machine, vcpu, switching) || ownThreadIn(machine, vcpu, loading)) return undefined;
      return 'is switched out, on no list, and SN is 0';
    }),
};

/** A virtual CPU is on one list at most, once. */
export const onOneList: StateInvariant = {
  id: 'INV11-on-one-list',
  group: 'INV11',
  statement: 'A virtual CPU is on the list of one processor at most, once, and knows which.',
  source: 'Linux pi_enable_wakeup_handler, vmx_vcpu_pi_load: list_add_tail, list_del',
  example: 'The list of processor 0 holds virtual CPU 1 twice.',
  check: (machine) => {
    for (const vcpu of machine.vcpus) {
      let found = 0;
      for (const list of machine.wakeupLists) for (const id of list) if (id === vcpu.id) found++;
      const where = vcpu.wakeupList;
      if (found > 1) return `virtual CPU ${vcpu.id}: is on the lists ${found} times`;
      if (where >= 0 ? machine.wakeupLists[where]?.includes(vcpu.id) !== true : found > 0)
        return `virtual CPU ${vcpu.id}: is not where its list entry says`;
    }
    return undefined;
  },
};
