import { PinBased, Secondary } from '../../arch/controls.js';
import { done } from '../../engine/routine.js';
import { currentVcpu, type LogicalProcessor } from '../../hardware/machine.js';
import { sendPhysicalIpi } from '../../hardware/physical-apic.js';
import { vmxDeliverNestedPostedInterrupt } from '../../kvm/deliver.js';
import { kvmVcpuBlock, vcpuBlock } from '../../kvm/halt.js';
import { kvmLapicRegWrite } from '../../kvm/lapic-write.js';
import { HostVector, makeRequest, VcpuMode, VcpuRequest, vcpuOf } from '../../kvm/machine.js';
import { nestedOf } from '../../kvm/nested/guest-mode.js';
import { vmxCheckNestedEvents } from '../../kvm/nested/nested-events.js';
import { nestedVmxVmexit } from '../../kvm/nested/nested-vmexit.js';
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

/** What a test finds that takes an interrupt for L1 for one that L2 may block. */
function withoutExitOnInterrupt<T>(machine: ModelMachine, processor: LogicalProcessor, test: () => T): T {
  const vcpu = currentVcpu(machine, processor);
  if (vcpu.guestMode === 0) return test();
  const { vmcs12 } = nestedOf(machine, vcpu);
  const before = vmcs12.pinBasedControls;
  vmcs12.pinBasedControls &= ~PinBased.externalInterruptExiting;
  const found = test();
  vmcs12.pinBasedControls = before;
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
  {
    id: 'NEST-APICV-DEFERRED',
    title: 'A change of APICv while L2 was active never reaches the controls of L1',
    history:
      'The controls are vmcs01\u2019s, so the change was put off, and the exit to L1 requested an update of APICv. That found APICv to be what it should be, and did nothing: L1 went on with the old controls.',
    source: 'Linux nested_vmx_vmexit; since 7c69661e225c, repaired by 297631388309',
    breaks: ['INV13', 'INV3'],
    changes: [
      change(nestedVmxVmexit, 'load_vmcs12_host_state', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const nested = nestedOf(m, vcpu);
        if (nested.updateVmcs01ApicvStatus === 1) {
          nested.updateVmcs01ApicvStatus = 0;
          makeRequest(vcpu, VcpuRequest.apicvUpdate);
        }
        return right(m, cpu, f, returned);
      }),
    ],
    detector: explorer('nested', 'inhibit-ends'),
  },
  {
    id: 'NEST-RUN-PENDING',
    title: 'An interrupt for L1 makes an L2 exit that has not been entered yet',
    history:
      'Without nested_run_pending the exit comes between VMRESUME and the entry: what L1 wanted to be injected by it is lost.',
    source: 'Linux vmx_check_nested_events, nested_run_pending',
    breaks: ['INV14'],
    changes: ['events', 'kvm_cpu_has_interrupt'].map((name) =>
      change(vmxCheckNestedEvents, name, (right) => (m, cpu, f, returned) => {
        const nested = nestedOf(m, currentVcpu(m, cpu));
        const { runPending } = nested;
        nested.runPending = 0;
        const next = right(m, cpu, f, returned);
        nested.runPending = runPending;
        return next;
      }),
    ),
    detector: explorer('nested', 'interrupt-for-l1'),
  },
  {
    id: 'NEST-HLT',
    title: 'L1 is not told that L2 was halted',
    history:
      'The activity state in vmcs12 stayed "active". An interrupt of L1\u2019s own ended the HLT of its guest, whether or not that could take any.',
    source: 'Linux prepare_vmcs12, guest_activity_state',
    breaks: ['INV4'],
    changes: [
      change(nestedVmxVmexit, 'sync_vmcs02_to_vmcs12', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        nestedOf(m, currentVcpu(m, cpu)).activity12 = 0;
        return next;
      }),
    ],
    detector: explorer('nested', 'halted-without-interrupts'),
  },
  {
    id: 'NEST-HLT-late',
    title: 'Events of a halted L2 are looked at after it has left the halted state',
    history:
      'A wake-up makes the virtual CPU runnable. The exit that comes of it then finds nobody halted, and says so in vmcs12.',
    source: 'Linux vcpu_block, kvm_check_nested_events',
    breaks: ['INV4'],
    changes: [skip(vcpuBlock, 'awake')],
    detector: explorer('nested', 'halted-without-interrupts'),
  },
  {
    id: 'NEST-HLT-wake',
    title: 'A halted L2 with interrupts disabled is not woken by one for L1',
    history:
      'Whether an interrupt is blocked was asked of RFLAGS.IF of the guest that is active. What makes L2 exit is never blocked by it.',
    source: 'Linux vmx_interrupt_blocked, nested_exit_on_intr',
    breaks: ['INV2'],
    changes: (['kvm_vcpu_check_block', 'kvm_apic_has_interrupt'] as const)
      .map((name) =>
        change(
          kvmVcpuBlock,
          name,
          (right) => (m, cpu, f, returned) => withoutExitOnInterrupt(m, cpu, () => right(m, cpu, f, returned)),
        ),
      )
      .concat(
        change(
          vcpuBlock,
          'kvm_arch_vcpu_runnable',
          (right) => (m, cpu, f, returned) => withoutExitOnInterrupt(m, cpu, () => right(m, cpu, f, returned)),
        ),
      ),
    detector: explorer('nested', 'halted-without-interrupts'),
  },
  {
    id: 'NEST-NMI-BLOCK',
    title: 'An NMI that made L2 exit does not block further ones in L1',
    history:
      'The exit counts as the delivery of the NMI. Without blocking the next one comes before L1\u2019s handler has returned.',
    source: 'SDM vol. 3C, "Updating Non-Register State"; Linux vmx_check_nested_events, vmx_set_nmi_mask',
    breaks: ['INV14'],
    changes: [
      change(nestedVmxVmexit, 'load_vmcs12_host_state', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        currentVcpu(m, cpu).interruptibility &= ~8;
        return next;
      }),
    ],
    detector: explorer('nested', 'nmi'),
  },
  {
    id: 'NEST-NMI-TWICE',
    title: 'An NMI that made L2 exit is delivered to L1 once more',
    history: 'The exit was made and the NMI left pending: L1 had it by the exit, and then through its IDT.',
    source: 'Linux vmx_check_nested_events: nmi_pending',
    breaks: ['INV14'],
    changes: [
      change(vmxCheckNestedEvents, 'events', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const { nmiPending } = vcpu;
        const next = right(m, cpu, f, returned);
        vcpu.nmiPending = nmiPending;
        return next;
      }),
    ],
    detector: explorer('nested', 'nmi'),
  },
];
