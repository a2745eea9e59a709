import { call } from '../../engine/frames.js';
import { notify, observe } from '../../engine/requests.js';
import { local, type Routine, shared } from '../../engine/routine.js';
import { Record } from '../../hardware/records.js';
import { apicEoi } from '../apic-driver.js';
import { iretq } from '../interrupt-handler.js';
import { cpuOf, guest, linuxGuest, thisCpu } from '../machine.js';
import { callIndirectly } from './clock.js';
import { flushSmpCallFunctionQueue } from './flush-smp-call-function-queue.js';
import { tickEnter, tickExit } from './idle-time.js';
import { LinuxVector } from './send-ipi.js';
import { hrtimerInterrupt, hrtimerWakeup } from './tick.js';
import { schedTtwuPending } from './wake-up.js';

const { program, stage, glue } = guest;

const enter = stage('irq_enter', 'guestHandlerEntry', local, () => {});
const tickEnters = glue('tick_irq_enter', (m, cpu) => tickEnter(m, cpu));
// Before the work, so that the next one can come meanwhile.
const acknowledge = glue('ack_APIC_irq', (m, cpu) => {
  apicEoi(m, cpu);
  callIndirectly(m, cpu, linuxGuest(m, cpu).driverPointers - 1);
});
const exit = stage('irq_exit', 'guestIrqExit', local, () => {});
const tickExits = glue('tick_irq_exit', (m, cpu) => tickExit(m, cpu));

const flush = glue('generic_smp_call_function_single_interrupt', (m, cpu) => {
  call(m, cpu, flushSmpCallFunctionQueue);
});

/** A call-function IPI to many. Linux `sysvec_call_function`. */
const sysvecCallFunction = program('sysvec_call_function', () => ({}), [
  enter,
  tickEnters,
  acknowledge,
  flush,
  exit,
  tickExits,
  iretq,
]);

/** A call-function IPI to one. Linux `sysvec_call_function_single`. */
const sysvecCallFunctionSingle = program('guest:sysvec_call_function_single', () => ({}), [
  enter,
  tickEnters,
  acknowledge,
  flush,
  exit,
  tickExits,
  iretq,
]);

/** A wake-up: the way out of the interrupt looks at `need_resched`; older kernels do here what others have left to this CPU. Linux `sysvec_reschedule_ipi`. */
const sysvecRescheduleIpi = program('guest:sysvec_reschedule_ipi', () => ({}), [
  enter,
  acknowledge,
  stage(
    'scheduler_ipi',
    'guestIrqExit',
    shared,
    (m, cpu) => {
      const self = thisCpu(m, cpu);
      if (linuxGuest(m, cpu).pollingIdleRunsCalls === 1 || self.wakePending === 0) return;
      self.wakePending = 0;
      call(m, cpu, schedTtwuPending);
    },
    { line: (m, cpu) => thisCpu(m, cpu).queueLine },
  ),
  iretq,
]);

/** The timer that ends a sleep of this CPU's own task; with a tick, that too. Linux `sysvec_apic_timer_interrupt`, `hrtimer_wakeup`. */
const sysvecApicTimerInterrupt = program('guest:sysvec_apic_timer_interrupt', () => ({}), [
  enter,
  tickEnters,
  acknowledge,
  glue(
    'hrtimer_interrupt',
    (m, cpu) => {
      if (linuxGuest(m, cpu).tickPeriod === 0) return 'hrtimer_wakeup';
      call(m, cpu, hrtimerInterrupt);
      return undefined;
    },
    { to: ['hrtimer_wakeup'] },
  ),
  glue('handled', () => 'irq_exit', { to: ['irq_exit'] }),
  stage('hrtimer_wakeup', 'guestActivate', shared, (m, cpu) => hrtimerWakeup(m, thisCpu(m, cpu)), {
    line: (m, cpu) => thisCpu(m, cpu).runQueueLine,
  }),
  exit,
  tickExits,
  iretq,
]);

/** An IPI that asks for an answer: finds out who asks, and answers. The handler of the workload `ipi-ping-pong`. */
const sysvecPing = program('sysvec_ping', () => ({ caller: 0 }), [
  enter,
  tickEnters,
  acknowledge,
  stage(
    'request',
    'guestLoads',
    shared,
    (m, cpu, f) => {
      f.caller = thisCpu(m, cpu).request;
      observe(m, Record.callArrived, cpu.vcpu, linuxGuest(m, cpu).round);
    },
    { line: (m, cpu) => thisCpu(m, cpu).inboxLine },
  ),
  stage(
    'answer',
    'guestAtomic',
    shared,
    (m, cpu, f) => {
      const caller = cpuOf(m, cpu, f.caller);
      caller.inbox++;
      notify(m, caller.csdChannel);
    },
    { line: (m, cpu, f) => cpuOf(m, cpu, f.caller).inboxLine },
  ),
  exit,
  tickExits,
  iretq,
]);

/** The handlers of a Linux guest by vector. */
export const linuxHandlers: readonly (readonly [number, Routine])[] = [
  [LinuxVector.callFunction, sysvecCallFunction as unknown as Routine],
  [LinuxVector.callFunctionSingle, sysvecCallFunctionSingle as unknown as Routine],
  [LinuxVector.reschedule, sysvecRescheduleIpi as unknown as Routine],
  [LinuxVector.ping, sysvecPing as unknown as Routine],
  [LinuxVector.localTimer, sysvecApicTimerInterrupt as unknown as Routine],
];
