import { highestBit } from '../arch/bits256.js';
import { DeliveryMode, icrDeliveryMode } from '../arch/icr.js';
import { call } from '../engine/frames.js';
import { arm } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { physicalEoi } from '../hardware/physical-apic.js';
import { timerUse } from '../hardware/timer-uses.js';
import { currentTask, TaskState } from '../host/machine.js';
import { schedule } from '../host/schedule.js';
import { nanosleep } from '../host/sleep.js';
import { tryToWakeUp } from '../host/try-to-wake-up.js';
import { matchesVcpu } from './apic-map.js';
import { kvmIoapicSetIrq } from './ioapic.js';
import { type AssignedDevice, type KvmMachine, type KvmVm, kvm, vcpuOf } from './machine.js';
import { vmxPiStartBypass } from './pi-load-put.js';
import { kvmIrqDeliveryToApic } from './send-ipi.js';

const { program, stage, glue } = kvm;

function deviceOf(machine: KvmMachine, device: number): AssignedDevice {
  return machine.devices[device] as AssignedDevice;
}

/**
 * The host's handler of an assigned device's interrupt, which remapping sent to this processor: it signals the eventfd, and with that a message
 * is injected right here, a line by a worker. Linux `vfio_msihandler`, `vfio_intx_handler`, `irqfd_wakeup`, `kvm_arch_set_irq_inatomic`.
 */
export const vfioInterruptHandler = program('vfio_interrupt_handler', () => ({ device: -1 }), [
  stage('eoi', 'hostInterruptHandler', shared, (m, cpu, f) => {
    const vector = highestBit(cpu.apic.isr);
    f.device = m.devices.findIndex((device) => device.processor === cpu.id && device.hostVector === vector);
    physicalEoi(cpu);
  }),
  stage('eventfd_signal', 'eventfdSignal', shared, (m, cpu, f) => {
    const device = deviceOf(m, f.device);
    if (device.pin < 0) {
      const irq = call(m, cpu, kvmIrqDeliveryToApic);
      irq.vm = device.vm;
      irq.low = device.low;
      irq.destination = vcpuOf(m, device.target).vcpuId;
      return;
    }
    // The I/O APIC's lock may sleep: `schedule_work`.
    device.pending = 1;
    call(m, cpu, tryToWakeUp).task = device.worker;
  }),
  glue('irqfd_wakeup', () => done),
]);

/** The worker that asserts a line, once for each signal. Linux `irqfd_inject`. */
export const irqfdInject = program('irqfd_inject', () => ({ device: 0 }), [
  stage('work', 'irqfdInject', shared, (m, cpu, f) => {
    const device = deviceOf(m, f.device);
    if (device.pending === 0) {
      currentTask(m, cpu.id).state = TaskState.interruptible;
      call(m, cpu, schedule);
      return undefined;
    }
    device.pending = 0;
    const line = call(m, cpu, kvmIoapicSetIrq);
    line.vm = device.vm;
    line.pin = device.pin;
    line.level = 1;
    return undefined;
  }),
  glue('next', () => 'work', { to: ['work'] }),
]);

/** The device's interrupts go to this virtual CPU from now on: in posted format straight to its descriptor. Linux `vmx_pi_update_irte`. */
function route(machine: KvmMachine, device: AssignedDevice, target: number): void {
  device.target = target;
  if (device.posted === 1) timerUse(machine, device.timer).owner = vcpuOf(machine, target).pid;
}

/** An interrupt-remapping entry that goes to the host; one in posted format is 256 × descriptor + vector. */
export const remapped = -1;

/**
 * A guest has given an assigned device another message: its interrupt-remapping entry is in posted format if the message is fixed and has one
 * receiver, with APICv; anything else the host takes and delivers, also if it was posted before. `entry` is the entry as it is; returns what it
 * becomes, in one write. Linux `kvm_pi_update_irte`, `vmx_pi_update_irte`, `kvm_intr_is_single_vcpu`.
 */
export const kvmPiUpdateIrte = program(
  'kvm_pi_update_irte',
  () => ({ vm: 0, low: 0, destination: 0, entry: remapped, target: -1 }),
  [
    stage('kvm_intr_is_single_vcpu', 'apicMapLookup', shared, (m, _cpu, f) => {
      const vm = m.vms[f.vm] as KvmVm;
      const message = { source: -1, low: f.low, destination: f.destination };
      const receivers = vm.vcpus.filter((id) => matchesVcpu(m, message, vcpuOf(m, id)));
      const postable = vm.apicv === 1 && vm.svm === 0 && icrDeliveryMode(f.low) === DeliveryMode.fixed;
      f.target = postable && receivers.length === 1 ? (receivers[0] as number) : -1;
    }),
    glue('vmx_pi_start_bypass', (m, cpu, f) => {
      if (f.target >= 0 && (m.vms[f.vm] as KvmVm).bypassCount === 0) call(m, cpu, vmxPiStartBypass).vm = f.vm;
    }),
    stage('irq_set_vcpu_affinity', 'modifyIrte', shared, (m, _cpu, f) =>
      f.target < 0 ? remapped : 256 * vcpuOf(m, f.target).pid + (f.low & 0xff),
    ),
  ],
);

/**
 * The monitor's thread for an assigned device: attaches it after a while, and with `period` moves its interrupt from one virtual CPU to
 * the next, as a guest that balances interrupts asks. Linux `kvm_arch_irq_bypass_add_producer`, `vmx_pi_update_irte`.
 */
export const vfioThread = program(
  'vfio_thread',
  () => ({ device: 0, timer: 0, delay: 0, period: 0, first: 0, count: 1, next: 0, seen: 0 }),
  [
    glue('sleep', (m, cpu, f) => {
      if (f.delay === 0) return;
      const sleep = call(m, cpu, nanosleep);
      sleep.timer = f.timer;
      sleep.cycles = f.delay;
    }),
    stage('irq_bypass_register_producer', 'userspaceExit', shared, (m, cpu, f) => {
      const device = deviceOf(m, f.device);
      if (device.posted === 1) call(m, cpu, vmxPiStartBypass).vm = device.vm;
    }),
    stage(
      'request_irq',
      'modifyIrte',
      shared,
      (m, _cpu, f) => {
        const device = deviceOf(m, f.device);
        route(m, device, f.first + f.next);
        arm(m, device.timer, device.interval);
        return f.period === 0 ? 'exit' : undefined;
      },
      { to: ['exit'] },
    ),
    glue('wait', (m, cpu, f) => {
      const sleep = call(m, cpu, nanosleep);
      sleep.timer = f.timer;
      sleep.cycles = f.period;
    }),
    stage(
      'vmx_pi_update_irte',
      'modifyIrte',
      shared,
      (m, _cpu, f) => {
        const device = deviceOf(m, f.device);
        const { count } = timerUse(m, device.timer);
        if (count === f.seen) return 'exit';
        f.seen = count;
        f.next = (f.next + 1) % f.count;
        route(m, device, f.first + f.next);
        return 'wait';
      },
      { to: ['wait', 'exit'] },
    ),
    stage('exit', 'userspaceExit', shared, (m, cpu) => {
      currentTask(m, cpu.id).state = TaskState.interruptible;
      call(m, cpu, schedule);
    }),
    glue('exited', () => done),
  ],
);
