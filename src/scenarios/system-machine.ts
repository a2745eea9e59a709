import type { GuestMachine } from '../guest/machine.js';
import type { KvmMachine, KvmVcpu, KvmVm } from '../kvm/machine.js';

/** The whole machine: hardware, KVM and guests. */
export interface SystemMachine extends KvmMachine, GuestMachine {
  vcpus: KvmVcpu[];
  vms: KvmVm[];
}
