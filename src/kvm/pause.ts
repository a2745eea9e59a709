import { call } from '../engine/frames.js';
import { notify } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import { currentVcpu } from '../hardware/machine.js';
import { currentTask, TaskState } from '../host/machine.js';
import { schedule } from '../host/schedule.js';
import { kvmVcpuKick } from './kick.js';
import { type KvmVm, kvm, vcpuOf } from './machine.js';

const { program, stage, glue } = kvm;

/** KVM_RUN has returned for a signal: the thread says that it has stopped, and waits. QEMU `qemu_wait_io_event`. */
export const qemuWaitIoEvent = program('qemu_wait_io_event', () => ({}), [
  stage('stop', 'userspaceExit', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.signalPending === 0) {
      vcpu.stopped = 0;
      return done;
    }
    vcpu.stopped = 1;
    currentTask(m, cpu.id).state = TaskState.interruptible;
    call(m, cpu, schedule);
    return undefined;
  }),
  glue('again', () => 'stop', { to: ['stop'] }),
]);

/** Stops the virtual CPUs of a VM: a signal to each thread, and a kick. They have stopped when `stopped` says so. QEMU `pause_all_vcpus`. */
export const pauseAllVcpus = program('pause_all_vcpus', () => ({ vm: 0, next: 0 }), [
  stage('qemu_cpu_kick', 'makeRequest', shared, (m, cpu, f) => {
    const target = (m.vms[f.vm] as KvmVm).vcpus[f.next++];
    if (target === undefined) return done;
    const vcpu = vcpuOf(m, target);
    fence(m, cpu);
    vcpu.signalPending = 1;
    notify(m, vcpu.channel);
    call(m, cpu, kvmVcpuKick).target = target;
    return undefined;
  }),
  glue('next', () => 'qemu_cpu_kick', { to: ['qemu_cpu_kick'] }),
]);
