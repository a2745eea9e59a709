import * as v from 'valibot';
import { shootdownLoop } from '../../guest/linux/programs.js';
import type { LinuxCpu } from '../../guest/linux/state.js';
import { busyLoop } from '../../guest/smp.js';
import { nonNegative, vcpuNumber } from '../schema-values.js';
import { bootLinux, idleOthers, runOn, targetsOf, targetsSchema } from './linux-guest.js';
import { allIterations, measured, workloadKind } from './workload.js';

const schema = v.strictObject({
  kind: v.literal('tlb-shootdown'),
  from: v.optional(vcpuNumber, 0),
  /** The CPUs on which threads of the same program have run. */
  to: v.optional(targetsSchema, 'all'),
  /** Whether they run it still, or idle with its address space kept (a lazy TLB). */
  targets: v.optional(v.picklist(['running', 'idle']), 'running'),
  /** Whether page tables are freed: then lazy TLBs must be flushed, too. */
  freedTables: v.optional(v.boolean(), false),
  /** Time between two shootdowns, which the caller spends working. */
  thinkNs: v.optional(nonNegative, 0),
  ...measured,
});

/** Unmapping memory that other CPUs may have in their TLBs: `flush_tlb_mm_range`. */
export const tlbShootdown = workloadKind({
  schema,
  start(workload, setting) {
    const { from, to, thinkNs } = workload;
    const targets = targetsOf(setting, from, to);
    const guest = bootLinux(setting, [from]);
    const loop = runOn(setting, guest, from, shootdownLoop);
    (guest.cpus[from] as LinuxCpu).targets = targets;
    guest.freedTables = workload.freedTables ? 1 : 0;
    loop.think = setting.cycles(thinkNs);
    loop.iterations = allIterations(workload);
    for (const target of targets) {
      if (workload.targets === 'running') runOn(setting, guest, target, busyLoop);
      else (guest.cpus[target] as LinuxCpu).lazyTlb = 1;
    }
    idleOthers(setting, guest);
  },
  measuredBy: ({ from }) => from,
});
