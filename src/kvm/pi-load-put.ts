import { highestBit } from '../arch/bits256.js';
import { call } from '../engine/frames.js';
import { notify, observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { physicalEoi, sendPhysicalIpi } from '../hardware/physical-apic.js';
import { currentTask, TaskState } from '../host/machine.js';
import { tryToWakeUp } from '../host/try-to-wake-up.js';
import { interruptBlocked } from './interruptibility.js';
import { kvmVcpuKick, kvmVcpuWakeUp } from './kick.js';
import {
  descriptorOf,
  HostVector,
  type KvmMachine,
  type KvmVcpu,
  type KvmVm,
  kvm,
  makeRequest,
  VcpuRequest,
  vcpuOf,
  vmOf,
} from './machine.js';
import { KvmRecord } from './records.js';
import { addToWakeupList, removeFromWakeupList } from './wakeup-list.js';

const { program, stage, glue } = kvm;

/** The cache line of the descriptor of the virtual CPU here. */
export function ownLine(machine: KvmMachine, processor: LogicalProcessor): number {
  return currentVcpu(machine, processor).descriptorLine;
}

/** The virtual CPU of the task that runs on a processor. */
export function taskVcpu(machine: KvmMachine, processor: LogicalProcessor): KvmVcpu {
  return vcpuOf(machine, currentTask(machine, processor.id).owner);
}

/** True if somebody may post without telling the host: another guest CPU by IPI virtualization, or a device. Linux `vmx_needs_pi_wakeup`. */
export function needsPiWakeup(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const vm = vmOf(machine, vcpu);
  return vm.apicv === 1 && vm.svm === 0 && (vm.ipiVirtualization === 1 || vm.bypassCount > 0);
}

/** ON and SN as the descriptor's control word had them when it was read. What else it holds only this side writes. */
export const controlLocals = () => ({ on: 0, sn: 0 });
export type Control = ReturnType<typeof controlLocals>;

/** Reads the control word once: both the expected and the new value are made from that. Linux `pi_try_set_control`. */
export function readControl(machine: KvmMachine, processor: LogicalProcessor, f: Control): undefined {
  const { on, sn } = descriptorOf(machine, currentVcpu(machine, processor));
  f.on = on;
  f.sn = sn;
}

/** The first half of a compare and exchange of the control word: true if it still is what was read. Otherwise what it is has been read. */
export function isAsRead(machine: KvmMachine, processor: LogicalProcessor, f: Control): boolean {
  fence(machine, processor);
  const { on, sn } = descriptorOf(machine, currentVcpu(machine, processor));
  if (on === f.on && sn === f.sn) return true;
  f.on = on;
  f.sn = sn;
  return false;
}

/**
 * A virtual CPU has been placed on a processor: its descriptor names that processor, notifications go there, nothing is suppressed; and
 * what was posted while they were gets its ON. Linux `vmx_vcpu_pi_load`. `vcpu->cpu` still is the processor before.
 */
export const vmxVcpuPiLoad = program('vmx_vcpu_pi_load', controlLocals, [
  stage(
    'read-nv',
    'piLoad',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (vmOf(m, vcpu).apicv === 0 || vcpu.svm === 1) return done;
      const { nv, sn } = descriptorOf(m, vcpu);
      if (vmOf(m, vcpu).blockHooks === 1) {
        if (sn === 0 && vcpu.cpu === cpu.id) return done;
        // One that blocks stays where its wakeup vector goes: that is given up when it has blocked.
        return nv === HostVector.postedInterruptWakeup || vcpu.cpu === cpu.id ? undefined : 'read-control';
      }
      if (nv === HostVector.postedInterruptWakeup || vcpu.cpu !== cpu.id) return 'list_del';
      return sn === 1 ? undefined : done;
    },
    { line: ownLine, to: ['list_del', 'read-control'] },
  ),
  stage(
    'clear-sn',
    'piControlUpdate',
    shared,
    (m, cpu) => {
      fence(m, cpu);
      descriptorOf(m, currentVcpu(m, cpu)).sn = 0;
      return 'set-on';
    },
    { line: ownLine, to: ['set-on'] },
  ),
  stage('list_del', 'piWakeupList', shared, (m, cpu) => {
    removeFromWakeupList(m, currentVcpu(m, cpu));
  }),
  stage('read-control', 'piControlRead', shared, readControl, { line: ownLine }),
  stage(
    'cmpxchg-control',
    'piControlUpdate',
    shared,
    (m, cpu, f) => {
      if (!isAsRead(m, cpu, f)) return 'cmpxchg-control';
      const descriptor = descriptorOf(m, currentVcpu(m, cpu));
      // The host's APICs are in x2APIC mode: the whole word is the ID.
      descriptor.ndst = cpu.apic.id;
      descriptor.on = f.on;
      descriptor.sn = 0;
      descriptor.nv = HostVector.postedInterrupt;
      return undefined;
    },
    { line: ownLine, to: ['cmpxchg-control'] },
  ),
  stage(
    'set-on',
    'piLoad',
    shared,
    (m, cpu) => {
      fence(m, cpu);
      const descriptor = descriptorOf(m, currentVcpu(m, cpu));
      if (highestBit(descriptor.pir) >= 0) descriptor.on = 1;
    },
    { line: ownLine },
  ),
]);

