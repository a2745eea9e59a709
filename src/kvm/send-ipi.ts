import { DeliveryMode, icrDeliveryMode, icrVector } from '../arch/icr.js';
import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { type Control, done, shared } from '../engine/routine.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { apicAcceptIrq } from './accept-irq.js';
import { fastTargets, isApicEnabled, lowestPriorityTarget, matchesVcpu } from './apic-map.js';
import { type KvmMachine, type KvmVm, kvm, vcpuOf } from './machine.js';
import { KvmRecord } from './records.js';

const { program, stage, glue } = kvm;

/** Working registers of a delivery. `vm` and the message are operands. */
const deliveryLocals = () => ({ vm: 0, source: -1, low: 0, destination: 0, next: 0, chosen: -1, count: 0 });
type Delivery = ReturnType<typeof deliveryLocals>;

function accept(machine: KvmMachine, processor: LogicalProcessor, f: Delivery, target: number): void {
  const irq = call(machine, processor, apicAcceptIrq);
  irq.target = target;
  irq.low = f.low;
}

/** The next target of a table look-up, or the end. */
function nextFast(machine: KvmMachine, processor: LogicalProcessor, f: Delivery): Control<'kvm_for_each_vcpu'> {
  const targets = fastTargets(machine, machine.vms[f.vm] as KvmVm, f);
  if (targets === undefined) {
    f.next = 0;
    return 'kvm_for_each_vcpu';
  }
  const target = targets[f.next++];
  if (target === undefined) return done;
  accept(machine, processor, f, target);
  return undefined;
}

/**
 * Delivers a message to the virtual CPUs it is meant for: by the local-APIC map where that can tell, otherwise by a walk over all of
 * them. Linux `kvm_irq_delivery_to_apic`, `kvm_irq_delivery_to_apic_fast`.
 */
export const kvmIrqDeliveryToApic = program('kvm_irq_delivery_to_apic', deliveryLocals, [
  stage('kvm_irq_delivery_to_apic_fast', 'apicMapLookup', shared, (m, cpu, f) => nextFast(m, cpu, f), {
    to: ['kvm_for_each_vcpu'],
  }),
  stage(
    'for_each_set_bit',
    'deliveryLoop',
    shared,
    (m, cpu, f) => {
      const more = nextFast(m, cpu, f);
      return more === undefined ? 'for_each_set_bit' : done;
    },
    { to: ['for_each_set_bit'] },
  ),
  stage(
    'kvm_for_each_vcpu',
    'deliveryLoopMatch',
    shared,
    (m, cpu, f) => {
      const target = (m.vms[f.vm] as KvmVm).vcpus[f.next];
      if (target === undefined) return 'arbitrate';
      f.next++;
      const vcpu = vcpuOf(m, target);
      if (!matchesVcpu(m, f, vcpu)) return 'kvm_for_each_vcpu';
      if (icrDeliveryMode(f.low) === DeliveryMode.lowestPriority) {
        if (isApicEnabled(vcpu)) f.count++;
        return 'kvm_for_each_vcpu';
      }
      accept(m, cpu, f, target);
      return undefined;
    },
    { to: ['kvm_for_each_vcpu', 'arbitrate'] },
  ),
  glue('next', () => 'kvm_for_each_vcpu', { to: ['kvm_for_each_vcpu'] }),
  stage('arbitrate', 'deliveryLoop', shared, (m, cpu, f) => {
    if (f.count === 0) return done;
    const vm = m.vms[f.vm] as KvmVm;
    const enabled = vm.vcpus.filter((id) => matchesVcpu(m, f, vcpuOf(m, id)) && isApicEnabled(vcpuOf(m, id)));
    const chosen = lowestPriorityTarget(m, vm, enabled, icrVector(f.low));
    if (chosen >= 0) accept(m, cpu, f, chosen);
    return undefined;
  }),
]);

/** Sends what an ICR value says. Linux `kvm_apic_send_ipi`. */
export const kvmApicSendIpi = program('kvm_apic_send_ipi', () => ({ vm: 0, source: -1, low: 0, destination: 0 }), [
  stage('build-irq', 'apicSendIpi', shared, (m, cpu, f) => {
    observe(m, KvmRecord.sendIpi, f.low, f.destination);
    const delivery = call(m, cpu, kvmIrqDeliveryToApic);
    delivery.vm = f.vm;
    delivery.source = f.source;
    delivery.low = f.low;
    delivery.destination = f.destination;
  }),
  glue('sent', () => done),
]);
