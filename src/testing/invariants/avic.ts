import type { AvicPhysicalEntry } from '../../arch/avic-tables.js';
import { avicVcpuLoad, avicVcpuPut } from '../../kvm/avic.js';
import { kvmVcpuBlock } from '../../kvm/halt.js';
import type { KvmMachine, KvmVcpu } from '../../kvm/machine.js';
import { kvmSchedIn, kvmSchedOut } from '../../kvm/sched-notifiers.js';
import type { StateInvariant } from './invariant.js';
import { ownThreadIn, place } from './places.js';

/** Between what the virtual CPU is and what its entry says: while it is switched in or out, and while it says that it blocks, or no longer does. */
const switching = [
  place(kvmSchedIn),
  place(kvmSchedOut),
  place(avicVcpuLoad),
  place(avicVcpuPut),
  place(kvmVcpuBlock, undefined, 'set_current_state'),
  place(kvmVcpuBlock, 'kvm_vcpu_check_block', undefined),
] as const;

function wrong(machine: KvmMachine, vcpu: KvmVcpu, { isRunning, hostApicId }: AvicPhysicalEntry): string | undefined {
  const loaded = vcpu.loaded === 1 && vcpu.apicvActive === 1;
  if (isRunning === 1) {
    if (!loaded) return 'its entry says that it runs, and it is not loaded, or AVIC not active on it';
    if (hostApicId !== machine.processors[vcpu.cpu]?.apic.id)
      return `is loaded on processor ${vcpu.cpu}, and its entry names ${hostApicId}`;
    return vcpu.waiter === 1 ? 'is about to sleep, and its entry says that it runs' : undefined;
  }
  const inGuest = machine.processors.some(({ nonRoot, vcpu: current }) => nonRoot === 1 && current === vcpu.id);
  return loaded && inGuest ? 'runs its guest, and its entry says that it does not' : undefined;
}

/** What AVIC's senders go by. */
export const avicEntry: StateInvariant = {
  id: 'INV12-avic-entry',
  group: 'INV12',
  statement:
    'An entry of AVIC\u2019s physical table says "running" of a virtual CPU that is loaded on the processor it names, with AVIC active and not about to sleep, and of every one whose guest runs.',
  source: 'Linux avic_vcpu_load, avic_vcpu_put, avic_vcpu_blocking, avic_refresh_apicv_exec_ctrl',
  example:
    'A virtual CPU waits to sleep, and its entry says that it runs: hardware rings a processor where nobody looks.',
  check: (machine) => {
    for (let i = 0; i < machine.vcpus.length; i++) {
      const vcpu = machine.vcpus[i] as KvmVcpu;
      if (vcpu.svm === 0) continue;
      const entry = machine.avicTables[vcpu.vm]?.physical[vcpu.avicIndex];
      if (entry === undefined || ownThreadIn(machine, vcpu, switching)) continue;
      const broken = wrong(machine, vcpu, entry);
      if (broken !== undefined) return `virtual CPU ${vcpu.id}: ${broken}`;
    }
    return undefined;
  },
};
