import { ApicMode } from '../../arch/apic-mode.js';
import { emptyBits256 } from '../../arch/bits256.js';
import { DeliveryMode, icrDeliveryMode, icrDestinationMode, icrShorthand, Shorthand } from '../../arch/icr.js';
import { TimerMode, timerMode } from '../../arch/local-apic/lvt.js';
import { done } from '../../engine/routine.js';
import { currentVcpu } from '../../hardware/machine.js';
import { sendPhysicalIpi } from '../../hardware/physical-apic.js';
import { apicAcceptIrq } from '../../kvm/accept-irq.js';
import { matchesVcpu } from '../../kvm/apic-map.js';
import { kvmEmulateWrmsr } from '../../kvm/emulate-msr.js';
import { handleFastpathSetTscdeadline, handleFastpathSetX2apicIcrIrqoff } from '../../kvm/fastpath.js';
import { kvmHvSendIpi } from '../../kvm/hv-send-ipi.js';
import { kvmCheckAndInjectEvents } from '../../kvm/inject.js';
import { kvmIoapicSendEoi } from '../../kvm/ioapic.js';
import { startApicTimer } from '../../kvm/lapic-timer.js';
import { kvmLapicRegWrite } from '../../kvm/lapic-write.js';
import { descriptorOf, type KvmVcpu, PendingEvent, vcpuOf, vmOf } from '../../kvm/machine.js';
import { kvmPvSendIpi } from '../../kvm/pv-send-ipi.js';
import { kvmCheckRequests } from '../../kvm/requests.js';
import { kvmApicSendIpi, kvmIrqDeliveryToApic } from '../../kvm/send-ipi.js';
import { deliveryLaw, equivalenceLaw, type LawSearch, startUpLaw, timerMigrationLaw } from '../laws/detectors.js';
import { change, type Detector, type Mutant, skip } from './mutant.js';

const ICR = 0x300;

function property(law: LawSearch): Detector {
  return { by: 'property', name: law.name, run: (seed) => law.run(seed) };
}

/** The general laws. None was made for one of these mutants; those of hypercalls need machines that offer them. */
const equivalence = property(equivalenceLaw());
const pvEquivalence = property(equivalenceLaw({ hypercalls: 'kvm' }));
const hvEquivalence = property(equivalenceLaw({ hypercalls: 'hyper-v' }));
/** Of programs whose handlers nest. */
const nestedEquivalence = property(equivalenceLaw({ only: ['self-ipi', 'sti', 'eoi', 'iret', 'read'] }));
const delivery = property(deliveryLaw());
/** Of short programs: a run that never ends is long. */
const shortDelivery = property(deliveryLaw({ vcpus: 2, operations: 1 }));
/** NMIs that meet are rare. */
const unmaskable = property(deliveryLaw({ vcpus: 2 }, 3000));
const startUp = property(startUpLaw());
const timerMigration = property(timerMigrationLaw());

/** A write of the deadline finds the timer in the mode that it needs. */
function pretendDeadlineMode({ page, exit }: KvmVcpu): void {
  if (exit.msr === 0x6e0 && timerMode(page) === TimerMode.oneShot) page.lvtTimer |= 0x4_0000;
}

