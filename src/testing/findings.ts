import { done } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { currentTask, TaskState } from '../host/machine.js';
import { kvmEmulateHalt } from '../kvm/exits.js';
import { vcpuBlock } from '../kvm/halt.js';
import { MpState, makeRequest, VcpuRequest, vmOf } from '../kvm/machine.js';
import { nestedOf } from '../kvm/nested/guest-mode.js';
import { nestedDescriptor } from '../kvm/nested/nested-events.js';
import { nestedVmxRun } from '../kvm/nested/nested-vmx-run.js';
import { taskVcpu, vmxVcpuPiPut } from '../kvm/pi-load-put.js';
import { kvmSchedOut } from '../kvm/sched-notifiers.js';
import type { StageChange } from './mutants/install.js';
import { change } from './mutants/mutant.js';

/** A race that the models find in KVM as it is: not in the models, which follow its sources. */
export interface Finding {
  /** As `FIND-01`. */
  readonly id: string;
  readonly title: string;
  /** The model and the configuration that show it. */
  readonly model: string;
  readonly configuration: string;
  /** The invariant that is broken. */
  readonly invariant: string;
  /** What happens, step by step. */
  readonly story: readonly string[];
  /** Which sources say that KVM does so. */
  readonly source: string;
  /** How much it matters. */
  readonly weight: string;
  /** What would close it. */
  readonly closes: string;
  /** @internal The same as a change of stages, with which the model is silent. */
  readonly closing: readonly StageChange[];
}

