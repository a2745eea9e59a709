import { Secondary } from '../../arch/controls.js';
import { done } from '../../engine/routine.js';
import { currentVcpu, type LogicalProcessor } from '../../hardware/machine.js';
import { sendPhysicalIpi } from '../../hardware/physical-apic.js';
import { vmxDeliverNestedPostedInterrupt } from '../../kvm/deliver.js';
import { kvmVcpuBlock, vcpuBlock } from '../../kvm/halt.js';
import { kvmLapicRegWrite } from '../../kvm/lapic-write.js';
import { HostVector, VcpuMode, VcpuRequest, vcpuOf } from '../../kvm/machine.js';
import { nestedOf } from '../../kvm/nested/guest-mode.js';
import { vmxCheckNestedEvents } from '../../kvm/nested/nested-events.js';
import { vcpuEnterGuest } from '../../kvm/run.js';
import { vmxSyncPirToIrr } from '../../kvm/sync-pir-to-irr.js';
import type { ModelMachine } from '../models/model-machine.js';
import { change, explorer, type Mutant, skip, stageEffect } from './mutant.js';

const notePending = stageEffect(vmxDeliverNestedPostedInterrupt, 'set-pi_pending');
const request = stageEffect(vmxDeliverNestedPostedInterrupt, 'kvm_make_request');

/** Added to the vector once it has been sent. */
const sent = 0x100;

/** What a test finds that does not look at what L2's own virtual-APIC page and descriptor show. */
function withoutNestedEvents<T>(machine: ModelMachine, processor: LogicalProcessor, test: () => T): T {
  const vcpu = currentVcpu(machine, processor);
  if (vcpu.guestMode === 0) return test();
  const { vmcs12 } = nestedOf(machine, vcpu);
  const before = vmcs12.secondaryControls;
  vmcs12.secondaryControls &= ~Secondary.virtualInterruptDelivery;
  const found = test();
  vmcs12.secondaryControls = before;
  return found;
}