/**
 * A virtual CPU leaves its processor, interrupts off. If it sleeps, notifications become wake-ups here; if it was preempted they are
 * suppressed. Only where somebody can post without the host. Before 5.17 (commit d76fb40637fc) the first was done before it blocked. Linux `vmx_vcpu_pi_put`.
 */
export const vmxVcpuPiPut = program('vmx_vcpu_pi_put', controlLocals, [
  stage(
    'need',
    'piPut',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (!needsPiWakeup(m, vcpu)) return done;
      // Who blocks has been made ready for that by `pi_pre_block`.
      if (vmOf(m, vcpu).blockHooks === 1) return vcpu.preempted === 1 ? 'set-sn' : done;
      return vcpu.preempted === 0 && vcpu.waiter === 1 && !interruptBlocked(m, vcpu) ? undefined : 'set-sn';
    },
    { to: ['set-sn'] },
  ),
  stage('list_add', 'piWakeupList', shared, (m, cpu) => {
    addToWakeupList(m, currentVcpu(m, cpu), cpu.id);
  }),
  stage('read-control', 'piControlRead', shared, readControl, { line: ownLine }),
  stage(
    'cmpxchg-nv',
    'piControlUpdate',
    shared,
    (m, cpu, f) => {
      if (!isAsRead(m, cpu, f)) return 'cmpxchg-nv';
      const descriptor = descriptorOf(m, currentVcpu(m, cpu));
      descriptor.nv = HostVector.postedInterruptWakeup;
      descriptor.on = f.on;
      // What was posted before was told to nobody who could wake it.
      return f.on === 1 ? undefined : done;
    },
    { line: ownLine, to: ['cmpxchg-nv'] },
  ),
  stage('self-ipi', 'physicalIcrWrite', shared, (m, cpu) => {
    sendPhysicalIpi(m, cpu.id, HostVector.postedInterruptWakeup);
    return done;
  }),
  stage(
    'set-sn',
    'piControlUpdate',
    shared,
    (m, cpu) => {
      fence(m, cpu);
      descriptorOf(m, currentVcpu(m, cpu)).sn = 1;
    },
    { line: ownLine },
  ),
]);

/**
 * Wakes the virtual CPUs that went to sleep on this processor and have had something posted. Who has been woken no longer means to sleep,
 * so each look finds the next one. Linux `pi_wakeup_handler`.
 */
export const piWakeupHandler = program('pi_wakeup_handler', () => ({}), [
  stage('eoi', 'hostInterruptHandler', shared, (_m, cpu) => {
    physicalEoi(cpu);
  }),
  stage('list_for_each_entry', 'piWakeupList', shared, (m, cpu) => {
    for (const id of m.wakeupLists[cpu.id] as number[]) {
      const vcpu = vcpuOf(m, id);
      const asleep = vcpu.waiter === 1 && m.tasks[vcpu.task]?.state !== TaskState.running;
      if (!asleep || descriptorOf(m, vcpu).on === 0) continue;
      observe(m, KvmRecord.haltWakeup, vcpu.id);
      if (vmOf(m, vcpu).rcuwait === 0) call(m, cpu, kvmVcpuWakeUp).target = id;
      else call(m, cpu, tryToWakeUp).task = vcpu.task;
      return undefined;
    }
    return done;
  }),
  glue('next', () => 'list_for_each_entry', { to: ['list_for_each_entry'] }),
]);

/**
 * The first interrupt of a VM that an IOMMU may post: virtual CPUs that sleep already do so without their wakeup vector, so all of them
 * are woken to go to sleep again with it. Linux `vmx_pi_start_bypass`.
 */
export const vmxPiStartBypass = program('vmx_pi_start_bypass', () => ({ vm: 0, next: 0 }), [
  stage('count', 'piLoad', shared, (m, _cpu, f) => {
    const vm = m.vms[f.vm] as KvmVm;
    return ++vm.bypassCount > 1 ? done : undefined;
  }),
  stage('kvm_make_all_cpus_request', 'makeRequest', shared, (m, cpu, f) => {
    const target = (m.vms[f.vm] as KvmVm).vcpus[f.next++];
    if (target === undefined) return done;
    makeRequest(vcpuOf(m, target), VcpuRequest.unblock);
    notify(m, vcpuOf(m, target).channel);
    call(m, cpu, kvmVcpuKick).target = target;
    return undefined;
  }),
  glue('next', () => 'kvm_make_all_cpus_request', { to: ['kvm_make_all_cpus_request'] }),
]);
