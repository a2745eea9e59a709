import * as v from 'valibot';
import { callFunctionLoop } from '../../guest/linux/programs.js';
import type { LinuxCpu } from '../../guest/linux/state.js';
import { nonNegative, vcpuNumber } from '../schema-values.js';
import { bootLinux, idleOthers, runOn, targetsOf, targetsSchema } from './linux-guest.js';
import { allIterations, measured, workloadKind } from './workload.js';

const schema = v.strictObject({
  kind: v.literal('smp-call-function'),
  from: v.optional(vcpuNumber, 0),
  /** The virtual CPUs on which the function runs: a list, `"same-node"`, `"cross-node"` (one each) or `"all"` others. */
  to: v.optional(targetsSchema, () => [1]),
  /** Whether the caller waits until the function has run. */
  wait: v.optional(v.boolean(), true),
  /** Time between two calls, which the caller spends working. */
  thinkNs: v.optional(nonNegative, 0),
  ...measured,
});

/** Function calls between the CPUs of a Linux guest: `smp_call_function_single` on one, `smp_call_function_many` on more. */
export const smpCallFunction = workloadKind({
  schema,
  start(workload, setting) {
    const { from, to, wait, thinkNs } = workload;
    const targets = targetsOf(setting, from, to);
    const guest = bootLinux(setting, targets.length > 1 ? [from] : []);
    const loop = runOn(setting, guest, from, callFunctionLoop);
    Object.assign(guest.cpus[from] as LinuxCpu, { targets, mask: [...targets] });
    loop.wait = wait ? 1 : 0;
    loop.think = setting.cycles(thinkNs);
    loop.iterations = allIterations(workload);
    idleOthers(setting, guest);
  },
  measuredBy: ({ from }) => from,
});
