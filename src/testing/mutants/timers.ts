import { done } from '../../engine/routine.js';
import { currentVcpu } from '../../hardware/machine.js';
import {
  apicTimerFn,
  kvmApicInjectPendingTimerIrqs,
  kvmLapicExpiredHvTimer,
  startSwTimer,
} from '../../kvm/lapic-timer.js';
import { kvmLapicRegWrite } from '../../kvm/lapic-write.js';
import { vcpuOf } from '../../kvm/machine.js';
import { timerLaw, timerMigrationLaw } from '../laws/detectors.js';
import { change, type Detector, type Mutant } from './mutant.js';

const timer: Detector = { by: 'property', name: timerLaw().name, run: (seed) => timerLaw().run(seed) };
const migration: Detector = {
  by: 'property',
  name: timerMigrationLaw().name,
  run: (seed) => timerMigrationLaw().run(seed),
};

const lvtTimer = 0x320;
const divideConfiguration = 0x3e0;

/** The local APIC's timer: its modes, its clock, its periods. */
export const timerMutants: readonly Mutant[] = [
  {
    id: 'TMR-04',
    title: 'A periodic timer catches up one period at a time',
    history:
      'The next deadline was the last one plus a period, however long ago that was. After a pause each one was past as soon as it was set, and the host had no time for anything else.',
    source: 'Linux advance_periodic_target_expiration; repaired by 18ab3fc8e880',
    breaks: ['INV8'],
    changes: [
      change(kvmLapicExpiredHvTimer, 'restart_apic_timer', (right) => (m, cpu, f, now) => {
        const { lapicTimer } = vcpuOf(m, f.target);
        const { deadline } = lapicTimer;
        const next = right(m, cpu, f, now);
        lapicTimer.deadline = deadline + lapicTimer.period;
        return next;
      }),
      change(startSwTimer, 'next-period', (right) => (m, cpu, f, now) => {
        const { lapicTimer } = currentVcpu(m, cpu);
        const { deadline } = lapicTimer;
        const next = right(m, cpu, f, now);
        lapicTimer.deadline = deadline + lapicTimer.period;
        f.expires = lapicTimer.deadline;
        return next;
      }),
    ],
    detector: timer,
  },
  {
    id: 'TMR-drift',
    title: 'A period begins when the last one was handled',
    history:
      'The next deadline was a period from now, not from the last deadline: what handling takes was added to each period, and the guest\u2019s clock fell behind.',
    source: 'Linux apic_timer_fn, advance_periodic_target_expiration; repaired by d8f2f498d9ed',
    breaks: ['INV8'],
    changes: [
      change(apicTimerFn, 'HRTIMER_RESTART', (right) => (m, cpu, f, now) => {
        vcpuOf(m, f.target).lapicTimer.deadline = now;
        return right(m, cpu, f, now);
      }),
      change(kvmLapicExpiredHvTimer, 'restart_apic_timer', (right) => (m, cpu, f, now) => {
        vcpuOf(m, f.target).lapicTimer.deadline = now;
        return right(m, cpu, f, now);
      }),
    ],
    detector: timer,
  },
  {
    id: 'TMR-divide',
    title: 'Another divisor counts from the next count on only',
    history: 'What was left of a running count passed at the old rate; on a processor it passes at the new one.',
    source: 'Linux kvm_lapic_reg_write, APIC_TDCR; repaired by c301b909b771',
    breaks: ['INV8', 'INV12'],
    changes: [
      change(kvmLapicRegWrite, 'register', (right) => (m, cpu, f, returned) => {
        if (f.offset !== divideConfiguration) return right(m, cpu, f, returned);
        currentVcpu(m, cpu).page.divideConfiguration = f.value & 0xb;
        return done;
      }),
    ],
    detector: timer,
  },
  {
    id: 'TMR-mode',
    title: 'A timer whose mode is changed runs on',
    history:
      'A change to or from TSC-deadline mode stops the timer. What had been armed in the old mode interrupted in the new one, where nobody expected it.',
    source: 'SDM vol. 3A, "TSC-Deadline Mode"; Linux apic_update_lvtt',
    breaks: ['INV4'],
    changes: [
      change(kvmLapicRegWrite, 'register', (right) => (m, cpu, f, returned) => {
        if (f.offset !== lvtTimer) return right(m, cpu, f, returned);
        currentVcpu(m, cpu).page.lvtTimer = f.value;
        return done;
      }),
    ],
    detector: timer,
  },
  {
    id: 'TMR-kept',
    title: 'A deadline that has come stays',
    history:
      'IA32_TSC_DEADLINE is 0 once the timer has fired. It kept its value: whoever saved and restored it had the interrupt a second time.',
    source: 'Linux kvm_inject_apic_timer_irqs; repaired by fae0ba215734',
    breaks: ['INV4', 'INV10'],
    changes: [
      change(kvmApicInjectPendingTimerIrqs, 'kvm_apic_local_deliver', (right) => (m, cpu, f, returned) => {
        const { lapicTimer } = vcpuOf(m, f.target);
        const { deadline } = lapicTimer;
        const next = right(m, cpu, f, returned);
        lapicTimer.deadline = deadline;
        return next;
      }),
    ],
    detector: migration,
  },
];