/** What the models have found. */
export const findings: readonly Finding[] = [
  {
    id: 'FIND-01',
    title: 'The last device is detached while its target goes to sleep',
    model: 'detach',
    configuration: 'device',
    invariant: 'INV2-being-woken',
    story: [
      'A virtual CPU halts; its last look finds nothing.',
      'The device raises its interrupt: the IOMMU sets PIR and ON and sends the active notification vector, which the host ignores.',
      'User space detaches the device: the interrupt goes back to remapped mode, and the count of what may be posted becomes 0.',
      'The virtual CPU is put. The count is 0, so its descriptor is left as it is, and nobody looks at ON.',
      'It sleeps with the interrupt in PIR until something else wakes it.',
    ],
    source:
      'Linux 6.16 and later: kvm_arch_irq_bypass_del_producer lowers nr_possible_bypass_irqs and wakes nobody; vmx_needs_pi_wakeup reads it in vmx_vcpu_pi_put',
    weight:
      'Needs a processor without IPI virtualization, and a detach that fits between the last look and the put: a few hundred instructions, or as long as an interrupt of the host takes there. The interrupt belongs to a device that is going away.',
    closes:
      'As when the first device comes: request every virtual CPU to look again (KVM_REQ_UNBLOCK) after the count has become 0; or let the put look at ON whatever the count is.',
    closing: [
      change(vmxVcpuPiPut, 'need', (right) => (m, cpu, f, returned) => {
        const vm = vmOf(m, currentVcpu(m, cpu));
        if (vm.apicv === 0) return done;
        vm.bypassCount++;
        const next = right(m, cpu, f, returned);
        vm.bypassCount--;
        return next;
      }),
    ],
  },
  {
    id: 'FIND-02',
    title: 'A virtual CPU is preempted after its last look, with its wakeup vector in place',
    model: 'preempt',
    configuration: 'device-block-hooks-suppressed',
    invariant: 'INV2-being-woken',
    story: [
      'A virtual CPU halts: pi_pre_block gives it its wakeup vector; it marks itself as about to sleep, and its last look finds nothing.',
      'Another task preempts it. It is still on the run queue, so it counts as preempted, and vmx_vcpu_pi_put sets SN.',
      'The device raises its interrupt: the IOMMU sets PIR, and with SN notifies nobody.',
      'The virtual CPU is loaded again. vmx_vcpu_pi_load clears SN and sets ON for what is in PIR.',
      'It goes on where it was, and is switched out to sleep. Nobody looks at ON, and because ON is set no later interrupt of a device notifies.',
      'It sleeps with the interrupt in PIR until something of the host wakes it.',
    ],
    source:
      'Linux 5.14 to 5.16: kvm_sched_out asks current->on_rq (commit 3ba9f93b1287); before that a task that was about to sleep did not count as preempted. Gone with commit d76fb40637fc (5.17): the put that precedes the sleep looks at ON',
    weight:
      'Needs a preemptible kernel, a device whose interrupts are posted, and a preemption in the few instructions between the last look and the switch. A timer or any interrupt that the host delivers ends it.',
    closes:
      'Setting SN only for who does not mean to sleep, as before 5.14; or sending the wakeup vector where the put finds ON, as since 5.17.',
    closing: [
      change(kvmSchedOut, 'set-preempted', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        if (currentTask(m, cpu.id).state !== TaskState.running) taskVcpu(m, cpu).preempted = 0;
        return next;
      }),
    ],
  },
  {
    id: 'FIND-03',
    title: 'A notification for L2 is forgotten when L2 exits to L1',
    model: 'nested',
    configuration: 'notified-alone',
    invariant: 'INV1-everything-delivered',
    story: [
      'A sibling of L1\u2019s posts to L2, which is active: it sets PIR and ON of L2\u2019s descriptor and sends L1\u2019s notification vector.',
      'KVM finds L2 active and the vector to be the notification: it sets pi_pending, and puts nothing into L1\u2019s IRR.',
      'L2 exits to L1 before that is processed, for another reason.',
      'L1 enters L2 again. KVM clears pi_pending.',
      'What was posted stays in the descriptor. ON stays set, so that later posters notify nobody.',
    ],
    source:
      'Linux vmx_deliver_nested_posted_interrupt; vmx_check_nested_events, which exits to L1 without a look at pi_pending; prepare_vmcs02_early, which clears it',
    weight:
      'A processor would have kept the vector in L1\u2019s IRR, and L1 would have had it as an interrupt. Without effect on a hypervisor that looks at ON itself before each entry, as KVM does; one that relies on its interrupt handler loses what is posted.',
    closes:
      'At the entry to L2, take ON of L2\u2019s descriptor for a pending notification; or at the exit to L1, put the vector into L1\u2019s IRR.',
    closing: [
      change(nestedVmxRun, 'prepare_vmcs02', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        const vcpu = currentVcpu(m, cpu);
        if (nestedDescriptor(m, vcpu)?.on !== 1) return next;
        nestedOf(m, vcpu).piPending = 1;
        makeRequest(vcpu, VcpuRequest.event);
        return next;
      }),
    ],
  },
  {
    id: 'FIND-04',
    title: 'An L2 that halts while there is something for L1 goes on behind its HLT',
    model: 'nested',
    configuration: 'halts-with-interrupt',
    invariant: 'INV4-nothing-spurious',
    story: [
      'L2 executes HLT with interrupts disabled. L1 does not want that as an exit, so KVM emulates it.',
      'An interrupt for L1 is posted. It makes L2 exit, whatever RFLAGS.IF of L2 is.',
      'KVM skips the HLT and finds an event: the virtual CPU stays runnable instead of halting.',
      'L2 exits to L1, and the activity state in vmcs12 is "active".',
      'L1 handles its interrupt and enters L2 again: it goes on behind the HLT although nothing came for it.',
    ],
    source:
      'Linux __kvm_emulate_halt, which asks kvm_vcpu_has_events; prepare_vmcs12, which says HLT only of a virtual CPU that is halted',
    weight:
      'A processor saves HLT as activity state, and the L2 is entered halted. Most guests loop around HLT and look again. One that stops a processor for ever by HLT with interrupts disabled finds it running.',
    closes:
      'While L2 is active, halt first and look afterwards: vcpu_block looks at the events of L2 before it leaves the halted state.',
    closing: [
      change(kvmEmulateHalt, '__kvm_emulate_halt', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        const vcpu = currentVcpu(m, cpu);
        if (vcpu.guestMode === 1) vcpu.mpState = MpState.halted;
        return next;
      }),
    ],
  },
  {
    id: 'FIND-05',
    title: 'An NMI for L1 ends the HLT of its L2',
    model: 'nested',
    configuration: 'nmi-halt',
    invariant: 'INV4-nothing-spurious',
    story: [
      'L2 executes HLT with interrupts disabled and halts.',
      'An NMI for L1 comes: it is queued, with KVM_REQ_NMI, and the virtual CPU wakes.',
      'Before it leaves the halted state KVM looks at the events of L2, but at NMIs that are pending only: this one is still queued.',
      'The virtual CPU is runnable. Its request is served, the NMI is pending, and L2 exits to L1 with the activity state "active".',
      'L1 handles the NMI and enters L2 again: it goes on behind the HLT although nothing came for it.',
    ],
    source:
      'Linux vcpu_block, which calls kvm_check_nested_events before the state changes; process_nmi, which vcpu_enter_guest calls after it',
    weight: 'As FIND-04, with an NMI instead of an interrupt, and however long L2 has been halted.',
    closes: 'Serve KVM_REQ_NMI before the events of L2 are looked at in vcpu_block.',
    closing: [
      change(vcpuBlock, 'awake', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        if (vcpu.guestMode === 1 && vcpu.nmiQueued > 0) {
          vcpu.nmiPending = Math.min(vcpu.nmiPending + vcpu.nmiQueued, 2);
          vcpu.nmiQueued = 0;
          makeRequest(vcpu, VcpuRequest.event);
        }
        return right(m, cpu, f, returned);
      }),
    ],
  },
];
