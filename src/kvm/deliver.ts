import { setBit, testBit } from '../arch/bits256.js';
import { softwarePostingSteps } from '../arch/posting.js';
import { call } from '../engine/frames.js';
import { notify, observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { fence, load } from '../engine/store-buffer.js';
import { descriptorLine } from '../hardware/ipi-virtualization.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { sendPhysicalIpi } from '../hardware/physical-apic.js';
import { AnnouncedBy, Record } from '../hardware/records.js';
import { kvmVcpuKick, kvmVcpuWakeUp } from './kick.js';
import {
  HostVector,
  type KvmMachine,
  kvm,
  makeRequest,
  VcpuMode,
  VcpuRequest,
  vcpuMode,
  vcpuOf,
  vmOf,
} from './machine.js';
import { nestedOf } from './nested/guest-mode.js';
import { KvmRecord } from './records.js';

const { program, stage, glue } = kvm;
const [setPir, setOn] = softwarePostingSteps;

/** A vector for a virtual CPU. */
export interface Delivery {
  target: number;
  vector: number;
}

/** Sets the vector in the target's IRR, which is in memory. Linux `kvm_lapic_set_irr`. */
export function kvmLapicSetIrr(machine: KvmMachine, processor: LogicalProcessor, { target, vector }: Delivery): void {
  const vcpu = vcpuOf(machine, target);
  fence(machine, processor);
  observe(machine, testBit(vcpu.page.irr, vector) ? Record.coalesced : Record.posted, vcpu.pid, vector);
  setBit(vcpu.page.irr, vector);
  vcpu.irrPending = 1;
  notify(machine, vcpu.channel);
}

const modeLine = (m: KvmMachine, _cpu: LogicalProcessor, f: { target: number }) => vcpuOf(m, f.target).modeLine;

const makeEventRequest = stage(
  'kvm_make_request',
  'makeRequest',
  shared,
  (m, cpu, f: Delivery) => {
    fence(m, cpu);
    makeRequest(vcpuOf(m, f.target), VcpuRequest.event);
  },
  { line: modeLine },
);

/**
 * What becomes of a virtual CPU that is not in guest mode: it is woken; before 5.17 another's is also got out of the guest, if it has entered since (commit
 * 0f65a9d33767).
 */
function unpostedOf(machine: KvmMachine, processor: LogicalProcessor, target: number): typeof kvmVcpuWakeUp {
  const kicks = vmOf(machine, vcpuOf(machine, target)).kicksUnposted === 1 && processor.vcpu !== target;
  return kicks ? kvmVcpuKick : kvmVcpuWakeUp;
}

/** Something is in a descriptor: its virtual CPU is told by an interrupt with `notification` if it is in guest mode, or woken. Linux `kvm_vcpu_trigger_posted_interrupt`. */
function kvmVcpuTriggerPostedInterrupt(notification: number) {
  return [
    stage(
      'read-mode',
      'vcpuModeRead',
      shared,
      (m, cpu, f: Delivery) => {
        const inGuest = load(m, cpu, vcpuMode, f.target) === VcpuMode.inGuestMode;
        observe(m, KvmRecord.modeRead, f.target, inGuest ? notification : notification + 0x100);
        if (!inGuest) return 'kvm_vcpu_wake_up';
        // A fastpath of the target itself, whose run loop will look at PIR.
        return cpu.vcpu === f.target && cpu.nonRoot === 0 ? done : undefined;
      },
      { line: modeLine, to: ['kvm_vcpu_wake_up'] },
    ),
    stage('notify', 'physicalIcrWrite', shared, (m, _cpu, f: Delivery) => {
      sendPhysicalIpi(m, vcpuOf(m, f.target).cpu, notification);
      return done;
    }),
    glue('kvm_vcpu_wake_up', (m, cpu, f: Delivery) => {
      call(m, cpu, unpostedOf(m, cpu, f.target)).target = f.target;
    }),
  ];
}

/**
 * Posts a vector to a virtual CPU's descriptor and notifies it if it is in guest mode, or wakes it. PIR, then ON, then the mode is read:
 * entry sets the mode, then reads ON, so one of the two sees the other. A poster in software does not look at SN. Linux
 * `vmx_deliver_posted_interrupt`.
 */
export const vmxDeliverPostedInterrupt = program(
  'vmx_deliver_posted_interrupt',
  () => ({ target: 0, vector: 0, pid: -1, urgent: 0, nv: 0, ndst: 0 }),
  [
    stage(
      'set-pir',
      'kvmPirUpdate',
      shared,
      (m, cpu, f) => {
        const pending = testBit((m.memory.descriptors[f.pid] as { pir: number[] }).pir, f.vector);
        observe(m, pending ? Record.coalesced : Record.posted, f.pid, f.vector);
        fence(m, cpu);
        // Who polls looks again and has the line again, before ON is set.
        notify(m, vcpuOf(m, f.target).channel);
        return setPir?.run(undefined, m.memory, f) === undefined ? undefined : done;
      },
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) },
    ),
    stage(
      'set-on',
      'kvmOnUpdate',
      shared,
      (m, cpu, f) => {
        fence(m, cpu);
        // Who polls looks at PIR, too: ON may be set for a request that does not end its sleep.
        notify(m, vcpuOf(m, f.target).channel);
        const descriptor = m.memory.descriptors[f.pid];
        const before = descriptor?.on;
        const outcome = setOn?.run(undefined, m.memory, f);
        if (before === 0 && descriptor?.on === 1) observe(m, Record.announced, f.pid, AnnouncedBy.software);
        return outcome !== undefined ? done : undefined;
      },
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) },
    ),
    ...kvmVcpuTriggerPostedInterrupt(HostVector.postedInterrupt),
  ],
);

