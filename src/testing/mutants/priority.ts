import { Primary } from '../../arch/controls.js';
import { done } from '../../engine/routine.js';
import { currentVcpu } from '../../hardware/machine.js';
import { kvmApicAcceptEvents } from '../../kvm/accept-events.js';
import { apicAcceptIrq } from '../../kvm/accept-irq.js';
import { isApicEnabled } from '../../kvm/apic-map.js';
import { kvmVcpuUpdateApicv } from '../../kvm/apicv.js';
import { vmxDeliverInterrupt } from '../../kvm/deliver.js';
import { kvmEmulateWrmsr } from '../../kvm/emulate-msr.js';
import { kvmCheckAndInjectEvents } from '../../kvm/inject.js';
import { kvmPiUpdateIrte } from '../../kvm/irqfd.js';
import { kvmLapicRegWrite } from '../../kvm/lapic-write.js';
import { descriptorOf, vcpuOf, vmOf } from '../../kvm/machine.js';
import { vcpuEnterGuest } from '../../kvm/run.js';
import { kvmIrqDeliveryToApic } from '../../kvm/send-ipi.js';
import { svmDeliverInterrupt } from '../../kvm/svm-deliver.js';
import { svmVcpuRun } from '../../kvm/svm-run.js';
import { vmxSyncPirToIrr } from '../../kvm/sync-pir-to-irr.js';
import { deliveryLaw, equivalenceLaw, type LawSearch, startUpLaw } from '../laws/detectors.js';
import { change, type Detector, explorer, type Mutant } from './mutant.js';

function property(law: LawSearch): Detector {
  return { by: 'property', name: law.name, run: (seed) => law.run(seed) };
}

const delivery = property(deliveryLaw());
const startUp = property(startUpLaw());
const amd = property(equivalenceLaw({ vendors: ['amd'] }));
const equivalence = property(equivalenceLaw());
const hyperV = property(equivalenceLaw({ hypercalls: 'hyper-v' }));
const lazyEoi = property(equivalenceLaw({ pvEoi: true, only: ['send', 'self-ipi', 'eoi', 'iret', 'sti', 'cpuid'] }));

const selfIpiMsr = 0x83f;

