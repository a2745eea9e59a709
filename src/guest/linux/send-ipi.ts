import { call } from '../../engine/frames.js';
import { notify, observe } from '../../engine/requests.js';
import { done, local, shared } from '../../engine/routine.js';
import { cli, sti, vmcall } from '../../hardware/instructions.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { Record } from '../../hardware/records.js';
import { Hypercall, type ParavirtMemory, Preempted } from '../../kvm/paravirt.js';
import { x2apicIcrWrite, xapicIcrWrite } from '../apic-driver.js';
import { AddressMode } from '../logical-mode.js';
import { cpuOf, type GuestMachine, guest, guestMemory, linuxGuest, thisCpu } from '../machine.js';
import { writeMsr } from '../msr.js';
import { hvSendIpiMask, ipiMaskOf, kvmSendIpiMask } from '../paravirt.js';
import { callIndirectly } from './clock.js';
import { PvIpi } from './state.js';

const { program, stage, glue } = guest;

/** The vectors of a Linux guest, Linux `arch/x86/include/asm/irq_vectors.h`; and one of a device driver's. */
export const LinuxVector = {
  reschedule: 0xfd,
  callFunction: 0xfc,
  callFunctionSingle: 0xfb,
  localTimer: 0xec,
  ping: 0x60,
} as const;

/** ICR bits: logical destination mode, and the shorthand for all but the sender. */
const logical = 0x800;
const allButSelf = 0xc_0000;

/** The ICR's destination for one CPU, by how this guest addresses. */
function destinationOf(machine: GuestMachine, processor: LogicalProcessor, target: number): number {
  const cpu = cpuOf(machine, processor, target);
  return guestMemory(machine, processor).addressMode === AddressMode.physical ? cpu.apicId : cpu.logicalId;
}

function icrValue(machine: GuestMachine, processor: LogicalProcessor, vector: number): number {
  return guestMemory(machine, processor).addressMode === AddressMode.physical ? vector : vector | logical;
}

function writeIcr(machine: GuestMachine, processor: LogicalProcessor, value: number, destination: number): undefined {
  const x2apic = guestMemory(machine, processor).x2apic === 1;
  const write = call(machine, processor, x2apic ? x2apicIcrWrite : xapicIcrWrite);
  write.value = value;
  write.destination = destination;
}

/** The hypercall to the CPUs of a mask, which `ipiMaskOf` takes. Linux `kvm_send_ipi_mask`, `hv_send_ipi_mask`. */
function sendByHypercall(
  machine: GuestMachine,
  processor: LogicalProcessor,
  cpus: readonly number[],
  vector: number,
): undefined {
  const mask = ipiMaskOf(machine, processor);
  mask.length = 0;
  mask.push(...cpus);
  const { pvIpi } = linuxGuest(machine, processor);
  if (pvIpi === PvIpi.kvm) call(machine, processor, kvmSendIpiMask).vector = vector;
  else call(machine, processor, hvSendIpiMask).vector = vector;
}

/**
 * True if one CPU is told by hypercall, too: always on Hyper-V's interface, which replaces `send_IPI`; on KVM's, which replaces `send_IPI_mask`, where the driver
 * sends to one by a mask of one, as that of the flat model does.
 */
function singleByHypercall(machine: GuestMachine, processor: LogicalProcessor): boolean {
  const { pvIpi } = linuxGuest(machine, processor);
  const { x2apic, addressMode } = guestMemory(machine, processor);
  return pvIpi === PvIpi.hyperv || (pvIpi === PvIpi.kvm && x2apic === 0 && addressMode === AddressMode.flat);
}

/**
 * An IPI to one CPU. Linux `apic->send_IPI`: `x2apic_send_IPI`, `default_send_IPI_single_phys`, `default_send_IPI_single` (a mask of one) of the flat model,
 * `hv_send_ipi`.
 */
export function sendIpi(machine: GuestMachine, processor: LogicalProcessor, target: number, vector: number): undefined {
  if (singleByHypercall(machine, processor)) {
    sendByHypercall(machine, processor, [target], vector);
  } else {
    writeIcr(machine, processor, icrValue(machine, processor, vector), destinationOf(machine, processor, target));
  }
  callIndirectly(machine, processor, linuxGuest(machine, processor).driverPointers);
}

/**
 * A call-function IPI to the CPUs of this CPU's `ipiMask`. In x2APIC mode after one fence a WRMSR for each: for each target in physical
 * mode, for each cluster in cluster mode. In xAPIC mode the ICR for each, or once for all of the flat model (or a cluster of the other). Linux
 * `__x2apic_send_IPI_mask` (of either driver), `default_send_IPI_mask_sequence_phys`, `flat_send_IPI_mask`.
 */