/** The local APIC as software emulates it: what is written to it, where messages go, what ends. */
export const emulationMutants: readonly Mutant[] = [
  {
    id: 'ICR-01',
    title: 'Reserved bits of the x2APIC ICR are accepted',
    history:
      'The processor raises #GP for a reserved bit; KVM took the value, stored it and sent what was left of it. Kernels of this library before 6.12 do so still.',
    source: 'Linux kvm_x2apic_icr_write, KVM_X2APIC_ICR_RESERVED_BITS',
    breaks: ['INV9', 'INV4'],
    changes: [
      change(kvmEmulateWrmsr, 'kvm_set_msr_common', (right) => (m, cpu, f, returned) => {
        const vm = vmOf(m, currentVcpu(m, cpu));
        const { icrReservedFaults } = vm;
        vm.icrReservedFaults = 0;
        const next = right(m, cpu, f, returned);
        vm.icrReservedFaults = icrReservedFaults;
        return next;
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'ICR-02',
    title: 'The 64-bit ICR is stored in one place and read from another',
    history:
      'Two layouts of the ICR exist: one 64-bit value, or two halves 10H apart. The write went to one, the read came from the other, and with it the destination.',
    source: 'Linux kvm_x2apic_icr_write, kvm_apic_get_state; kvm-unit-tests xapic_state_test',
    breaks: ['INV10', 'INV12'],
    changes: [
      change(kvmEmulateWrmsr, 'kvm_set_msr_common', (right) => (m, cpu, f, returned) => {
        const { page, exit } = currentVcpu(m, cpu);
        const { icr64High } = page;
        const next = right(m, cpu, f, returned);
        if (exit.msr === 0x800 + (ICR >> 4)) {
          page.icrHigh = page.icr64High;
          page.icr64High = icr64High;
        }
        return next;
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'ICR-03',
    title: 'The delivery status stays set after a trap-like write',
    history:
      'With APICv the page has the value before KVM sees it. It kept bit 12, and guests that wait for the APIC to be idle waited for ever.',
    source: 'Linux kvm_apic_write_nodecode, kvm_apic_send_ipi',
    breaks: ['INV8', 'INV9', 'INV12'],
    changes: [
      change(kvmLapicRegWrite, 'register', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        if (f.offset === ICR) currentVcpu(m, cpu).page.icrLow |= 0x1000;
        return next;
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'DEST-03',
    title: 'A register changes and the map of destinations stays as it was',
    history:
      'The map is rebuilt when an ID, a logical ID or an enable bit changes. A change that came while it was being rebuilt was missed.',
    source: 'Linux kvm_recalculate_apic_map; 44d527170731',
    breaks: ['INV6', 'INV12'],
    changes: [skip(kvmLapicRegWrite, 'kvm_recalculate_apic_map')],
    detector: equivalence,
  },
  {
    id: 'DEST-04',
    title: 'The broadcast value of xAPIC mode counts in x2APIC mode',
    history:
      'FFH is everybody in xAPIC mode and an ordinary APIC ID in x2APIC mode. The mode that was asked was not the sender\u2019s.',
    source: 'Linux kvm_apic_mda, kvm_apic_broadcast; kvm-unit-tests test_physical_broadcast',
    breaks: ['INV6', 'INV2'],
    changes: [
      change(kvmIrqDeliveryToApic, 'kvm_irq_delivery_to_apic_fast', (right) => (m, cpu, f, returned) => {
        const x2apic = f.source >= 0 && vcpuOf(m, f.source).apicMode === ApicMode.x2apic;
        if (f.destination === 0xff && x2apic) f.destination = 0xffff_ffff;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'DEST-05',
    title: 'The cluster of an x2APIC logical destination is ignored',
    history:
      'Members of different clusters were put into one set by OR, so a message reached members of clusters that it did not name.',
    source: 'Linux x2apic_cluster; Xen vlapic, x2APIC cluster mode',
    breaks: ['INV6', 'INV13'],
    changes: [
      change(kvmIrqDeliveryToApic, 'kvm_irq_delivery_to_apic_fast', (right) => (m, cpu, f, returned) => {
        if (icrDestinationMode(f.low) === 1 && f.destination !== 0xffff_ffff) f.destination &= 0xffff;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'DEST-06',
    title: 'A shorthand of the guest goes to the physical APIC',
    history:
      '"All but self" of a guest was written to the processor\u2019s own ICR: every processor of the host got the guest\u2019s vector.',
    source: 'A hypervisor\u2019s repair of ICR emulation; right in Linux kvm_apic_send_ipi',
    breaks: ['INV13', 'INV6'],
    changes: [
      change(kvmApicSendIpi, 'build-irq', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        if (icrShorthand(f.low) !== Shorthand.allExcludingSelf) return next;
        for (const { id } of m.processors) if (id !== cpu.id) sendPhysicalIpi(m, id, f.low & 0xff);
        return next;
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'AVIC-01',
    title: 'An IPI that hardware could not send as a whole is sent to nobody',
    history:
      'Hardware exits before it has sent anything; the exit\u2019s reason was taken for one where it had. What is true of AVIC\u2019s incomplete IPIs is true of APIC-write exits.',
    source: 'Linux avic_incomplete_ipi_interception; 5aede752a839',
    breaks: ['INV6', 'INV1'],
    changes: [
      change(kvmLapicRegWrite, 'register', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const trapped = f.offset === ICR && vcpu.apicvActive === 1 && vmOf(m, vcpu).ipiVirtualization === 1;
        return trapped ? done : right(m, cpu, f, returned);
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'AVIC-05',
    title: 'The APIC ID is made from a logical ID with the mask for the index',
    history:
      'The bit of a member of a cluster says which it is; the mask with that bit was put where its number belongs, and another virtual CPU was kicked.',
    source: 'Linux avic_kick_target_vcpus_fast; da3fb46d226a',
    breaks: ['INV6', 'INV2'],
    changes: [
      change(kvmIrqDeliveryToApic, 'kvm_irq_delivery_to_apic_fast', (right) => (m, cpu, f, returned) => {
        const single = (f.destination & (f.destination - 1)) === 0;
        const x2apic = f.source >= 0 && vcpuOf(m, f.source).apicMode === ApicMode.x2apic;
        if (icrDestinationMode(f.low) === 1 && f.destination < 0x1_0000 && single && x2apic) f.low &= ~0x800;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'PV-02',
    title: 'The bitmap of the IPI hypercall runs past the map',
    history:
      'The first APIC ID came from the guest and was not checked: what lay behind the map was taken for virtual CPUs. Here, where nothing lies behind it, its beginning does.',
    source: 'Linux __pv_send_ipi; bdf7ffc89922, c87bd4dd43a6',
    breaks: ['INV11', 'INV6'],
    changes: [
      change(kvmPvSendIpi, 'check', (right) => (m, cpu, f, returned) => {
        const size = m.vms[f.vm]?.apicMap.length ?? 1;
        if (f.min >= size) f.min %= size;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: pvEquivalence,
  },
  {
    id: 'PV-02-mode',
    title: 'The IPI hypercall takes logical mode and shorthands',
    history: 'The call sends to physical APIC IDs; an ICR that says otherwise is an error, and nothing may be sent.',
    source: 'Linux kvm_pv_send_ipi; kvm-unit-tests test_pv_ipi',
    breaks: ['INV9', 'INV6'],
    changes: [
      change(kvmPvSendIpi, 'check', (right) => (m, cpu, f, returned) => {
        f.low &= ~0xc_0800;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: pvEquivalence,
  },
  {
    id: 'HV-01',
    title: 'A Hyper-V call sends a vector below 16',
    history:
      'Vectors and sets came from the guest: a vector that no APIC takes, bits for virtual processors that do not exist. The sets are lists here, which have an end; the vector is left.',
    source: 'Xen advisory XSA-475; Linux kvm_hv_send_ipi',
    breaks: ['INV9', 'INV11'],
    changes: [
      change(kvmHvSendIpi, 'kvm_get_sparse_vp_set', (right) => (m, cpu, f, returned) => {
        const { input } = m.paravirt[cpu.vcpu] ?? { input: [] };
        const [vector = 0] = input;
        if (vector < 16) input[0] = vector + 16;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: hvEquivalence,
  },
  {
    id: 'HV-02',
    title: 'A Hyper-V call to all is dropped because it names none',
    history:
      'The handler returned early where the variable part was empty, before it looked whether the call meant everybody.',
    source: 'Linux kvm_hv_send_ipi; 3244867af8c0',
    breaks: ['INV6', 'INV1'],
    changes: [
      change(kvmHvSendIpi, 'kvm_get_sparse_vp_set', (right) => (m, cpu, f, returned) => {
        const [call = 0] = currentVcpu(m, cpu).exit.operands;
        return ((call >>> 17) & 0x3ff) === 0 && (call & 0xffff) === 0x15 ? 0 : right(m, cpu, f, returned);
      }),
    ],
    detector: hvEquivalence,
  },
  {
    id: 'TMR-03',
    title: 'A deadline is taken outside TSC-deadline mode',
    history:
      'The write armed a timer although the LVT entry says one-shot: an interrupt came that nobody had set, or another mode\u2019s timer was disturbed.',
    source: 'Linux kvm_set_lapic_tscdeadline_msr; d2286ba7d574',
    breaks: ['INV9', 'INV4', 'INV8'],
    changes: [
      change(kvmEmulateWrmsr, 'kvm_set_msr_common', (right) => (m, cpu, f, returned) => {
        pretendDeadlineMode(currentVcpu(m, cpu));
        return right(m, cpu, f, returned);
      }),
      change(handleFastpathSetTscdeadline, 'kvm_set_lapic_tscdeadline_msr', (right) => (m, cpu, f, returned) => {
        pretendDeadlineMode(currentVcpu(m, cpu));
        return right(m, cpu, f, returned);
      }),
    ],
    detector: equivalence,
  },
  {
    id: 'TMR-01',
    title: 'What a restored timer posts is wiped',
    history:
      'A timer that has expired posts its vector as soon as it is restored; the descriptor was cleared at the end of the same call. A one-shot timer never fires again.',
    source: 'Linux kvm_apic_set_state, apicv_post_state_restore; repaired by 9cfec6d097c6',
    breaks: ['INV10', 'INV1'],
    changes: [
      change(startApicTimer, 'started', (right) => (m, cpu, f, returned) => {
        if (f.restore === 1) Object.assign(descriptorOf(m, currentVcpu(m, cpu)), { on: 0, pir: emptyBits256() });
        return right(m, cpu, f, returned);
      }),
    ],
    detector: timerMigration,
  },
  {
    id: 'TMR-02',
    title: 'A one-shot timer that had expired is left off when it is restored',
    history:
      'A count of 0 with an initial count means that it has run out, and perhaps that nobody was told. Nothing was started for it, or a whole period.',
    source: 'Linux set_target_expiration; repaired by 8e6ed96cdd50',
    breaks: ['INV10', 'INV1'],
    changes: [
      change(startApicTimer, 'set_target_expiration', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        const { page, lapicTimer } = currentVcpu(m, cpu);
        if (f.restore === 0 || page.currentCount > 0) return next;
        lapicTimer.deadline = 0;
        return done;
      }),
    ],
    detector: timerMigration,
  },
  {
    id: 'EVT-02-order',
    title: 'An INIT that comes while a SIPI waits leaves the SIPI',
    history:
      'INIT takes back what came before it; who then starts begins from an older SIPI, before it was sent its own.',
    source: 'Linux __apic_accept_irq, APIC_DM_INIT: it clears KVM_APIC_SIPI',
    breaks: ['INV14'],
    changes: [
      change(apicAcceptIrq, 'event', (right) => (m, cpu, f, returned) => {
        const target = vcpuOf(m, f.target);
        const sipi = target.pendingEvents & PendingEvent.sipi;
        const next = right(m, cpu, f, returned);
        if (icrDeliveryMode(f.low) === DeliveryMode.init) target.pendingEvents |= sipi;
        return next;
      }),
    ],
    detector: startUp,
  },
  {
    id: 'EOI-01-source',
    title: 'The end of a level-triggered interrupt does not reach the I/O APIC',
    history:
      'Whatever keeps the EOI from the I/O APIC (an entry that changed in flight, an EOI that was not intercepted), its remote IRR stays set, and the line never fires again.',
    source: 'Linux kvm_ioapic_send_eoi, kvm_scan_ioapic_irq',
    breaks: ['INV5', 'INV1'],
    changes: [change(kvmIoapicSendEoi, 'kvm_ioapic_update_eoi_one', () => () => done)],
    detector: delivery,
  },
  {
    id: 'EOI-01',
    title: 'The EOI of an interrupt under way is not intercepted after its line was given to another',
    history:
      'What to intercept was made from the new routes alone. The interrupt that its old target still had ended without the I/O APIC being told, and the line was dead.',
    source: 'Linux kvm_ioapic_scan_entry, kvm_apic_pending_eoi; repaired by db2bdcbbbd32, 0fc5a36dd6b3',
    breaks: ['INV5', 'INV1', 'INV12'],
    changes: [
      change(kvmCheckRequests, 'serve', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        const vcpu = currentVcpu(m, cpu);
        const { vmcs } = vcpu;
        const words = [vmcs.eoiExitBitmap0, vmcs.eoiExitBitmap1, vmcs.eoiExitBitmap2, vmcs.eoiExitBitmap3];
        for (const { low, destination } of vmOf(m, vcpu).ioapic) {
          if (matchesVcpu(m, { source: -1, low: low & 0xfff, destination }, vcpu)) continue;
          const word = words[(low & 0xff) >> 6] as number[];
          const half = (low >> 5) & 1;
          word[half] = ((word[half] as number) & ~(1 << (low & 31))) >>> 0;
        }
        return next;
      }),
    ],
    detector: delivery,
  },
  {
    id: 'EOI-02',
    title: 'An EOI that was intercepted for an old route goes on being intercepted',
    history:
      'The repair of EOI-01 kept the vector in the bitmap, and nobody looked again: whatever used the vector on that virtual CPU later exited at each EOI.',
    source: 'Linux kvm_scan_ioapic_irq, highest_stale_pending_ioapic_eoi; repaired by 87e4951e250b',
    breaks: ['INV5', 'INV12', 'INV8'],
    changes: [
      change(kvmIoapicSendEoi, 'kvm_ioapic_handles_vector', (right) => (m, cpu, f, returned) => {
        currentVcpu(m, cpu).highestStaleEoi = -1;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: delivery,
  },
  {
    id: 'EOI-04',
    title: 'A line that is still up at the EOI delivers again at once, for ever',
    history:
      'A handler that does not quiet its device is entered again before the guest has executed an instruction outside it; on hardware the guest gets somewhere in between.',
    source: 'Linux __kvm_ioapic_update_eoi, IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT; repaired by 184564efae4d',
    breaks: ['INV8'],
    changes: [
      change(kvmIoapicSendEoi, 'kvm_ioapic_update_eoi_one', (right) => (m, cpu, f, returned) => {
        for (const pin of m.vms[f.vm]?.ioapic ?? []) pin.successiveEois = 0;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: shortDelivery,
  },
  {
    id: 'EVT-NMI',
    title: 'An NMI is injected while one is being handled',
    history:
      'NMIs are blocked until IRET; one more waits. Code that mixed up "pending" and "blocked" injected it at once, or lost it.',
    source: 'Linux vmx_nmi_allowed, process_nmi; b2ce89978889 for the mix-up',
    breaks: ['INV14'],
    changes: [
      change(kvmCheckAndInjectEvents, 'nmi', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const { interruptibility } = vcpu;
        vcpu.interruptibility &= ~8;
        const next = right(m, cpu, f, returned);
        vcpu.interruptibility = interruptibility;
        return next;
      }),
    ],
    detector: unmaskable,
  },
  {
    id: 'DEST-arbitration',
    title: 'A lowest-priority message goes to all of its candidates',
    history:
      'Lowest priority picks one of those that match. Where the table could not tell and the walk over all virtual CPUs did not arbitrate, everyone got it.',
    source: 'Linux kvm_irq_delivery_to_apic, kvm_lowest_prio_delivery',
    breaks: ['INV6', 'INV4'],
    changes: [
      change(kvmIrqDeliveryToApic, 'kvm_irq_delivery_to_apic_fast', (right) => (m, cpu, f, returned) => {
        if (icrDeliveryMode(f.low) === DeliveryMode.lowestPriority) f.low &= ~0x700;
        return right(m, cpu, f, returned);
      }),
    ],
    detector: delivery,
  },
  {
    id: 'ICR-trigger',
    title: 'The trigger mode is not noted when a message is accepted',
    history:
      'TMR decides whether the I/O APIC hears of the EOI. A stale bit sends it one that is not its own, or keeps the one it waits for.',
    source: 'Linux __apic_accept_irq; SDM vol. 3A, "Interrupt Acceptance for Fixed Interrupts"',
    breaks: ['INV5', 'INV12'],
    changes: [
      change(apicAcceptIrq, 'accept', (right) => (m, cpu, f, returned) => {
        const { page } = vcpuOf(m, f.target);
        const tmr = [...page.tmr];
        const next = right(m, cpu, f, returned);
        page.tmr = tmr;
        return next;
      }),
    ],
    detector: delivery,
  },
  {
    id: 'FAST-01-icr',
    title: 'The ICR fastpath sends, and then says that it did nothing',
    history:
      'A fastpath does all of an exit or nothing of it. One that could not skip the instruction had sent already; the ordinary handler sent again.',
    source: 'Linux handle_fastpath_set_x2apic_icr_irqoff; 5c30e8101e8d',
    breaks: ['INV4', 'INV1'],
    changes: [change(handleFastpathSetX2apicIcrIrqoff, 'kvm_skip_emulated_instruction', () => () => 0)],
    detector: equivalence,
  },
  {
    id: 'EOI-spurious',
    title: 'An EOI ends everything that is in service',
    history: 'Each in-service bit takes an EOI of its own, and the highest goes first; what nests below goes on.',
    source: 'SDM vol. 3A, "Signaling Interrupt Servicing Completion"; Linux apic_set_eoi',
    breaks: ['INV5'],
    changes: [
      change(kvmLapicRegWrite, 'apic_set_eoi', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        currentVcpu(m, cpu).page.isr.fill(0);
        return next;
      }),
    ],
    detector: nestedEquivalence,
  },
];
