import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import { mixLoop, pingLoop } from '../../guest/linux/programs.js';
import type { LinuxCpu } from '../../guest/linux/state.js';
import { kernelVersions } from '../../kvm/kernels.js';
import { addMigrationThread } from '../../kvm/migration-thread.js';
import { kernelVersion } from '../kernel-version.js';
import { nonNegative, positive, vcpuNumber } from '../schema-values.js';
import { hostFeatures } from '../vm-schema.js';
import { bootLinux, idleOthers, runOn, targetsOf, targetsSchema } from './linux-guest.js';
import { measured, workloadKind } from './workload.js';

const schema = v.strictObject({
  kind: v.literal('migration'),
  /** What the guest does: as the workloads of these names. */
  guest: v.optional(v.picklist(['ipi-ping-pong', 'mix']), 'ipi-ping-pong'),
  from: v.optional(vcpuNumber, 0),
  /** Whom it calls. */
  to: v.optional(targetsSchema, () => [1]),
  /** With `ipi-ping-pong`, time between two iterations; with `mix`, time that a CPU works between two calls, and sleeps as long. */
  thinkNs: v.optional(nonNegative, 1000),
  /** When the VM is stopped, from the start of the run. */
  atNs: v.optional(positive, 500_000),
  /** The machine it goes on with: what is not said here is as on the first one. What the guest has found out about its hypervisor stays. */
  destination: v.optional(
    v.strictObject({
      profile: v.optional(v.string()),
      kernel: v.optional(kernelVersion(kernelVersions)),
      features: v.optional(v.strictObject(hostFeatures), {}),
    }),
    {},
  ),
  ...measured,
});

/** A scenario's workload of this kind. */
export type MigrationWorkload = v.InferOutput<typeof schema>;

/** More iterations than any run has: what ends it is that those after the migration have been counted. */
const withoutEnd = 2 ** 31 - 1;

/** A VM that goes to another machine while its virtual CPUs send each other IPIs. */
export const migration = workloadKind({
  schema,
  start(workload, setting) {
    const { guest: program, from, to, thinkNs, atNs } = workload;
    const targets = targetsOf(setting, from, to);
    const guest = bootLinux(setting);
    if (program === 'mix') {
      if (from !== 0) throw new InputError('workload.from', "with 'mix' the first virtual CPU measures: 0");
      guest.cpus.forEach((cpu: LinuxCpu, number) => {
        const loop = runOn(setting, guest, number, mixLoop);
        loop.work = setting.cycles(thinkNs);
        loop.sleep = loop.work;
        loop.measures = number === 0 ? 1 : 0;
        loop.iterations = withoutEnd;
        cpu.targets = guest.cpus.map((_, other) => other).filter((other) => other !== number);
      });
    } else {
      const loop = runOn(setting, guest, from, pingLoop);
      (guest.cpus[from] as LinuxCpu).targets = targets;
      loop.think = setting.cycles(thinkNs);
      loop.iterations = withoutEnd;
      idleOthers(setting, guest);
    }
    // On the destination nobody stops it.
    if (Number.isFinite(atNs)) addMigrationThread(setting.plan.machine, setting.index, setting.cycles(atNs));
  },
  measuredBy: ({ from }) => from,
});
