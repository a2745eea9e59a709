import { clearBit, setBit } from '../arch/bits256.js';
import { DeliveryMode, icrDeliveryMode, icrLevel, icrTriggerMode } from '../arch/icr.js';
import { call } from '../engine/frames.js';
import { notify, observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { isApicEnabled } from './apic-map.js';
import { vmxDeliverInterrupt } from './deliver.js';
import { kvmVcpuKick } from './kick.js';
import { type KvmMachine, kvm, makeRequest, PendingEvent, VcpuRequest, vcpuOf } from './machine.js';
import { KvmRecord } from './records.js';
import { svmDeliverInterrupt } from './svm-deliver.js';

const { program, stage, glue } = kvm;

/** Delivery mode 3, which once read a register of another APIC. Linux `APIC_DM_REMRD`. */
const remoteRead = 3;
/** The message with which KVM_HC_KICK_CPU wakes a virtual CPU. */
export const acceptedRemoteRead = remoteRead << 8;

interface Accepted {
  target: number;
  low: number;
}

function kickFor(machine: KvmMachine, processor: LogicalProcessor, target: number, request: number): undefined {
  fence(machine, processor);
  makeRequest(vcpuOf(machine, target), request);
  notify(machine, vcpuOf(machine, target).channel);
  call(machine, processor, kvmVcpuKick).target = target;
}

/** INIT, SIPI, NMI and SMI at their target: noted there, and the target kicked. */
function acceptEvent(machine: KvmMachine, processor: LogicalProcessor, f: Accepted): undefined {
  const target = vcpuOf(machine, f.target);
  switch (icrDeliveryMode(f.low)) {
    case DeliveryMode.nmi:
      target.nmiQueued = Math.min(target.nmiQueued + 1, 2);
      return kickFor(machine, processor, f.target, VcpuRequest.nmi);
    case DeliveryMode.smi:
      return kickFor(machine, processor, f.target, VcpuRequest.smi);
    case DeliveryMode.init:
      // The level de-assert of old does nothing; a SIPI that was latched is lost.
      if (icrTriggerMode(f.low) === 1 && icrLevel(f.low) === 0) return undefined;
      target.pendingEvents = PendingEvent.init;
      return kickFor(machine, processor, f.target, VcpuRequest.event);
    case DeliveryMode.startUp:
      target.sipiVector = f.low & 0xff;
      target.pendingEvents |= PendingEvent.sipi;
      return kickFor(machine, processor, f.target, VcpuRequest.event);
    case remoteRead:
      // KVM's use of a mode that processors no longer have.
      target.pvUnhalted = 1;
      return kickFor(machine, processor, f.target, VcpuRequest.event);
    default:
      return undefined;
  }
}

/**
 * An interrupt message at the local APIC of a virtual CPU. Linux `__apic_accept_irq`.
 *
 * Operands: `low` as bits 31:0 of an ICR.
 */
export const apicAcceptIrq = program('__apic_accept_irq', () => ({ target: 0, low: 0 }), [
  stage(
    'accept',
    'acceptIrq',
    shared,
    (m, cpu, f) => {
      observe(m, KvmRecord.acceptIrq, f.target, f.low);
      const mode = icrDeliveryMode(f.low);
      if (mode !== DeliveryMode.fixed && mode !== DeliveryMode.lowestPriority) return 'event';
      const target = vcpuOf(m, f.target);
      if (mode === DeliveryMode.lowestPriority) target.arbitration++;
      const level = icrTriggerMode(f.low) === 1;
      if (!isApicEnabled(target) || (level && icrLevel(f.low) === 0)) return done;
      const vector = f.low & 0xff;
      if (level) setBit(target.page.tmr, vector);
      else clearBit(target.page.tmr, vector);
      const deliver = call(m, cpu, target.svm === 1 ? svmDeliverInterrupt : vmxDeliverInterrupt);
      deliver.target = f.target;
      deliver.vector = vector;
      return undefined;
    },
    { to: ['event'] },
  ),
  glue('delivered', () => done),
  stage('event', 'makeRequest', shared, (m, cpu, f) => acceptEvent(m, cpu, f), {
    line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine,
  }),
]);
