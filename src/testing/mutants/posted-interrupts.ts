import { highestBit } from '../../arch/bits256.js';
import { setRvi } from '../../arch/guest-interrupt-status.js';
import { done } from '../../engine/routine.js';
import { currentVcpu, type LogicalProcessor } from '../../hardware/machine.js';
import { vmxDeliverPostedInterrupt } from '../../kvm/deliver.js';
import { kvmVcpuBlock, vcpuBlock } from '../../kvm/halt.js';
import { interruptBlocked } from '../../kvm/interruptibility.js';
import { descriptorOf, HostVector, vmOf } from '../../kvm/machine.js';
import { vmxPiStartBypass, vmxVcpuPiLoad, vmxVcpuPiPut } from '../../kvm/pi-load-put.js';
import { vcpuEnterGuest } from '../../kvm/run.js';
import { vmxSyncPirToIrr } from '../../kvm/sync-pir-to-irr.js';
import type { ModelMachine } from '../models/model-machine.js';
import { change, explorer, type Mutant, skip, stageEffect } from './mutant.js';

const takePir = stageEffect(vmxSyncPirToIrr, 'take-pir');
const clearOn = stageEffect(vmxSyncPirToIrr, 'clear-on');

/** True if a device or bypass may post to the virtual CPU that a processor has. */
function hasDevice(machine: ModelMachine, processor: LogicalProcessor): boolean {
  return vmOf(machine, currentVcpu(machine, processor)).bypassCount > 0;
}

