import type { RunSchemas } from '../engine/save.js';
import type { Schema } from '../engine/schema.js';
import { machineSchema, processorSchema } from '../engine/schema-engine.js';
import { cycles, integer, list, record } from '../engine/schema-values.js';
import { guestFields } from '../guest/schema.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { hardwareFields, processorFields, vcpuFields } from '../hardware/schema.js';
import { hostFields } from '../host/schema.js';
import { kvmFields, kvmVcpuFields, kvmVm } from '../kvm/schema.js';
import type { Counters } from '../observe/recorder.js';
import type { SystemMachine } from './system-machine.js';

const processor: Schema<LogicalProcessor> = processorSchema(processorFields);

/** What the state of a whole machine looks like. A field that a room forgot to declare does not compile here. */
const systemMachine: Schema<SystemMachine> = machineSchema(processor, {
  vcpus: list(record({ ...vcpuFields, ...kvmVcpuFields })),
  vms: list(kvmVm),
  ...hardwareFields,
  ...hostFields,
  ...kvmFields,
  ...guestFields,
});

const signed = integer(-2, 2 ** 53 - 1);

/** Sums of squares outgrow integers. */
const finite: Schema<number> = {
  ...cycles,
  load: (json, path, later) =>
    typeof json === 'number' && Number.isFinite(json) ? json : cycles.load(json, path, later),
};

const account = record({ recent: list(cycles), cycles: list(cycles) });

const counters: Schema<Counters> = record({
  warmup: cycles,
  total: cycles,
  iterationBegan: signed,
  iterations: list(cycles),
  calls: list(signed),
  oneWay: list(cycles),
  began: signed,
  ended: signed,
  closed: signed,
  exits: list(finite),
  processors: list(account, 'processors'),
  virtualCpus: list(account, 'vcpus'),
  since: list(cycles, 'vcpus'),
  outBy: list(signed, 'vcpus'),
  notWork: list(cycles),
  tasks: list(signed, 'tasks'),
  running: list(signed, 'processors'),
  depth: list(cycles, 'processors'),
  interrupted: list(cycles, 'processors'),
  haltPolling: list(cycles),
  halts: list(signed),
  sent: cycles,
  delivered: cycles,
  coalesced: cycles,
});

/** The parts of a saved run of a whole machine. */
export const systemSchemas: RunSchemas<SystemMachine, Counters> = { machine: systemMachine, observers: counters };
