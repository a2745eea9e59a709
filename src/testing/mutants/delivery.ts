import { setSvi } from '../../arch/guest-interrupt-status.js';
import { done } from '../../engine/routine.js';
import { ipiVirtualization } from '../../hardware/ipi-virtualization.js';
import { currentVcpu } from '../../hardware/machine.js';
import { postedInterruptProcessing } from '../../hardware/posted-interrupt-processing.js';
import { kvmVcpuUpdateApicv } from '../../kvm/apicv.js';
import { handleFastpathSetX2apicIcrIrqoff } from '../../kvm/fastpath.js';
import { kvmVcpuBlock } from '../../kvm/halt.js';
import { isRunnable } from '../../kvm/has-events.js';
import { Fastpath, vmOf } from '../../kvm/machine.js';
import { vmxVcpuPiPut } from '../../kvm/pi-load-put.js';
import { vcpuEnterGuest } from '../../kvm/run.js';
import { change, explorer, type Mutant, stageEffect } from './mutant.js';

const clearOn = stageEffect(postedInterruptProcessing, 'clear-on');
const movePir = stageEffect(postedInterruptProcessing, 'move-pir');

/** Delivery by and beside the descriptor: IPI virtualization, halting, entry, fastpaths, inhibits. */
export const deliveryMutants: readonly Mutant[] = [
  {
    id: 'PI-18-hardware',
    title: 'The processor clears ON after it has read PIR',
    history: 'The same as PI-18 in posted-interrupt processing, steps 3 and 5 of the SDM\u2019s description.',
    source: 'SDM vol. 3C, "Posted-Interrupt Processing"',
    breaks: ['INV1', 'INV7'],
    changes: [
      change(postedInterruptProcessing, 'clear-on', () => (m, cpu, f, returned) => {
        f.pid = currentVcpu(m, cpu).pid;
        return movePir(m, cpu, f, returned);
      }),
      change(postedInterruptProcessing, 'move-pir', () => clearOn),
    ],
    detector: explorer('entry', 'ipi-virtualization'),
  },
  {
    id: 'HLT-01',
    title: 'Check, then wait, without a second check',
    history:
      'The wake-up came between the test and the wait, where nobody waited yet. The test has to come after the mark.',
    source: 'acrn-hypervisor pull request 4330; tgoskits pull request 1769; right in Linux kvm_vcpu_block',
    breaks: ['INV2'],
    changes: [
      change(
        kvmVcpuBlock,
        'prepare_to_rcuwait',
        (right) => (m, cpu, f, returned) => {
          if (isRunnable(m, currentVcpu(m, cpu), 'only')) return 'finish';
          return right(m, cpu, f, returned);
        },
        ['finish'],
      ),
      change(kvmVcpuBlock, 'kvm_vcpu_check_block', () => (_m, _cpu, f) => (f.slept === 1 ? 'finish' : undefined)),
    ],
    detector: explorer('block', 'software'),
  },
  {
    id: 'IPIV-01',
    title: 'The wakeup vector is armed only where a device is assigned',
    history:
      'With IPI virtualization a sibling posts without an exit, and no software of its wakes the target. Without the wakeup vector the host ignores the notification.',
    source: 'Linux vmx_needs_pi_wakeup; d588bb9be1da',
    breaks: ['INV2', 'INV7', 'INV12'],
    changes: [
      change(
        vmxVcpuPiPut,
        'need',
        (right) => (m, cpu, f, returned) =>
          vmOf(m, currentVcpu(m, cpu)).bypassCount > 0 ? right(m, cpu, f, returned) : done,
      ),
    ],
    detector: explorer('block', 'ipi-virtualization'),
  },
  {
    id: 'AVIC-03-posted',
    title: 'The sender takes where the target runs from before it posts',
    history:
      'The same as AVIC-03 for Intel: NV and NDST are read with the entry of the PID-pointer table, before the post.',
    source: 'AMD erratum 1235; Linux 8de4a1c8164e, 9a12fa5213cf',
    breaks: ['INV2', 'INV7'],
    changes: [
      change(ipiVirtualization, 'read-pid-pointer', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        const descriptor = m.memory.descriptors[f.pid];
        if (descriptor !== undefined) {
          f.nv = descriptor.nv;
          f.ndst = descriptor.ndst;
        }
        return next;
      }),
      change(ipiVirtualization, 'set-on', (right) => (m, cpu, f, returned) => {
        const { nv, ndst } = f;
        const next = right(m, cpu, f, returned);
        f.nv = nv;
        f.ndst = ndst;
        return next;
      }),
    ],
    detector: explorer('block', 'ipi-virtualization'),
  },
  {
    id: 'APIC-01',
    title: 'SVI is not loaded when APICv is switched on while a vector is in service',
    history:
      'The vector was injected while APICv was off. The guest\u2019s EOI is then virtualized by SVI, which was 0: the vector stays in service for ever.',
    source: 'Linux __kvm_vcpu_update_apicv; repaired by b2849bec936b',
    breaks: ['INV3', 'INV5', 'INV12'],
    changes: [
      change(kvmVcpuUpdateApicv, 'refresh_apicv_exec_ctrl', (right) => (m, cpu, f, returned) => {
        const next = right(m, cpu, f, returned);
        setSvi(currentVcpu(m, cpu).vmcs, 0);
        return next;
      }),
    ],
    detector: explorer('inhibit', 'device-and-back'),
  },
  {
    id: 'MSR-01',
    title: 'x2APIC MSRs pass through while the virtual APIC is off',
    history:
      'The controls followed the inhibit, the MSR bitmap did not: the guest reads and writes the processor\u2019s own APIC.',
    source: 'CVE-2016-4440; repaired by Linux 3ce424e45411',
    breaks: ['INV12', 'INV13'],
    changes: [
      change(kvmVcpuUpdateApicv, 'refresh_apicv_exec_ctrl', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const { read, write } = vcpu.msrBitmap;
        const before = { read: [...read], write: [...write] };
        const next = right(m, cpu, f, returned);
        vcpu.msrBitmap = before;
        return next;
      }),
    ],
    detector: explorer('inhibit', 'software'),
  },
  {
    id: 'TMR-07',
    title: 'Requests are not looked at again once interrupts are off',
    history:
      'A request that came after the look at requests was noticed an exit late; so a timer stayed on the processor that the virtual CPU had left.',
    source: 'Linux vcpu_enter_guest, kvm_vcpu_exit_request; d4acf7e7abe4',
    breaks: ['INV1', 'INV2', 'INV8'],
    changes: [change(vcpuEnterGuest, 'kvm_vcpu_exit_request', () => () => undefined)],
    detector: explorer('kick', 'software'),
  },
  {
    id: 'FAST-01',
    title: 'A fastpath acts, then leaves the exit to the ordinary handler',
    history:
      'The fastpath had sent the IPI when it found that it could not skip the instruction; the handler sent it again.',
    source: 'Linux handle_fastpath_set_msr_irqoff; 5c30e8101e8d',
    breaks: ['INV1', 'INV2', 'INV4'],
    changes: [change(handleFastpathSetX2apicIcrIrqoff, 'kvm_skip_emulated_instruction', () => () => Fastpath.none)],
    detector: explorer('entry', 'icr-fastpath'),
  },
  {
    id: 'FAST-01-sync',
    title: 'A fastpath enters again without looking at PIR',
    history:
      'A post from a fastpath to its own virtual CPU sends nothing, because the run loop looks at PIR before it enters again. Here it does not.',
    source: 'Linux vcpu_enter_guest, its inner loop; kvm_vcpu_trigger_posted_interrupt',
    breaks: ['INV1', 'INV2', 'INV4'],
    changes: [
      change(
        vcpuEnterGuest,
        'reenter',
        (right) => (m, cpu, f, returned) =>
          right(m, cpu, f, returned) === 'sync_pir_to_irr' ? 'kvm_vcpu_exit_request' : undefined,
        ['kvm_vcpu_exit_request'],
      ),
    ],
    detector: explorer('entry', 'self'),
  },
];
