import { emptyBits256, highestBit } from '../../arch/bits256.js';
import { call, topFrame } from '../../engine/frames.js';
import type { Thread } from '../../engine/state.js';
import { load } from '../../engine/store-buffer.js';
import { avicIpi } from '../../hardware/avic.js';
import { currentVcpu } from '../../hardware/machine.js';
import { kvmApicAcceptEvents } from '../../kvm/accept-events.js';
import { apicAcceptIrq } from '../../kvm/accept-irq.js';
import { kvmVcpuUpdateApicv } from '../../kvm/apicv.js';
import { kvmCheckAndInjectEvents } from '../../kvm/inject.js';
import { descriptorOf, VcpuMode, vcpuMode, vcpuOf } from '../../kvm/machine.js';
import { svmCompleteInterruptDelivery, svmDeliverInterrupt } from '../../kvm/svm-deliver.js';
import { vmxSyncPirToIrr } from '../../kvm/sync-pir-to-irr.js';
import { change, explorer, type Mutant } from './mutant.js';

/** Marks a vector whose target was accelerated when the sender looked. */
const accelerated = 0x100;

/** The local APIC itself and AVIC: software disable, start-up, whom acceleration serves. */
export const apicMutants: readonly Mutant[] = [
  {
    id: 'APIC-03',
    title: 'The hint that IRR may hold something is cleared while hardware may still set IRR',
    history:
      'The inhibit recomputed the hint from a look at IRR. Senders that still saw the virtual CPU accelerated set IRR just after, and nobody looked again.',
    source: 'Linux kvm_apic_update_apicv; repaired by 755c2bf87860',
    breaks: ['INV1', 'INV2', 'INV12'],
    changes: [
      change(kvmVcpuUpdateApicv, 'refresh_apicv_exec_ctrl', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        const vcpu = currentVcpu(m, cpu);
        if (vcpu.apicvActive === 0) vcpu.irrPending = highestBit(vcpu.page.irr) >= 0 ? 1 : 0;
        return next;
      }),
    ],
    detector: explorer('avic', 'ipi-inhibit'),
  },
  {
    id: 'APIC-05',
    title: 'Requests in IRR are withheld while the APIC is disabled by software',
    history:
      'The emulated APIC took a software-disabled APIC for one with nothing to deliver; what was accepted before stayed in IRR.',
    source: 'Linux kvm_apic_has_interrupt; repaired by bb34e690e934',
    breaks: ['INV1', 'INV12'],
    changes: [
      change(
        kvmCheckAndInjectEvents,
        'interrupt',
        (right) => (m, cpu, f, returned) =>
          (currentVcpu(m, cpu).page.svr & 0x100) === 0 ? undefined : right(m, cpu, f, returned),
      ),
    ],
    detector: explorer('disable', 'without-apicv'),
  },
  {
    id: 'APIC-06',
    title: 'Posted requests are dropped during a transient disable of the APIC',
    history: 'What had been staged for an APIC that was disabled at that moment was thrown away instead of merged.',
    source: 'openvmm virt_support_apic; pull request 3839',
    breaks: ['INV1', 'INV2'],
    changes: [
      change(vmxSyncPirToIrr, 'take-pir', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        if ((vcpu.page.svr & 0x100) === 0) descriptorOf(m, vcpu).pir = emptyBits256();
        return right(m, cpu, f, returned);
      }),
    ],
    detector: explorer('disable', 'apicv'),
  },
  {
    id: 'AVIC-02',
    title: 'A delivery uses a stale "accelerated" of a virtual CPU that enters its guest',
    history:
      'The sender read whether AVIC was active before it read the mode. The target had turned it off and entered: the doorbell had no effect, and nothing was requested.',
    source: 'Linux svm_deliver_interrupt; repaired by 66fa226c131f',
    breaks: ['INV1', 'INV2', 'INV12'],
    changes: [
      // The mark is read before IRR is set, and goes along with the vector.
      change(apicAcceptIrq, 'accept', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        const frame = topFrame(m.threads[cpu.thread] as Thread);
        if (frame?.at === svmDeliverInterrupt.entry && vcpuOf(m, f.target).apicvActive === 1) {
          frame.locals['vector'] = (f.low & 0xff) | accelerated;
        }
        return next;
      }),
      change(svmDeliverInterrupt, 'kvm_lapic_set_irr', (right) => (m, cpu, f, returned) => {
        const mark = f.vector & accelerated;
        f.vector &= 0xff;
        const next = right(m, cpu, f, returned);
        f.vector |= mark;
        return next;
      }),
      change(svmDeliverInterrupt, 'svm_complete_interrupt_delivery', () => (m, cpu, f) => {
        const complete = call(m, cpu, svmCompleteInterruptDelivery);
        complete.target = f.target;
        complete.inGuestMode = f.vector >> 8;
        return undefined;
      }),
      change(svmCompleteInterruptDelivery, 'read-mode', () => () => undefined),
      change(svmCompleteInterruptDelivery, 'read-apicv_active', () => (m, cpu, f) => {
        if (f.inGuestMode === 0) return 'kvm_make_request';
        return load(m, cpu, vcpuMode, f.target) === VcpuMode.inGuestMode ? undefined : 'kvm_vcpu_wake_up';
      }),
    ],
    detector: explorer('avic', 'software-inhibit'),
  },
  {
    id: 'AVIC-03',
    title: 'The sender misses that the target does not run',
    history:
      'Erratum 1235 of family 17H: hardware used "is running" as it was before IRR was set, and rang a processor that the target had left.',
    source: 'AMD erratum 1235; Linux 8de4a1c8164e, 9a12fa5213cf',
    breaks: ['INV1', 'INV2'],
    changes: [
      change(avicIpi, 'decode', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        const entry = m.avicTables[currentVcpu(m, cpu).vm]?.physical[f.destination];
        if (entry?.isRunning === 1) f.index = -2;
        return next;
      }),
      change(
        avicIpi,
        'read-is-running',
        (right) => (m, cpu, f, returned) => (f.index === -2 ? undefined : right(m, cpu, f, returned)),
      ),
    ],
    detector: explorer('avic', 'ipi-halt'),
  },
  {
    id: 'EVT-02',
    title: 'A late INIT throws away a SIPI that was accepted',
    history: 'An INIT that was processed late reset what had come after it; nobody sends another SIPI.',
    source: 'openvmm, start-up of application processors; pull request 3666',
    breaks: ['INV2', 'INV14'],
    changes: [
      change(kvmApicAcceptEvents, 'init', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const { pendingEvents } = vcpu;
        const next = right(m, cpu, f, returned);
        if ((pendingEvents & 1) !== 0) vcpu.pendingEvents = 0;
        return next;
      }),
    ],
    detector: explorer('start-up', 'ipi-virtualization'),
  },
];