/** Guests of guests. */
export const nestedMutants: readonly Mutant[] = [
  {
    id: 'NEST-01',
    title: 'A notification for L2 is sent before it is noted',
    history:
      'The sender read the mode and sent the vector, and only then noted that something is pending. One that left L2 in between took the vector in the host, found nothing noted, and entered L2 again.',
    source: 'Linux vmx_deliver_nested_posted_interrupt; repaired by 6b6977117f50, 83c98007d9fb',
    breaks: ['INV1', 'INV2', 'INV7'],
    changes: [
      change(vmxDeliverNestedPostedInterrupt, 'set-pi_pending', () => () => 'read-mode', ['read-mode']),
      change(
        vmxDeliverNestedPostedInterrupt,
        'read-mode',
        () => (m, _cpu, f) => {
          const target = vcpuOf(m, f.target);
          if (target.mode !== VcpuMode.inGuestMode) return 'notify';
          sendPhysicalIpi(m, target.cpu, HostVector.postedInterruptNested);
          f.vector += sent;
          return 'notify';
        },
        ['notify'],
      ),
      change(vmxDeliverNestedPostedInterrupt, 'notify', () => (m, cpu, f, returned) => {
        const isSent = f.vector >= sent;
        f.vector %= sent;
        notePending(m, cpu, f, returned);
        request(m, cpu, f, returned);
        return isSent ? done : undefined;
      }),
    ],
    detector: explorer('nested', 'exit-to-l0'),
  },
  {
    id: 'PI-11-nested',
    title: 'The mode is read before the request for L2 is visible',
    history:
      'The same as PI-11 for a notification of L2: the sender notes it and reads the mode, the entry sets the mode and reads the requests.',
    source: 'Linux vcpu_enter_guest, vmx_deliver_nested_posted_interrupt; 83c98007d9fb',
    breaks: ['INV1', 'INV2'],
    changes: [skip(vcpuEnterGuest, 'smp_mb__after_srcu_read_unlock')],
    detector: explorer('nested', 'exit-to-l0-store-buffers'),
  },
  {
    id: 'NEST-02',
    title: 'An interrupt for L1 that the last look finds does not call off the entry to L2',
    history:
      'With interrupts off, what was posted was moved to L1\u2019s IRR; RVI could not be written, being L2\u2019s, and nobody looked again whether L2 has to exit.',
    source: 'Linux vmx_sync_pir_to_irr; repaired by f27a85c4988d',
    breaks: ['INV1', 'INV3'],
    changes: [
      change(vmxSyncPirToIrr, 'set-rvi', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const { requests } = vcpu;
        const found = right(m, cpu, f, returned);
        if (vcpu.guestMode === 1 && (requests & VcpuRequest.event) === 0) vcpu.requests &= ~VcpuRequest.event;
        return found;
      }),
    ],
    detector: explorer('nested', 'interrupt-for-l1'),
  },
  {
    id: 'NEST-03',
    title: 'A halted L2 with a deliverable virtual interrupt is not woken',
    history:
      'Whether a halted virtual CPU has something to do was asked of L1\u2019s local APIC alone: neither RVI of L2 nor what L1 had posted for it counted.',
    source: 'Linux kvm_vcpu_has_events, vmx_has_nested_events; repaired by e6c67d8cf117, 27c4fa42b11a, 321ef62b0c5f',
    breaks: ['INV2'],
    changes: [
      change(
        vcpuBlock,
        'kvm_arch_vcpu_runnable',
        (right) => (m, cpu, f, returned) => withoutNestedEvents(m, cpu, () => right(m, cpu, f, returned)),
      ),
      change(
        kvmVcpuBlock,
        'kvm_vcpu_check_block',
        (right) => (m, cpu, f, returned) => withoutNestedEvents(m, cpu, () => right(m, cpu, f, returned)),
      ),
      change(
        kvmVcpuBlock,
        'kvm_apic_has_interrupt',
        (right) => (m, cpu, f, returned) => withoutNestedEvents(m, cpu, () => right(m, cpu, f, returned)),
      ),
    ],
    detector: explorer('nested', 'halt'),
  },
  {
    id: 'IPIV-02',
    title: 'A notification for L2 that hardware posted becomes an exit to L1',
    history:
      'L2\u2019s notification vector was recognised where software delivers it and at the entry to L2. With IPI virtualization the sender\u2019s processor posts it to L1 as any other vector, and L2 exited for it.',
    source: 'Linux vmx_check_nested_events; repaired by 6e0b456547f4',
    breaks: ['INV4', 'INV1', 'INV7'],
    changes: [
      change(vmxCheckNestedEvents, 'posted_intr_nv', (right) => (m, cpu, f, returned) => {
        const nested = nestedOf(m, currentVcpu(m, cpu));
        const { postedIntrNv } = nested;
        nested.postedIntrNv = -1;
        const next = right(m, cpu, f, returned);
        nested.postedIntrNv = postedIntrNv;
        return next;
      }),
    ],
    detector: explorer('nested', 'ipi-virtualization'),
  },
  {
    id: 'APIC-02',
    title: 'SVI is not brought up to date after an EOI of L1\u2019s that KVM emulated while L2 was active',
    history:
      'SVI of the loaded VMCS is not L1\u2019s then, so it was left alone, and nobody remembered. L1 went on with SVI of an interrupt that had ended, which masked what came after.',
    source: 'Linux vmx_hwapic_isr_update; repaired by 04bc93cf49d1',
    breaks: ['INV3', 'INV5', 'INV12'],
    changes: [
      change(kvmLapicRegWrite, 'apic_set_eoi', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const next = right(m, cpu, f, returned);
        if (vcpu.guestMode === 1) nestedOf(m, vcpu).updateVmcs01HwapicIsr = 0;
        return next;
      }),
    ],
    detector: explorer('nested', 'apic-of-l1'),
  },
];
