import { highestBit } from '../arch/bits256.js';
import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { type HostMachine, runQueueOf, type Task, TaskState } from '../host/machine.js';
import { yieldTo } from '../host/yield-to.js';
import { descriptorOf, type KvmMachine, type KvmVcpu, type KvmVm, kvm, VcpuRequest, vcpuOf } from './machine.js';
import { KvmRecord } from './records.js';

const { program, stage, glue } = kvm;

function taskOf(machine: KvmMachine, vcpu: KvmVcpu): Task {
  return machine.tasks[vcpu.task] as Task;
}

/** `vcpu->ready`: woken or preempted, and waiting for a processor. */
function isReady(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const task = taskOf(machine, vcpu);
  return task.onRunQueue === 1 && task.onCpu === 0 && task.state === TaskState.running;
}

/** True if a processor has one task to run and no more. */
function isAlone(machine: HostMachine, processor: number): boolean {
  return runQueueOf(machine, processor).queue.length === 0;
}

/** Yields to one virtual CPU, if it waits for a processor and somebody competes for this one. Linux `kvm_sched_yield`. */
export const kvmSchedYield = program('kvm_sched_yield', () => ({ target: 0 }), [
  stage('check', 'onSpinCheck', shared, (m, cpu, f) => {
    const target = vcpuOf(m, f.target);
    if (isAlone(m, cpu.id) || !isReady(m, target) || target.id === cpu.vcpu) return done;
    call(m, cpu, yieldTo).task = target.task;
    return undefined;
  }),
  glue('yielded', () => done),
]);

/**
 * True if a virtual CPU may be yielded to now: one that itself spins is, and is not, by turns, because it may wait for the same lock. Changes
 * its turn. Linux `kvm_vcpu_eligible_for_directed_yield`.
 */
function isEligible(vcpu: KvmVcpu): boolean {
  const eligible = vcpu.inSpinLoop === 0 || vcpu.dyEligible === 1;
  if (vcpu.inSpinLoop === 1) vcpu.dyEligible = 1 - vcpu.dyEligible;
  return eligible;
}

const worthWaking = VcpuRequest.nmi | VcpuRequest.smi | VcpuRequest.event;

/**
 * True if a virtual CPU that blocks would find something to do: a look from another processor, which must change nothing. While SN is 1 nobody
 * sets ON, so what is in PIR counts then. Linux `kvm_arch_dy_runnable`, `pi_has_pending_interrupt`.
 */
function isDyRunnable(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  if (vcpu.pvUnhalted === 1 || (vcpu.requests & worthWaking) !== 0) return true;
  if (vcpu.apicvActive === 0 || vcpu.svm === 1) return false;
  const { on, sn, pir } = descriptorOf(machine, vcpu);
  return on === 1 || (sn === 1 && highestBit(pir) >= 0);
}

/** Failed attempts after which it gives up. */
const mostFailures = 3;

/**
 * This virtual CPU spins: lends its processor to another of its VM that waits for one and may hold what this one waits for. Begins behind
 * the one that was lent to last, goes once round, and gives up after three failures. Linux `kvm_vcpu_on_spin`.
 */
export const kvmVcpuOnSpin = program('kvm_vcpu_on_spin', () => ({ next: 0, tries: mostFailures }), [
  stage('kvm_vcpu_set_in_spin_loop', 'onSpinCheck', shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.inSpinLoop = 1;
    f.next = 1;
  }),
  stage(
    'kvm_for_each_vcpu',
    'onSpinCheck',
    shared,
    (m, cpu, f) => {
      const own = currentVcpu(m, cpu);
      const vm = m.vms[own.vm] as KvmVm;
      const count = vm.vcpus.length;
      if (f.next > count) return 'clear';
      const place = (vm.lastBoosted + f.next++) % count;
      const target = vcpuOf(m, vm.vcpus[place] as number);
      if (target.id === own.id || !isReady(m, target)) return 'kvm_for_each_vcpu';
      // One that sleeps and has nothing to wake up for would only sleep again.
      if (target.waiter === 1 && !isDyRunnable(m, target)) return 'kvm_for_each_vcpu';
      if (!isEligible(target)) return 'kvm_for_each_vcpu';
      call(m, cpu, yieldTo).task = target.task;
      return undefined;
    },
    { to: ['kvm_for_each_vcpu', 'clear'] },
  ),
  stage(
    'kvm_vcpu_yield_to',
    'onSpinCheck',
    shared,
    (m, cpu, f, yielded) => {
      const own = currentVcpu(m, cpu);
      const vm = m.vms[own.vm] as KvmVm;
      observe(m, KvmRecord.directedYield, own.id, yielded === 1 ? 1 : 0);
      if (yielded === 1) {
        vm.lastBoosted = (vm.lastBoosted + f.next - 1) % vm.vcpus.length;
        return undefined;
      }
      // Only where nobody could be helped counts as a failure; one that runs already does not.
      if (yielded < 0) f.tries--;
      return f.tries > 0 ? 'kvm_for_each_vcpu' : undefined;
    },
    { to: ['kvm_for_each_vcpu'] },
  ),
  // It becomes eligible again for the next time.
  stage('clear', 'onSpinCheck', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.inSpinLoop = 0;
    vcpu.dyEligible = 0;
  }),
]);
