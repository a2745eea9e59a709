import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import { clientLoop, serverLoop } from '../../guest/linux/programs.js';
import type { LinuxCpu } from '../../guest/linux/state.js';
import { nonNegative, vcpuNumber } from '../schema-values.js';
import { bootLinux, idleOthers, runOn } from './linux-guest.js';
import { allIterations, measured, requireVcpu, workloadKind } from './workload.js';

const schema = v.strictObject({
  kind: v.literal('request-response'),
  client: v.optional(vcpuNumber, 0),
  server: v.optional(vcpuNumber, 1),
  /** Time between an answer and the next request, which the client spends working. */
  thinkNs: v.optional(nonNegative, 0),
  /** Time that the server works for an answer. */
  serviceNs: v.optional(nonNegative, 0),
  ...measured,
});

/** A request and its answer between tasks on two CPUs, each asleep until the other has something for it: a wake-up each way, as in TCP_RR. */
export const requestResponse = workloadKind({
  schema,
  start(workload, setting) {
    const { client, server, thinkNs, serviceNs } = workload;
    requireVcpu(setting, client, 'workload.client');
    requireVcpu(setting, server, 'workload.server');
    if (client === server) throw new InputError('workload.server', 'is the client itself');
    const guest = bootLinux(setting);
    const loop = runOn(setting, guest, client, clientLoop);
    loop.think = setting.cycles(thinkNs);
    loop.iterations = allIterations(workload);
    runOn(setting, guest, server, serverLoop).service = setting.cycles(serviceNs);
    (guest.cpus[client] as LinuxCpu).targets = [server];
    (guest.cpus[server] as LinuxCpu).targets = [client];
    idleOthers(setting, guest);
  },
  measuredBy: ({ client }) => client,
});
