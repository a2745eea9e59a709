import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import { IpiBenchRow, ipiBenchLoop } from '../../guest/linux/programs.js';
import type { LinuxCpu } from '../../guest/linux/state.js';
import { vcpuNumber } from '../schema-values.js';
import { bootLinux, idleOthers, runOn, targetsOf } from './linux-guest.js';
import { allIterations, measured, requireVcpu, workloadKind } from './workload.js';

const rows = Object.keys(IpiBenchRow) as [keyof typeof IpiBenchRow, ...(keyof typeof IpiBenchRow)[]];

const schema = v.strictObject({
  kind: v.literal('ipi-bench'),
  /** A row of the benchmark's table. */
  row: v.picklist(rows),
  from: v.optional(vcpuNumber, 0),
  ...measured,
});

/**
 * The IPI micro-benchmark of the Linux kernel mailing list (Yury Norov, "IPI performance benchmark", 2017-12-19): nothing; a call on the own
 * CPU; on the first other one; on all others; the same with a lock in the function.
 */
export const ipiBench = workloadKind({
  schema,
  start(workload, setting) {
    const { row, from } = workload;
    requireVcpu(setting, from, 'workload.from');
    const alone = row === 'dry-run' || row === 'self';
    if (!alone && setting.vcpus.length < 2) throw new InputError('workload.row', `'${row}' needs a second virtual CPU`);
    const broadcast = row === 'broadcast' || row === 'broadcast-lock';
    const guest = bootLinux(setting, broadcast ? [from] : []);
    const targets = alone ? [] : targetsOf(setting, from, broadcast ? 'all' : [from === 0 ? 1 : 0]);
    const loop = runOn(setting, guest, from, ipiBenchLoop);
    Object.assign(guest.cpus[from] as LinuxCpu, { targets, mask: [...targets] });
    loop.row = IpiBenchRow[row];
    loop.iterations = allIterations(workload);
    idleOthers(setting, guest);
  },
  measuredBy: ({ from }) => from,
});
