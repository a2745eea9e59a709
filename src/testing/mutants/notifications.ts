import { ipiVirtualization } from '../../hardware/ipi-virtualization.js';
import { vmxDeliverPostedInterrupt } from '../../kvm/deliver.js';
import { change, explorer, type Mutant } from './mutant.js';

/** Notifications that are sent although nobody needs them. They lose nothing: what they cost is an exit of whoever runs there. */
export const notificationMutants: readonly Mutant[] = [
  {
    id: 'NTF-01',
    title: 'IPI virtualization notifies although ON is set',
    history:
      'The test of ON left out: a burst of IPIs to one target sends as many notifications, each of which the target’s processor has to take.',
    source: 'SDM vol. 3C, "IPI Virtualization": the notification is for who finds ON and SN clear',
    breaks: ['INV7'],
    changes: [
      change(ipiVirtualization, 'set-on', (right) => (m, cpu, f, returned) => {
        const descriptor = m.memory.descriptors[f.pid];
        const { on = 0 } = descriptor ?? {};
        const next = right(m, cpu, f, returned);
        if (on === 0 || descriptor === undefined) return next;
        Object.assign(f, { nv: descriptor.nv, ndst: descriptor.ndst });
        return undefined;
      }),
    ],
    detector: explorer('two-senders', 'ipi-virtualization'),
  },
  {
    id: 'NTF-02',
    title: 'IPI virtualization does not look at SN',
    history:
      'A virtual CPU that was preempted goes on being notified: what runs on its processor meanwhile is interrupted for nothing.',
    source: 'SDM vol. 3C, "IPI Virtualization"; Linux vmx_vcpu_pi_put, which sets SN for that',
    breaks: ['INV7'],
    changes: [
      change(ipiVirtualization, 'set-on', (right) => (m, cpu, f, returned) => {
        const descriptor = m.memory.descriptors[f.pid];
        const { sn = 0 } = descriptor ?? {};
        if (descriptor !== undefined) descriptor.sn = 0;
        const next = right(m, cpu, f, returned);
        if (descriptor !== undefined) descriptor.sn = sn;
        return next;
      }),
    ],
    detector: explorer('preempt', 'ipi-virtualization-running'),
  },
  {
    id: 'NTF-03',
    title: 'KVM notifies a virtual CPU that is not in guest mode, too',
    history:
      'The notification goes to where the target was loaded last, before it is woken: to whoever runs there now.',
    source: 'Linux kvm_vcpu_trigger_posted_interrupt',
    breaks: ['INV7'],
    changes: [
      change(
        vmxDeliverPostedInterrupt,
        'read-mode',
        (right) => (m, cpu, f, returned) => {
          const next = right(m, cpu, f, returned);
          f.urgent = next === 'kvm_vcpu_wake_up' ? 1 : 0;
          return f.urgent === 1 ? 'notify' : next;
        },
        ['notify'],
      ),
      change(
        vmxDeliverPostedInterrupt,
        'notify',
        (right) => (m, cpu, f, returned) => {
          const next = right(m, cpu, f, returned);
          return f.urgent === 1 ? 'kvm_vcpu_wake_up' : next;
        },
        ['kvm_vcpu_wake_up'],
      ),
    ],
    detector: explorer('block', 'software'),
  },
  {
    id: 'NTF-04',
    title: 'KVM notifies twice',
    history: 'One post, two interrupts: the second one finds ON clear, and ends what the target does by then.',
    source: 'Linux kvm_vcpu_trigger_posted_interrupt',
    breaks: ['INV7'],
    changes: [
      change(vmxDeliverPostedInterrupt, 'notify', (right) => (m, cpu, f, returned) => {
        right(m, cpu, f, returned);
        return right(m, cpu, f, returned);
      }),
    ],
    detector: explorer('entry', 'software'),
  },
];
