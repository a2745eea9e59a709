import { call } from '../engine/frames.js';
import { notify, observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { compareExchange, fence, load } from '../engine/store-buffer.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { sendPhysicalIpi } from '../hardware/physical-apic.js';
import { SystemVector } from '../host/machine.js';
import { tryToWakeUp } from '../host/try-to-wake-up.js';
import { type KvmMachine, kvm, VcpuMode, vcpuMode, vcpuOf, vmOf } from './machine.js';
import { KvmRecord } from './records.js';
import { swakeUpOne } from './swait.js';

const { program, stage, glue } = kvm;

interface Target {
  target: number;
}

const line = (machine: KvmMachine, _processor: LogicalProcessor, f: Target): number =>
  vcpuOf(machine, f.target).modeLine;

/**
 * Wakes a virtual CPU's task if it waits. Returns 1 if it did. Linux `kvm_vcpu_wake_up`, `rcuwait_wake_up`; `swq_has_sleeper` before 5.8.
 */
export const kvmVcpuWakeUp = program('kvm_vcpu_wake_up', () => ({ target: 0 }), [
  stage(
    'rcuwait_wake_up',
    'rcuwaitWakeUp',
    shared,
    (m, cpu, f) => {
      const target = vcpuOf(m, f.target);
      fence(m, cpu);
      notify(m, target.channel);
      if (target.waiter === 0) return 0;
      if (vmOf(m, target).rcuwait === 0) call(m, cpu, swakeUpOne).target = f.target;
      else call(m, cpu, tryToWakeUp).task = target.task;
      return undefined;
    },
    { line },
  ),
  glue('woken', (m, _cpu, f, woken) => {
    if (woken === 1) observe(m, KvmRecord.haltWakeup, f.target);
    return woken;
  }),
]);

/**
 * Makes a virtual CPU look at its requests: wakes it, or gets it out of the guest. Linux `kvm_vcpu_kick`.
 */
export const kvmVcpuKick = program('kvm_vcpu_kick', () => ({ target: 0 }), [
  glue('kvm_vcpu_wake_up', (m, cpu, f) => {
    call(m, cpu, kvmVcpuWakeUp).target = f.target;
  }),
  glue('woken', (_m, _cpu, _f, woken) => (woken === 1 ? done : undefined)),
  stage(
    'kvm_arch_vcpu_should_kick',
    'vcpuKick',
    shared,
    (m, cpu, f) => {
      const self = cpu.vcpu === f.target;
      // Its own context: it will look before it enters, if it has the mark.
      if (self && load(m, cpu, vcpuMode, f.target) !== VcpuMode.inGuestMode) return done;
      const old = compareExchange(m, cpu, vcpuMode, f.target, VcpuMode.inGuestMode, VcpuMode.exitingGuestMode);
      return self || old !== VcpuMode.inGuestMode ? done : undefined;
    },
    { line },
  ),
  stage('smp_send_reschedule', 'physicalIcrWrite', shared, (m, cpu, f) => {
    const { cpu: processor } = vcpuOf(m, f.target);
    if (processor !== cpu.id) sendPhysicalIpi(m, processor, SystemVector.reschedule);
  }),
]);
