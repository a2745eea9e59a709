import { highestBit } from '../arch/bits256.js';
import { setRvi } from '../arch/guest-interrupt-status.js';
import { shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { descriptorOf, type KvmMachine, type KvmVcpu, kvm, makeRequest, VcpuRequest } from './machine.js';

const { program, stage } = kvm;

function line(machine: KvmMachine, processor: LogicalProcessor): number {
  return currentVcpu(machine, processor).descriptorLine;
}

/** Moves PIR to IRR. True if that brought a request above all there were. */
function takePir(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const { pir } = descriptorOf(machine, vcpu);
  const { irr } = vcpu.page;
  const taken = highestBit(pir);
  const fresh = taken >= 0 && taken > highestBit(irr);
  for (let word = 0; word < 8; word++) {
    irr[word] = ((irr[word] as number) | (pir[word] as number)) >>> 0;
    pir[word] = 0;
  }
  if (taken >= 0) vcpu.irrPending = 1;
  return fresh;
}

/**
 * RVI, or KVM_REQ_EVENT where KVM injects, and while L2 is active: RVI of the loaded VMCS is L2's then, and whether L2 has to exit is for
 * the event request to find out; it calls off an entry that is under way. Returns the highest request, -1 for none.
 */
function tellHighest(vcpu: KvmVcpu, fresh: boolean): number {
  const highest = vcpu.irrPending === 1 ? highestBit(vcpu.page.irr) : -1;
  if (vcpu.apicvActive === 1 && vcpu.guestMode === 0) setRvi(vcpu.vmcs, highest < 0 ? 0 : highest);
  else if (fresh) makeRequest(vcpu, VcpuRequest.event);
  return highest;
}

/**
 * The same as {@link vmxSyncPirToIrr} within a test of the virtual CPU's own thread: a request that does not end its sleep must not leave
 * ON set, or the next poster would take it for one that was told.
 */
export function syncPirToIrr(machine: KvmMachine, vcpu: KvmVcpu): void {
  const descriptor = descriptorOf(machine, vcpu);
  if (descriptor.on === 0) return;
  descriptor.on = 0;
  tellHighest(vcpu, takePir(machine, vcpu));
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
      f.fresh = takePir(m, currentVcpu(m, cpu)) ? 1 : 0;
    },
    { line },
  ),
  stage('set-rvi', 'rviWrite', shared, (m, cpu, f) => tellHighest(currentVcpu(m, cpu), f.fresh === 1)),
]);
