import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import { busyLoop, haltLoop } from '../../guest/smp.js';
import { cyclictest, guestHrtimerInterrupt, TimerProgram, timerIsr, timerLatency } from '../../guest/timers.js';
import { testVector } from '../../guest/vmexit.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import { startGuest } from '../../kvm/create-vm.js';
import { vmOf } from '../../kvm/machine.js';
import { positive, vcpuNumber } from '../schema-values.js';
import { setUnitTestHandlers } from './unit-test-guest.js';
import { allIterations, measured, requireVcpu, workloadKind } from './workload.js';

const programs = {
  tscdeadline_latency: TimerProgram.tscdeadlineLatency,
  cyclictest: TimerProgram.cyclictest,
  'one-shot': TimerProgram.oneShot,
  periodic: TimerProgram.periodic,
} as const;
type ProgramName = keyof typeof programs;

/** LVT timer modes, bits 18:17. */
const lvtMode = { tscdeadline_latency: 0x4_0000, cyclictest: 0x4_0000, 'one-shot': 0, periodic: 0x2_0000 } as const;

const schema = v.strictObject({
  kind: v.literal('timers'),
  /** Who sets the timer, and how. */
  program: v.optional(v.picklist(Object.keys(programs) as [ProgramName, ...ProgramName[]]), 'tscdeadline_latency'),
  /** From one expiry to the next. */
  intervalNs: v.optional(positive, 100_000),
  /** What the processor does meanwhile: halts or spins. */
  idle: v.optional(v.picklist(['hlt', 'loop']), 'hlt'),
  /** The virtual CPU with the timer; the others wait, as `targetIdle` says. */
  on: v.optional(vcpuNumber, 0),
  targetIdle: v.optional(v.picklist(['loop', 'hlt']), 'hlt'),
  ...measured,
});

/** Timers: how late the handler, or the thread that it wakes, runs. */
export const timers = workloadKind({
  schema,
  start(workload, setting) {
    const { program, intervalNs, idle, on, targetIdle } = workload;
    requireVcpu(setting, on, 'workload.on');
    const { machine } = setting.plan;
    setting.vcpus.forEach((vcpu, number) => {
      setUnitTestHandlers(vcpu);
      if (number !== on) {
        startGuest(machine, vcpu, targetIdle === 'hlt' ? haltLoop : busyLoop);
        return;
      }
      const { apicTick } = vmOf(machine, vcpu);
      const counted = program === 'one-shot' || program === 'periodic';
      const cycles = setting.cycles(intervalNs);
      const count = counted ? Math.round(cycles / apicTick) : 0;
      if (counted && (count < 1 || count > 0xffff_ffff)) {
        throw new InputError('workload.intervalNs', `${intervalNs} is not an interval that 32 bits can count`);
      }
      const timer = machine.guests[vcpu.vm]?.timer;
      if (timer !== undefined) {
        Object.assign(timer, {
          program: programs[program],
          interval: counted ? count * apicTick : cycles,
          count,
          total: allIterations(workload),
        });
      }
      vcpu.page.lvtTimer = lvtMode[program] | testVector;
      // The count is not divided.
      vcpu.page.divideConfiguration = 0xb;
      const handler = program === 'cyclictest' ? guestHrtimerInterrupt : timerIsr;
      setHandler(vcpu.guestInterrupts, testVector, handler.entry);
      startGuest(machine, vcpu, program === 'cyclictest' ? cyclictest : timerLatency).halt = idle === 'hlt' ? 1 : 0;
    });
  },
  measuredBy: ({ on }) => on,
});
