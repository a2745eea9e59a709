import process from 'node:process';
import { createRun } from '../../src/scenarios/run.js';
import { parseScenario } from '../../src/scenarios/schema.js';

// A call to 71 others in a guest of 72 virtual CPUs, two on a core of two sockets: processor time for 10,000 of them.

const places = Array.from({ length: 72 }, (_, vcpu) => vcpu);
const cases = [
  ['guests that poll', 'poll', 200_000],
  ['halt polling', 'hlt', 2_000_000],
  ['asleep', 'hlt', 0],
] as const;

console.log('72 virtual CPUs        stages/broadcast   M stages/s   s/10,000 broadcasts');
for (const [name, guestIdle, haltPollNs] of cases) {
  const run = createRun(
    parseScenario({
      profile: 'skylake-sp',
      topology: { sockets: 2, coresPerSocket: 20, threadsPerCore: 2 },
      host: { haltPollNs, cStates: ['C1'] },
      vms: [{ vcpus: 72, guestIdle, pinning: places }],
      workload: { kind: 'smp-call-function', to: 'all', iterations: 1_000_000, warmup: 0 },
    }),
  );
  run.run({ stages: 1_000_000 });
  const { iterations } = run.state.observers;
  const [before, stagesBefore] = [iterations.length, run.stages];
  const used = process.cpuUsage();
  run.run({ stages: 3_000_000 });
  const { user, system } = process.cpuUsage(used);
  const seconds = (user + system) / 1e6;
  const broadcasts = iterations.length - before;
  const stages = run.stages - stagesBefore;
  console.log(
    name.padEnd(22),
    (stages / broadcasts).toFixed(0).padStart(16),
    (stages / seconds / 1e6).toFixed(1).padStart(12),
    ((seconds / broadcasts) * 10_000).toFixed(1).padStart(21),
  );
}