/** Posting by the descriptor: load, put, wake list, notification, harvest. */
export const postedInterruptMutants: readonly Mutant[] = [
  {
    id: 'PI-01',
    title: 'Clearing SN does not rebuild ON',
    history:
      'While SN is 1 hardware posts into PIR and leaves ON clear. The load cleared SN and left ON as it was, and all that look at ON first found nothing.',
    source: 'Linux vmx_vcpu_pi_load; repaired by c112b5f50232',
    breaks: ['INV1', 'INV2', 'INV7'],
    changes: [skip(vmxVcpuPiLoad, 'set-on')],
    detector: explorer('preempt', 'device'),
  },
  {
    id: 'PI-03',
    title: 'ON set, PIR already harvested: the highest pending vector is reported as none',
    history:
      'A harvest that came between the two steps of a poster took its bit; the next one found ON set and PIR empty, and told that nothing was pending although IRR was not empty.',
    source: 'Linux __kvm_apic_update_irr, since b41f8638b9d3; series "Always report highest IRR", 2026',
    breaks: ['INV1', 'INV3', 'INV12'],
    changes: [
      change(vmxSyncPirToIrr, 'take-pir', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        if (highestBit(descriptorOf(m, vcpu).pir) >= 0) return right(m, cpu, f, returned);
        if (vcpu.apicvActive === 1) setRvi(vcpu.vmcs, 0);
        return -1;
      }),
    ],
    detector: explorer('entry', 'interrupts-disabled'),
  },
  {
    id: 'PI-04',
    title: 'PIR is not synced while APICv is inhibited on the virtual CPU',
    history:
      'An inhibit does not rewrite the IRTEs, so the IOMMU posts on. Entry and block synced only while APICv was active.',
    source: 'Linux vcpu_enter_guest; repaired by 37c4dbf337c5, 7e1901f6c86c, 53b7ca1a3593',
    breaks: ['INV1', 'INV2'],
    changes: [
      change(
        vcpuEnterGuest,
        'sync_pir_to_irr',
        (right) => (m, cpu, f, returned) =>
          currentVcpu(m, cpu).apicvActive === 1 ? right(m, cpu, f, returned) : undefined,
      ),
    ],
    detector: explorer('inhibit', 'device'),
  },
  {
    id: 'PI-05',
    title: 'A virtual CPU is added twice to a wake list after its device was unplugged',
    history:
      'Whether to undo was decided by "is there a device now" instead of by what had been done. After an unplug between the two the virtual CPU stayed on the list.',
    source: 'Linux pi_pre_block, pi_post_block; repaired by 8b306e2f3c41, generalised by 53b7ca1a3593',
    breaks: ['INV7', 'INV11', 'INV12'],
    changes: [
      change(
        vmxVcpuPiLoad,
        'read-nv',
        (right) => (m, cpu, f, returned) => (hasDevice(m, cpu) ? right(m, cpu, f, returned) : done),
      ),
    ],
    detector: explorer('attach', 'detach-while-asleep'),
  },
  {
    id: 'PI-06',
    title: 'The load leaves SN and NDST stale',
    history:
      'The load returned early because no device was assigned any more. SN stayed 1 and NDST named an old processor; a device that came later was not heard.',
    source: 'Linux vmx_vcpu_pi_load; repaired by 31afb2ea2b10',
    breaks: ['INV1', 'INV7', 'INV12'],
    changes: [
      change(vmxVcpuPiLoad, 'read-nv', (right) => (m, cpu, f, returned) => {
        const { nv } = descriptorOf(m, currentVcpu(m, cpu));
        return hasDevice(m, cpu) || nv === HostVector.postedInterruptWakeup ? right(m, cpu, f, returned) : done;
      }),
    ],
    detector: explorer('attach', 'detach-while-preempted'),
  },
  {
    id: 'PI-07',
    title: 'The descriptor\u2019s control word is read twice: ON is dropped',
    history:
      'The expected and the new image of the word were two loads. Where a poster set ON in between, the exchange succeeded and erased it.',
    source: 'Linux pi_try_set_control loops; repaired by cfb0e1306a37',
    breaks: ['INV1', 'INV2', 'INV7'],
    changes: [
      change(vmxVcpuPiPut, 'cmpxchg-nv', () => (m, cpu, f) => {
        const descriptor = descriptorOf(m, currentVcpu(m, cpu));
        descriptor.nv = HostVector.postedInterruptWakeup;
        descriptor.on = f.on;
        return f.on === 1 ? undefined : done;
      }),
    ],
    detector: explorer('block', 'ipi-virtualization'),
  },
  {
    id: 'PI-08',
    title: 'Posted before NV is switched: nobody wakes the one who blocks',
    history:
      'A poster that sets ON while NV is the active vector sends a notification that the host ignores. The put has to see ON in what it wrote, and to send the wakeup vector itself.',
    source: 'Linux pi_enable_wakeup_handler; d76fb40637fc',
    breaks: ['INV1', 'INV2'],
    changes: [
      change(vmxVcpuPiPut, 'cmpxchg-nv', (right) => (m, cpu, f, returned) => right(m, cpu, f, returned) ?? done),
    ],
    detector: explorer('block', 'ipi-virtualization'),
  },
  {
    id: 'PI-09',
    title: 'A posted interrupt wakes a virtual CPU that halts with interrupts disabled',
    history:
      'The wakeup vector was armed without asking whether the guest can take an interrupt. What was posted woke the virtual CPU for nothing, and again, and again.',
    source: 'Linux pi_pre_block; "Don\u2019t unblock vCPU w/ Posted IRQ if IRQs are disabled in guest"',
    breaks: ['INV4', 'INV8'],
    changes: [
      change(vmxVcpuPiPut, 'need', (right) => (m, cpu, f, returned) => {
        const vcpu = currentVcpu(m, cpu);
        const next = right(m, cpu, f, returned);
        return next === 'set-sn' && vcpu.preempted === 0 && vcpu.waiter === 1 && interruptBlocked(m, vcpu)
          ? undefined
          : next;
      }),
    ],
    detector: explorer('block', 'interrupts-disabled'),
  },
  {
    id: 'PI-10',
    title: '"The target is the running virtual CPU" swallows a wake-up',
    history:
      'The notification was left out whenever the target was current on this processor. An interrupt handler of the host can run there when the target has looked for the last time.',
    source: 'Linux kvm_vcpu_trigger_posted_interrupt; repaired by fdba608f15e2',
    breaks: ['INV2'],
    changes: [
      change(
        vmxDeliverPostedInterrupt,
        'read-mode',
        (right) => (m, cpu, f, returned) =>
          cpu.vcpu === f.target && cpu.nonRoot === 0 ? done : right(m, cpu, f, returned),
      ),
    ],
    detector: explorer('block', 'interrupt-handler'),
  },
  {
    id: 'PI-11',
    title: 'The mode is read before ON is visible',
    history:
      'A poster sets ON, then reads the mode; the entry sets the mode, then reads ON. Without a full barrier each may see what was before.',
    source: 'Linux vcpu_enter_guest, vmx_deliver_posted_interrupt: comments; 83c98007d9fb for the nested vector',
    breaks: ['INV1', 'INV2'],
    changes: [skip(vcpuEnterGuest, 'smp_mb__after_srcu_read_unlock')],
    detector: explorer('entry', 'software-store-buffers'),
  },
  {
    id: 'PI-12',
    title: 'Notifications are not suppressed after a put',
    history:
      'SN was set only on a preemption. Who was put for another reason went on being notified on a processor where another guest runs.',
    source: 'Linux vmx_vcpu_pi_put; repaired by 6737557442e5',
    breaks: ['INV4', 'INV7'],
    changes: [
      change(
        vmxVcpuPiPut,
        'set-sn',
        (right) => (m, cpu, f, returned) =>
          currentVcpu(m, cpu).preempted === 1 ? right(m, cpu, f, returned) : undefined,
      ),
    ],
    detector: explorer('block', 'interrupts-disabled'),
  },
  {
    id: 'PI-13',
    title: 'The first device appears after the virtual CPU went to sleep',
    history:
      'Who went to sleep while nobody could post without the host has not switched NV. A device attached later posts with the active vector, which the host ignores, and leaves ON set.',
    source: 'Linux vmx_pi_start_bypass; a2486020a825, c364baad3e4f',
    breaks: ['INV1', 'INV2', 'INV7', 'INV12'],
    changes: [
      change(vmxPiStartBypass, 'count', (right) => (m, cpu, f, returned) => {
        right(m, cpu, f, returned);
        return done;
      }),
    ],
    detector: explorer('attach', 'attach'),
  },
  {
    id: 'PI-15',
    title: 'The block looks at requests, not at what was posted',
    history:
      'The notification of a post was consumed by an exit before it could be processed; the block looked at a request flag only, and slept although PIR was not empty.',
    source: 'ACRN vlapic; acrn-hypervisor pull request 4978',
    breaks: ['INV1', 'INV2'],
    changes: [
      change(vcpuBlock, 'kvm_arch_vcpu_runnable', () => () => undefined),
      change(
        kvmVcpuBlock,
        'kvm_vcpu_check_block',
        () => (m, cpu) => (currentVcpu(m, cpu).requests !== 0 ? 'finish' : undefined),
      ),
    ],
    detector: explorer('block', 'software'),
  },
  {
    id: 'PI-17',
    title: 'Removed from the wake list of the wrong processor',
    history:
      'A sleeping virtual CPU is on the list of the processor where it was put. Removing it from that of the processor where it is loaded leaves it on the other.',
    source: 'Linux vmx_vcpu_pi_load; baed82c8e489',
    breaks: ['INV7', 'INV11'],
    changes: [
      change(vmxVcpuPiLoad, 'list_del', () => (m, cpu) => {
        const vcpu = currentVcpu(m, cpu);
        const list = m.wakeupLists[cpu.id] as number[];
        const at = list.indexOf(vcpu.id);
        if (at >= 0) list.splice(at, 1);
        vcpu.wakeupList = -1;
        return undefined;
      }),
    ],
    detector: explorer('migrate', 'device'),
  },
  {
    id: 'PI-18',
    title: 'ON is cleared after PIR is read',
    history:
      'A poster that sets its bit after the harvest and finds ON still set tells nobody; clearing ON then erases the only trace.',
    source: 'Linux vmx_sync_pir_to_irr: comment and order',
    breaks: ['INV1', 'INV2', 'INV7'],
    changes: [change(vmxSyncPirToIrr, 'clear-on', () => takePir), change(vmxSyncPirToIrr, 'take-pir', () => clearOn)],
    detector: explorer('entry', 'software-two-vectors'),
  },
];
