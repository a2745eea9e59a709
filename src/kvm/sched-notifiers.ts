import { call } from '../engine/frames.js';
import { local, shared } from '../engine/routine.js';
import { currentTask, runQueueOf } from '../host/machine.js';
import { restartApicTimer } from './lapic-timer.js';
import { kvm, makeRequest, VcpuRequest } from './machine.js';
import { taskVcpu, vmxVcpuPiLoad, vmxVcpuPiPut } from './pi-load-put.js';

const { program, stage, glue } = kvm;

/** A virtual CPU's task has been switched in. Linux `kvm_sched_in`, `kvm_arch_vcpu_load`, `vmx_vcpu_load`. */
export const kvmSchedIn = program('kvm_sched_in', () => ({}), [
  stage(
    'vmx_vcpu_load_vmcs',
    'vcpuLoad',
    shared,
    (m, cpu) => {
      const vcpu = taskVcpu(m, cpu);
      cpu.vcpu = vcpu.id;
      // Another processor still has the VMCS active: it has to clear it first.
      return vcpu.cpu === cpu.id ? 'vmx_vcpu_pi_load' : undefined;
    },
    { to: ['vmx_vcpu_pi_load'] },
  ),
  stage('loaded_vmcs_clear', 'vmcsMigrate', local, () => {}),
  glue('vmx_vcpu_pi_load', (m, cpu) => {
    call(m, cpu, vmxVcpuPiLoad);
  }),
  glue(
    'kvm_lapic_restart_hv_timer',
    (m, cpu) => {
      const vcpu = taskVcpu(m, cpu);
      if (vcpu.cpu === cpu.id) return 'set-cpu';
      if (vcpu.cpu >= 0) makeRequest(vcpu, VcpuRequest.migrateTimer);
      if (vcpu.lapicTimer.hvInUse === 1) call(m, cpu, restartApicTimer);
      return undefined;
    },
    { to: ['set-cpu'] },
  ),
  glue('restarted', () => undefined),
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
    // Whoever has not left the run queue goes on by itself, even if it was about to sleep. Linux `task_is_runnable`.
    taskVcpu(m, cpu).preempted = currentTask(m, cpu.id).onRunQueue;
  }),
  glue('vmx_vcpu_pi_put', (m, cpu) => {
    call(m, cpu, vmxVcpuPiPut);
  }),
  stage('vmx_prepare_switch_to_host', 'vcpuPutFinish', shared, (m, cpu) => {
    taskVcpu(m, cpu).loaded = 0;
    cpu.vcpu = -1;
  }),
]);
