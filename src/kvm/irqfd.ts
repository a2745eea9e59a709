import { highestBit } from '../arch/bits256.js';
import { call } from '../engine/frames.js';
import { arm } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { physicalEoi } from '../hardware/physical-apic.js';
import { timerUse } from '../hardware/timer-uses.js';
import { currentTask, TaskState } from '../host/machine.js';
import { schedule } from '../host/schedule.js';
import { nanosleep } from '../host/sleep.js';
import { tryToWakeUp } from '../host/try-to-wake-up.js';
import { kvmIoapicSetIrq } from './ioapic.js';
import { type AssignedDevice, type KvmMachine, kvm, vcpuOf } from './machine.js';
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