export const sendIpiMask = program('send_IPI_mask', () => ({ next: 0, destination: 0 }), [
  stage('wrmsr_fence', 'mfence', shared, (m, cpu) => cli(m, cpu)),
  stage(
    'for_each_cpu',
    'guestMaskStep',
    local,
    (m, cpu, f) => {
      const { ipiMask } = thisCpu(m, cpu);
      const target = ipiMask[f.next++];
      if (target === undefined) return 'local_irq_restore';
      f.destination = destinationOf(m, cpu, target);
      const { addressMode, x2apic } = guestMemory(m, cpu);
      if (addressMode === AddressMode.physical) return undefined;
      const clusterShift = x2apic === 1 ? 16 : addressMode === AddressMode.cluster ? 4 : 8;
      // The CPUs of a cluster follow one another: their bits go into one destination.
      for (let other = ipiMask[f.next]; other !== undefined; other = ipiMask[f.next]) {
        const destination = destinationOf(m, cpu, other);
        if (destination >>> clusterShift !== f.destination >>> clusterShift) break;
        f.destination = (f.destination | destination) >>> 0;
        f.next++;
      }
      return undefined;
    },
    { to: ['local_irq_restore'] },
  ),
  glue('write', (m, cpu, f) => {
    const value = icrValue(m, cpu, LinuxVector.callFunction);
    if (guestMemory(m, cpu).x2apic === 0) return writeIcr(m, cpu, value, f.destination);
    writeMsr(m, cpu, 0x830, value, f.destination);
    observe(m, Record.ipiSent, cpu.vcpu, LinuxVector.callFunction);
    return undefined;
  }),
  glue('next', () => 'for_each_cpu', { to: ['for_each_cpu'] }),
  stage('local_irq_restore', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
]);

/** True if the mask is every CPU but this one. */
function isAllButSelf(machine: GuestMachine, processor: LogicalProcessor): boolean {
  return thisCpu(machine, processor).ipiMask.length === linuxGuest(machine, processor).cpus.length - 1;
}

/**
 * A call-function IPI to the CPUs of this CPU's `ipiMask`: by the shorthand if that is all others and the kernel uses it,
 * by hypercall if it was offered, otherwise by the mask. Linux `native_send_call_func_ipi`.
 */
export const sendCallFunctionIpiMask = program('native_send_call_func_ipi', () => ({}), [
  stage('cpumask_equal', 'guestMaskStep', local, (m, cpu) => {
    const { broadcastShorthand, pvIpi } = linuxGuest(m, cpu);
    if (broadcastShorthand === 1 && isAllButSelf(m, cpu)) {
      return writeIcr(m, cpu, LinuxVector.callFunction | allButSelf, 0);
    }
    if (pvIpi === PvIpi.none) {
      call(m, cpu, sendIpiMask);
      return undefined;
    }
    return sendByHypercall(m, cpu, thisCpu(m, cpu).ipiMask, LinuxVector.callFunction);
  }),
  glue('sent', () => done),
]);

/** True if a CPU has a task to run, and its virtual CPU no processor. Linux `!idle_cpu(cpu) && vcpu_is_preempted(cpu)`. */
function waitsForProcessor(machine: GuestMachine, processor: LogicalProcessor, target: number): boolean {
  const { queued, wakePending } = cpuOf(machine, processor, target);
  const { firstVcpu } = linuxGuest(machine, processor);
  const { preempted } = machine.paravirt[firstVcpu + target] as ParavirtMemory;
  return (queued === 1 || wakePending === 1) && (preempted & Preempted.preempted) !== 0;
}

/**
 * A call-function IPI to the CPUs of `ipiMask`; then the caller lends its processor to the first of them that waits for one. Linux
 * `kvm_smp_send_call_func_ipi`.
 */
export const kvmSmpSendCallFuncIpi = program('kvm_smp_send_call_func_ipi', () => ({ next: 0, target: 0 }), [
  glue('native_send_call_func_ipi', (m, cpu) => {
    call(m, cpu, sendCallFunctionIpiMask);
    callIndirectly(m, cpu, linuxGuest(m, cpu).driverPointers);
  }),
  glue('for_each_cpu', (m, cpu, f) => {
    const target = linuxGuest(m, cpu).pvSchedYield === 1 ? thisCpu(m, cpu).ipiMask[f.next++] : undefined;
    if (target === undefined) return done;
    f.target = target;
    return undefined;
  }),
  stage(
    'vcpu_is_preempted',
    'guestLoads',
    shared,
    (m, cpu, f) => (waitsForProcessor(m, cpu, f.target) ? undefined : 'for_each_cpu'),
    {
      line: (m, cpu, f) => (m.paravirt[linuxGuest(m, cpu).firstVcpu + f.target] as ParavirtMemory).line,
      to: ['for_each_cpu'],
    },
  ),
  glue('kvm_hypercall1', (m, cpu, f) => {
    const hypercall = call(m, cpu, vmcall);
    hypercall.number = Hypercall.schedYield;
    hypercall.a0 = cpuOf(m, cpu, f.target).apicId;
  }),
]);

/**
 * Tells one CPU that its queue holds something: by the flag that a polling idle task looks at where the kernel does that, by
 * an IPI otherwise. Linux `send_call_function_single_ipi`.
 */
export const sendCallFunctionSingleIpi = program('send_call_function_single_ipi', () => ({ target: 0 }), [
  glue('kernel', (m, cpu) => (linuxGuest(m, cpu).pollingIdleRunsCalls === 1 ? undefined : 'arch_send'), {
    to: ['arch_send'],
  }),
  stage(
    'set_nr_if_polling',
    'guestAtomic',
    shared,
    (m, cpu, f) => (setNeedReschedIfPolling(m, cpu, f.target) ? done : undefined),
    { line: (m, cpu, f) => cpuOf(m, cpu, f.target).idleLine },
  ),
  glue('arch_send', (m, cpu, f) => sendIpi(m, cpu, f.target, LinuxVector.callFunctionSingle)),
]);

/** Linux `set_nr_if_polling`: true if the idle task of a CPU polls, and sees the flag by itself. */
function setNeedReschedIfPolling(machine: GuestMachine, processor: LogicalProcessor, target: number): boolean {
  const cpu = cpuOf(machine, processor, target);
  if (cpu.polling === 0) return false;
  cpu.needResched = 1;
  notify(machine, cpu.channel);
  return true;
}
