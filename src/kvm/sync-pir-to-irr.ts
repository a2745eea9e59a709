import { highestBit } from '../arch/bits256.js';
import { setRvi } from '../arch/guest-interrupt-status.js';
import type { PostedInterruptDescriptor } from '../arch/posted-interrupt-descriptor.js';
import { shared } from '../engine/routine.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { type KvmMachine, kvm } from './machine.js';

const { program, stage } = kvm;

function line(machine: KvmMachine, processor: LogicalProcessor): number {
  return currentVcpu(machine, processor).descriptorLine;
}

/**
 * Takes what was posted into IRR, and tells the hardware the highest request. ON is cleared before PIR is read: a poster that
 * still sees ON = 1 has its bit taken. Linux `vmx_sync_pir_to_irr`, `kvm_apic_update_irr`.
 */
export const vmxSyncPirToIrr = program('vmx_sync_pir_to_irr', () => ({}), [
  stage(
    'read-on',
    'pirSyncRead',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const descriptor = m.memory.descriptors[vcpu.pid] as PostedInterruptDescriptor;
      return descriptor.on === 0 ? 'set-rvi' : undefined;
    },
    { to: ['set-rvi'], line },
  ),
  stage(
    'clear-on',
    'kvmOnUpdate',
    shared,
    (m, cpu) => {
      (m.memory.descriptors[currentVcpu(m, cpu).pid] as PostedInterruptDescriptor).on = 0;
    },
    { line },
  ),
  stage(
    'take-pir',
    'pirSyncTake',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const { pir } = m.memory.descriptors[vcpu.pid] as PostedInterruptDescriptor;
      const { irr } = vcpu.page;
      for (let word = 0; word < 8; word++) {
        irr[word] = ((irr[word] as number) | (pir[word] as number)) >>> 0;
        pir[word] = 0;
      }
    },
    { line },
  ),
  stage('set-rvi', 'rviWrite', shared, (m, cpu) => {
    const { vmcs, page } = currentVcpu(m, cpu);
    const highest = highestBit(page.irr);
    setRvi(vmcs, highest < 0 ? 0 : highest);
  }),
]);
