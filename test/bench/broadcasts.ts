import process from 'node:process';
import { presets } from '../../src/scenarios/presets.js';
import { createRun } from '../../src/scenarios/run.js';
import { parseMachine, withValue } from '../../src/scenarios/schema.js';

// A guest of 72 virtual CPUs that calls a function on all others, again and again: processor time for 10,000 broadcasts.

const broadcasts = 10_000;

function seconds(set: Readonly<Record<string, unknown>>): { seconds: number; stages: number } {
  const { variants: _, assumed: __, name: ___, title: ____, ...machine } = presets['ipi-in-kvm-guest'];
  let input: unknown = machine;
  const all = { 'workload.to': 'all', 'workload.iterations': broadcasts, 'workload.warmup': 0, ...set };
  for (const [path, value] of Object.entries(all)) input = withValue(input, path, value);
  const run = createRun(parseMachine(input));
  const used = process.cpuUsage();
  run.run();
  const { user, system } = process.cpuUsage(used);
  return { seconds: (user + system) / 1e6, stages: run.stages };
}

const rows: [string, Record<string, unknown>][] = [
  ['idle=poll, an ICR write each', { 'vms[0].guestIdle': 'poll' }],
  ['idle=poll, one for a cluster', { 'vms[0].guestIdle': 'poll', 'vms[0].logicalMode': 'cluster' }],
  ['halt_poll_ns=2000000', { 'host.haltPollNs': 2_000_000 }],
];

console.log('10,000 broadcasts to 71 targets   seconds   M stages   stages/target   M stages/s');
for (const [name, set] of rows) {
  const { seconds: time, stages } = seconds(set);
  console.log(
    name.padEnd(32),
    time.toFixed(1).padStart(8),
    (stages / 1e6).toFixed(1).padStart(10),
    (stages / broadcasts / 71).toFixed(1).padStart(15),
    (stages / time / 1e6).toFixed(1).padStart(12),
  );
}
