import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import { mixLoop } from '../../guest/linux/programs.js';
import type { LinuxCpu } from '../../guest/linux/state.js';
import { nonNegative } from '../schema-values.js';
import { bootLinux, runOn } from './linux-guest.js';
import { allIterations, measured, workloadKind } from './workload.js';

const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(0.999));

const schema = v.strictObject({
  kind: v.literal('mix'),
  /** Part of the time that a virtual CPU sleeps: one number for all, or one for each. */
  idle: v.optional(
    v.lazy((input) => (Array.isArray(input) ? v.pipe(v.array(fraction), v.minLength(1)) : fraction)),
    0.5,
  ),
  /** How long it works between two calls, on average. */
  workNs: v.optional(nonNegative, 50_000),
  ...measured,
});

/** Every CPU works, calls a function on another one, chosen at random, and sleeps; for random times. The first CPU's calls are measured. */
export const mix = workloadKind({
  schema,
  start(workload, setting) {
    const { idle, workNs } = workload;
    const count = setting.vcpus.length;
    if (count < 2) throw new InputError('workload.kind', "'mix' needs a second virtual CPU");
    if (typeof idle !== 'number' && idle.length !== count) {
      throw new InputError('workload.idle', `has ${idle.length} numbers for ${count} virtual CPUs`);
    }
    const guest = bootLinux(setting);
    guest.cpus.forEach((cpu: LinuxCpu, number) => {
      const loop = runOn(setting, guest, number, mixLoop);
      const part = typeof idle === 'number' ? idle : (idle[number] as number);
      loop.work = setting.cycles(workNs);
      loop.sleep = Math.round((loop.work * part) / (1 - part));
      loop.measures = number === 0 ? 1 : 0;
      loop.iterations = allIterations(workload);
      cpu.targets = guest.cpus.map((_, other) => other).filter((other) => other !== number);
    });
  },
  measuredBy: () => 0,
});
