import { highestBit } from '../arch/bits256.js';
import { setRvi } from '../arch/guest-interrupt-status.js';
import { shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { descriptorOf, type KvmMachine, kvm, makeRequest, VcpuRequest } from './machine.js';

const { program, stage } = kvm;

function line(machine: KvmMachine, processor: LogicalProcessor): number {
  return currentVcpu(machine, processor).descriptorLine;
}

/**
 * Takes what was posted into IRR, and tells the hardware the highest request. ON is cleared before PIR is read: a poster that
 * still sees ON = 1 has its bit taken. Done whether or not APICv is active: what was posted before it went inactive is still
 * there. Linux `vmx_sync_pir_to_irr`, `kvm_apic_update_irr`.
 */
export const vmxSyncPirToIrr = program('vmx_sync_pir_to_irr', () => ({ highest: -1, fresh: 0 }), [
  stage(
    'read-on',
    'pirSyncRead',
    shared,
    (m, cpu) => (descriptorOf(m, currentVcpu(m, cpu)).on === 0 ? 'set-rvi' : undefined),
    { to: ['set-rvi'], line },
  ),
  stage(
    'clear-on',
    'kvmOnUpdate',
    shared,
    (m, cpu) => {
      fence(m, cpu);
      descriptorOf(m, currentVcpu(m, cpu)).on = 0;
    },
    { line },
  ),
  stage(
    'take-pir',
    'pirSyncTake',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const { pir } = descriptorOf(m, vcpu);
      const { irr } = vcpu.page;
      const taken = highestBit(pir);
      f.fresh = taken >= 0 && taken > highestBit(irr) ? 1 : 0;
      for (let word = 0; word < 8; word++) {
        irr[word] = ((irr[word] as number) | (pir[word] as number)) >>> 0;
        pir[word] = 0;
      }
      if (taken >= 0) vcpu.irrPending = 1;
    },
    { line },
  ),
  stage('set-rvi', 'rviWrite', shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const highest = vcpu.irrPending === 1 ? highestBit(vcpu.page.irr) : -1;
    if (vcpu.apicvActive === 1) setRvi(vcpu.vmcs, highest < 0 ? 0 : highest);
    else if (f.fresh === 1) makeRequest(vcpu, VcpuRequest.event);
    return highest;
  }),
]);
