import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { local, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { fence } from '../engine/store-buffer.js';
import { askForL1dFlush } from '../hardware/external-interrupt.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { currentTask, runQueueOf, TaskState } from '../host/machine.js';
import { avicVcpuLoad, avicVcpuPut } from './avic.js';
import { isBlocking } from './halt.js';
import { restartApicTimer } from './lapic-timer.js';
import { type KvmMachine, type KvmVcpu, type KvmVm, kvm, makeRequest, VcpuRequest, vmOf } from './machine.js';
import { type ParavirtMemory, Preempted } from './paravirt.js';
import { taskVcpu, vmxVcpuPiLoad, vmxVcpuPiPut } from './pi-load-put.js';
import { setPleWindow, shrinkPleWindow } from './ple-window.js';
import { KvmRecord } from './records.js';

const { program, stage, glue } = kvm;

/** True if the guest looks at the steal-time record: for shootdowns, or for whom to lend its processor. */
function usesStealTime({ pvTlbFlush, pvSchedYield }: KvmVm): boolean {
  return pvTlbFlush === 1 || pvSchedYield === 1;
}

/**
 * True if its guest is told that it does not run: whenever it is switched out, asleep or preempted; since 5.19 not in the middle of an
 * instruction that KVM emulates, so that what was translated for it stays good. Linux `kvm_steal_time_set_preempted`.
 */
function tellsPreempted(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const vm = vmOf(machine, vcpu);
  return usesStealTime(vm) && (vm.preemptedAtBoundary === 0 || vcpu.atInstructionBoundary === 1);
}

/**
 * True if it has been woken from a wait queue and has not looked yet whether it goes on: until it has, AVIC takes it for one that does not run.
 * Linux before 5.17: `avic_is_running`; later kernels ask whether it waits.
 */
function blocksOnQueue(machine: KvmMachine, processor: LogicalProcessor, vcpu: KvmVcpu): boolean {
  return vmOf(machine, vcpu).rcuwait === 0 && isBlocking(machine.threads[processor.thread] as Thread);
}

/** A virtual CPU's task has been switched in. Linux `kvm_sched_in`, `kvm_arch_vcpu_load`, `vmx_vcpu_load`. */
export const kvmSchedIn = program('kvm_sched_in', () => ({}), [
  stage(
    'vmx_vcpu_load_vmcs',
    'vcpuLoad',
    shared,
    (m, cpu) => {
      const vcpu = taskVcpu(m, cpu);
      cpu.vcpu = vcpu.id;
      askForL1dFlush(cpu);
      // Another processor still has the VMCS active: it has to clear it first.
      return vcpu.cpu === cpu.id ? 'vmx_vcpu_pi_load' : undefined;
    },
    { to: ['vmx_vcpu_pi_load'] },
  ),
  stage('loaded_vmcs_clear', 'vmcsMigrate', local, () => {}),
  glue('vmx_vcpu_pi_load', (m, cpu) => {
    const vcpu = taskVcpu(m, cpu);
    if (vcpu.svm === 0) call(m, cpu, vmxVcpuPiLoad);
    else if (!blocksOnQueue(m, cpu, vcpu)) call(m, cpu, avicVcpuLoad).vcpu = vcpu.id;
  }),
  glue(
    'kvm_lapic_restart_hv_timer',
    (m, cpu) => {
      const vcpu = taskVcpu(m, cpu);
      if (vcpu.cpu === cpu.id) return 'steal-time';
      if (vcpu.cpu >= 0) makeRequest(vcpu, VcpuRequest.migrateTimer);
      if (vcpu.lapicTimer.hvInUse === 1) call(m, cpu, restartApicTimer);
      return undefined;
    },
    { to: ['steal-time'] },
  ),
  glue('restarted', () => undefined),
  // The guest sees whether somebody asked for a flush of its TLB meanwhile.
  glue('steal-time', (m, cpu) => (usesStealTime(vmOf(m, taskVcpu(m, cpu))) ? undefined : 'shrink_ple_window'), {
    to: ['shrink_ple_window'],
  }),
  stage(
    'record_steal_time',
    'recordStealTime',
    shared,
    (m, cpu) => {
      fence(m, cpu);
      const memory = m.paravirt[taskVcpu(m, cpu).id] as ParavirtMemory;
      const flush = (memory.preempted & Preempted.flushTlb) !== 0;
      if (vmOf(m, taskVcpu(m, cpu)).pvTlbFlush === 1)
        observe(m, KvmRecord.pvTlbFlush, taskVcpu(m, cpu).id, flush ? 1 : 0);
      memory.preempted = 0;
      if (flush) memory.tlbFlushes++;
    },
    { line: (m, cpu) => (m.paravirt[taskVcpu(m, cpu).id] as ParavirtMemory).line },
  ),
  glue('shrink_ple_window', (m, cpu) => {
    setPleWindow(m, taskVcpu(m, cpu), shrinkPleWindow);
  }),
  stage(
    'set-cpu',
    'vcpuLoadFinish',
    shared,
    (m, cpu) => {
      const vcpu = taskVcpu(m, cpu);
      vcpu.cpu = cpu.id;
      vcpu.loaded = 1;
      vcpu.channel = runQueueOf(m, cpu.id).channel;
      vcpu.preempted = 0;
    },
    { line: (m, cpu) => taskVcpu(m, cpu).modeLine },
  ),
]);

/** A virtual CPU's task is about to be switched out. Linux `kvm_sched_out`, `kvm_arch_vcpu_put`, `vmx_vcpu_put`. */
export const kvmSchedOut = program('kvm_sched_out', () => ({}), [
  stage('set-preempted', 'vcpuPut', shared, (m, cpu) => {
    const vcpu = taskVcpu(m, cpu);
    const { onRunQueue, state } = currentTask(m, cpu.id);
    // Whoever has not left the run queue goes on by itself, even if it was about to sleep. Linux `task_is_runnable`; before 5.14 (commit 3ba9f93b1287)
    // one that was about to sleep did not count as preempted.
    const counts = vmOf(m, vcpu).preemptedByState === 0 || state === TaskState.running;
    vcpu.preempted = onRunQueue === 1 && counts ? 1 : 0;
  }),
  glue('steal-time', (m, cpu) => (tellsPreempted(m, taskVcpu(m, cpu)) ? undefined : 'vmx_vcpu_pi_put'), {
    to: ['vmx_vcpu_pi_put'],
  }),
  stage(
    'kvm_steal_time_set_preempted',
    'recordStealTime',
    shared,
    (m, cpu) => {
      fence(m, cpu);
      (m.paravirt[taskVcpu(m, cpu).id] as ParavirtMemory).preempted = Preempted.preempted;
    },
    { line: (m, cpu) => (m.paravirt[taskVcpu(m, cpu).id] as ParavirtMemory).line },
  ),
  glue('vmx_vcpu_pi_put', (m, cpu) => {
    if (taskVcpu(m, cpu).svm === 1) call(m, cpu, avicVcpuPut).vcpu = taskVcpu(m, cpu).id;
    else call(m, cpu, vmxVcpuPiPut);
  }),
  stage('vmx_prepare_switch_to_host', 'vcpuPutFinish', shared, (m, cpu) => {
    taskVcpu(m, cpu).loaded = 0;
    cpu.vcpu = -1;
  }),
]);