/** Priorities and the copies of them, hints, resets, and destinations: bugs that were not in the first catalogue, and late ones of it. */
export const priorityMutants: readonly Mutant[] = [
  {
    id: 'TPR-01',
    title: 'The processor\u2019s copy of TPR is not brought up to date, and CR8 stays intercepted',
    history:
      'With AVIC the guest\u2019s CR8 is in the VMCB. KVM took TPR from there and put nothing back, and an intercept of CR8 from before stayed: what it emulated, the processor never saw. Windows guests hung.',
    source: 'Linux sync_lapic_to_cr8, avic_refresh_apicv_exec_ctrl; repaired by d02e48830e3f, 87d0f901a9bd',
    breaks: ['INV3', 'INV12'],
    changes: [
      change(
        svmVcpuRun,
        'sync_lapic_to_cr8',
        (right) => (m, cpu, f, returned) =>
          currentVcpu(m, cpu).apicvActive === 1 ? undefined : right(m, cpu, f, returned),
      ),
      change(kvmVcpuUpdateApicv, 'refresh_apicv_exec_ctrl', (right) => (m, cpu, f, returned) => {
        const { vmcs } = currentVcpu(m, cpu);
        const intercept = vmcs.primaryControls & Primary.cr8LoadExiting;
        const next = right(m, cpu, f, returned);
        vmcs.primaryControls = (vmcs.primaryControls | intercept) >>> 0;
        return next;
      }),
    ],
    detector: amd,
  },
  {
    id: 'TPR-03',
    title: 'Whether TPR lets a request through is decided by its sender',
    history:
      'An APIC in user space compared with TPR in the thread of the sender and asserted the line. Until the virtual CPU took it, the guest had raised its TPR. Here the sender marks the virtual CPU that it found below the vector, and the injection does not look again.',
    source: 'QEMU apic_update_irq; repaired by 5d62c43a17ed',
    breaks: ['INV3', 'INV4'],
    changes: [
      ...[vmxDeliverInterrupt, svmDeliverInterrupt].map((routine) =>
        change(routine, 'kvm_lapic_set_irr', (right) => (m, cpu, f, returned) => {
          const target = vcpuOf(m, f.target);
          // The mark is one that only who spins with a lock has, and only then looks at.
          if (f.vector >> 4 > target.page.tpr >>> 4) target.dyEligible = 1;
          return right(m, cpu, f, returned);
        }),
      ),
      change(kvmCheckAndInjectEvents, 'interrupt', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const { tpr } = vcpu.page;
        if (vcpu.dyEligible === 1) vcpu.page.tpr = 0;
        vcpu.dyEligible = 0;
        const next = right(m, cpu, f, returned);
        vcpu.page.tpr = tpr;
        return next;
      }),
    ],
    detector: delivery,
  },
  {
    id: 'EOI-06',
    title: 'An EOI that the guest has made by memory is lost in the saved state',
    history:
      'With a lazy EOI the guest clears a word in memory instead of an exit. KVM looks at it after every exit; one that leaves for user space without looking saves an interrupt in service that has ended, and nothing of its class ever comes again.',
    source: 'Xen, viridian APIC assist: "save APIC assist vector"; right in Linux kvm_lapic_sync_from_vapic',
    breaks: ['INV10', 'INV5'],
    changes: [
      change(
        vcpuEnterGuest,
        'apic_attention',
        (right) => (m, cpu, f, returned) =>
          currentVcpu(m, cpu).signalPending === 1 ? 'handle_exit' : right(m, cpu, f, returned),
      ),
    ],
    detector: lazyEoi,
  },
  {
    id: 'EOI-SVI',
    title: 'An EOI that KVM emulates with APICv active leaves SVI',
    history:
      'Hyper-V\u2019s MSR for EOI is KVM\u2019s to emulate, with APICv as well. ISR lost its bit, the processor\u2019s SVI did not: what came after was held back, or ended in its place.',
    source: 'Linux apic_clear_isr; repaired by fc57ac2c9ca8',
    breaks: ['INV3', 'INV5', 'INV12'],
    changes: [
      change(kvmLapicRegWrite, 'apic_set_eoi', (right) => (m, cpu, f, returned) => {
        const { vmcs } = currentVcpu(m, cpu);
        const { guestInterruptStatus } = vmcs;
        const next = right(m, cpu, f, returned);
        vmcs.guestInterruptStatus = guestInterruptStatus;
        return next;
      }),
    ],
    detector: hyperV,
  },
  {
    id: 'APIC-event',
    title: 'What a sync moves to IRR asks for no event where KVM injects',
    history:
      'PIR was emptied into IRR, RVI does not count while APICv is off, and KVM_REQ_EVENT was not set: the request waited for the next reason to look.',
    source: 'Linux kvm_apic_update_irr, vmx_sync_pir_to_irr; repaired by c77f3fab441c',
    breaks: ['INV1', 'INV2'],
    changes: [
      change(vmxSyncPirToIrr, 'set-rvi', (right) => (m, cpu, f, returned) => {
        f.fresh = 0;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: explorer('inhibit', 'device'),
  },
  {
    id: 'APIC-hint',
    title: 'irr_pending is cleared after IRR was looked at',
    history:
      'Taking the last request cleared the hint by what IRR had held. A sender that set its bit, and the hint, between the look and the store had the hint erased: nobody looks at IRR then.',
    source: 'Linux apic_clear_irr; repaired by f210f7572bed',
    breaks: ['INV1', 'INV2', 'INV12'],
    changes: [
      change(kvmCheckAndInjectEvents, 'interrupt', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const next = right(m, cpu, f, returned);
        // Cleared one stage later; until then marked as above.
        if (vcpu.apicvActive === 0 && vcpu.irrPending === 0) {
          vcpu.irrPending = 1;
          vcpu.dyEligible = 1;
        }
        return next;
      }),
      change(kvmCheckAndInjectEvents, 'update_cr8_intercept', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const next = right(m, cpu, f, returned);
        if (vcpu.dyEligible === 1) vcpu.irrPending = 0;
        vcpu.dyEligible = 0;
        return next;
      }),
    ],
    detector: explorer('kick', 'software'),
  },
  {
    id: 'EVT-disabled',
    title: 'A local APIC that software has disabled takes no INIT, SIPI or NMI',
    history:
      'Only fixed and lowest-priority messages are refused then. Virtual CPUs begin with their APIC disabled, and could not be started.',
    source: 'SDM vol. 3A, "Local APIC State After It Has Been Software Disabled"; Linux 173beedc1601',
    breaks: ['INV14', 'INV2'],
    changes: [
      change(
        apicAcceptIrq,
        'accept',
        (right) => (m, cpu, f, returned) => (isApicEnabled(vcpuOf(m, f.target)) ? right(m, cpu, f, returned) : done),
      ),
    ],
    detector: startUp,
  },
  {
    id: 'EVT-INIT-PIR',
    title: 'INIT leaves what was posted',
    history:
      'The registers of the APIC were reset, the descriptor was not: what had been posted before came to whoever started afterwards, with a vector that it did not know.',
    source: 'Linux kvm_lapic_reset; repaired by 4191db26b714',
    breaks: ['INV4', 'INV14'],
    changes: [
      change(kvmApicAcceptEvents, 'init', (right) => (m, cpu, f, returned) => {
        const descriptor = descriptorOf(m, currentVcpu(m, cpu));
        const { pir, on } = descriptor;
        const next = right(m, cpu, f, returned);
        Object.assign(descriptor, { pir, on });
        return next;
      }),
    ],
    detector: startUp,
  },
  {
    id: 'DEST-broadcast',
    title: 'A broadcast in logical mode reaches nobody',
    history:
      'The value for everybody was known for physical destinations; as a logical one it was an ID that no APIC has.',
    source: 'Linux kvm_apic_broadcast; repaired by 394457a928e0',
    breaks: ['INV6', 'INV1'],
    changes: [
      change(kvmIrqDeliveryToApic, 'kvm_irq_delivery_to_apic_fast', (right) => (m, cpu, f, returned) => {
        const all = f.source >= 0 && vcpuOf(m, f.source).apicMode === 2 ? 0xffff_ffff : 0xff;
        return (f.low & 0xc_0800) === 0x800 && f.destination === all ? done : right(m, cpu, f, returned);
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'ICR-self',
    title: 'Reserved bits of the self-IPI register are accepted',
    history: 'Bits 31:8 are reserved: a processor raises #GP. KVM sent the low byte as vector.',
    source: 'Linux kvm_lapic_reg_write, APIC_SELF_IPI; repaired by ba5838abb052',
    breaks: ['INV9'],
    changes: [
      change(kvmEmulateWrmsr, 'kvm_set_msr_common', (right) => (m, cpu, f, returned) => {
        const { exit } = currentVcpu(m, cpu);
        if (exit.msr === selfIpiMsr) exit.low &= 0xff;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'INJ-cancel',
    title: 'An interrupt whose entry is called off is lost',
    history:
      'The vector had been moved from IRR to ISR when a signal or a request called the entry off. What was to be injected was forgotten: in service, and never delivered.',
    source: 'Linux vmx_cancel_injection; b463a6f744a2',
    breaks: ['INV1', 'INV5'],
    changes: [
      change(vcpuEnterGuest, 'kvm_vcpu_exit_request', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        if (next !== undefined) currentVcpu(m, cpu).injected = 0;
        return next;
      }),
    ],
    detector: explorer('kick', 'software'),
  },
  {
    id: 'IRTE-01',
    title: 'An entry stays posted although the new message cannot be posted',
    history:
      'The guest gave its device a message with several receivers, or an NMI. KVM looked for one that it could post, found none, and left the entry: the old target had the old vector, the new ones nothing.',
    source: 'Linux kvm_pi_update_irte; repaired by 9bcac97dc42d, CVE-2025-37885',
    breaks: ['INV6', 'INV11', 'INV12'],
    changes: [
      change(
        kvmPiUpdateIrte,
        'irq_set_vcpu_affinity',
        (right) => (m, cpu, f, returned) => (f.target < 0 ? f.entry : right(m, cpu, f, returned)),
      ),
    ],
    detector: delivery,
  },
  {
    id: 'AVIC-aliased',
    title: 'Two virtual CPUs with one logical ID share an entry of AVIC\u2019s table',
    history:
      'The table has one virtual APIC for each bit of a logical ID. Where two had the same the later one took the entry, and IPIs reached it alone.',
    source: 'Linux avic_handle_ldr_update; since 6.3 APICV_INHIBIT_REASON_LOGICAL_ID_ALIASED',
    breaks: ['INV6', 'INV1'],
    changes: [
      change(kvmLapicRegWrite, 'kvm_recalculate_apic_map', (right) => (m, cpu, f, returned) => {
        const vm = vmOf(m, currentVcpu(m, cpu));
        const { inhibitsAliases } = vm;
        vm.inhibitsAliases = 0;
        const next = right(m, cpu, f, returned);
        vm.inhibitsAliases = inhibitsAliases;
        return next;
      }),
    ],
    detector: property(equivalenceLaw({ vendors: ['amd'], only: ['send', 'write', 'iret', 'eoi'] })),
  },
];
