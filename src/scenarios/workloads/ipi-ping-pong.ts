import * as v from 'valibot';
import { pingLoop } from '../../guest/linux/programs.js';
import type { LinuxCpu } from '../../guest/linux/state.js';
import { nonNegative, vcpuNumber } from '../schema-values.js';
import { bootLinux, idleOthers, runOn, targetsOf, targetsSchema } from './linux-guest.js';
import { allIterations, measured, workloadKind } from './workload.js';

const schema = v.strictObject({
  kind: v.literal('ipi-ping-pong'),
  from: v.optional(vcpuNumber, 0),
  /** Who answers. */
  to: v.optional(targetsSchema, () => [1]),
  /** Time between two iterations, which the sender spends working. */
  thinkNs: v.optional(nonNegative, 0),
  ...measured,
});

/** One IPI to each target, whose handler answers by memory. */
export const ipiPingPong = workloadKind({
  schema,
  start(workload, setting) {
    const { from, to, thinkNs } = workload;
    const targets = targetsOf(setting, from, to);
    const guest = bootLinux(setting);
    const loop = runOn(setting, guest, from, pingLoop);
    (guest.cpus[from] as LinuxCpu).targets = targets;
    loop.think = setting.cycles(thinkNs);
    loop.iterations = allIterations(workload);
    idleOthers(setting, guest);
  },
  measuredBy: ({ from }) => from,
});