/**
 * A notification for L2, whose PIR and ON L1 has written: noted, with a request to look; then the processor is notified if it is in guest
 * mode, or the virtual CPU woken. Noted before the mode is read, so that one that leaves L2 finds it before it enters again. Linux
 * `vmx_deliver_nested_posted_interrupt`.
 */
export const vmxDeliverNestedPostedInterrupt = program(
  'vmx_deliver_nested_posted_interrupt',
  () => ({ target: 0, vector: 0 }),
  [
    stage(
      'set-pi_pending',
      'nestedPiPending',
      shared,
      (m, _cpu, f) => {
        const target = vcpuOf(m, f.target);
        nestedOf(m, target).piPending = 1;
        observe(m, KvmRecord.nestedNotification, f.target, f.vector);
        notify(m, target.channel);
      },
      { line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine },
    ),
    makeEventRequest,
    ...kvmVcpuTriggerPostedInterrupt(HostVector.postedInterruptNested),
  ],
);

/**
 * Makes a vector pending on a virtual CPU: posted while APICv is active there, in IRR with a kick otherwise; unless it is a notification for its
 * active L2, by a copy of the vector, because vmcs12 is not the sender's to read. Linux
 * `vmx_deliver_interrupt`.
 */
export const vmxDeliverInterrupt = program('vmx_deliver_interrupt', () => ({ target: 0, vector: 0 }), [
  stage(
    'read-apicv_active',
    'apicvActiveRead',
    shared,
    (m, cpu, f) => {
      const target = vcpuOf(m, f.target);
      if (target.guestMode === 1 && nestedOf(m, target).postedIntrNv === f.vector) {
        const nested = call(m, cpu, vmxDeliverNestedPostedInterrupt);
        nested.target = f.target;
        nested.vector = f.vector;
        return undefined;
      }
      if (target.apicvActive === 0) return 'kvm_lapic_set_irr';
      const post = call(m, cpu, vmxDeliverPostedInterrupt);
      post.target = f.target;
      post.vector = f.vector;
      post.pid = target.pid;
      return undefined;
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.target).archLine, to: ['kvm_lapic_set_irr'] },
  ),
  glue('posted', (m, _cpu, f) => {
    observe(m, KvmRecord.apicvAcceptIrq, f.target, f.vector);
    return done;
  }),
  stage(
    'kvm_lapic_set_irr',
    'kvmPirUpdate',
    shared,
    (m, cpu, f) => {
      kvmLapicSetIrr(m, cpu, f);
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.target).descriptorLine },
  ),
  makeEventRequest,
  glue('kvm_vcpu_kick', (m, cpu, f) => {
    call(m, cpu, kvmVcpuKick).target = f.target;
  }),
]);
