import type { KvmMachine, KvmVcpu } from './machine.js';

// Of each processor: the virtual CPUs that went to sleep there and whose notifications are wake-ups for it. Linux `wakeup_vcpus_on_cpu`.

/** Puts a virtual CPU at the end of a processor's list. */
export function addToWakeupList(machine: KvmMachine, vcpu: KvmVcpu, processor: number): void {
  vcpu.wakeupList = processor;
  (machine.wakeupLists[processor] as number[]).push(vcpu.id);
}

/** Takes it off the list on which it is, if on any. */
export function removeFromWakeupList(machine: KvmMachine, vcpu: KvmVcpu): void {
  if (vcpu.wakeupList < 0) return;
  const list = machine.wakeupLists[vcpu.wakeupList] as number[];
  list.splice(list.indexOf(vcpu.id), 1);
  vcpu.wakeupList = -1;
}
