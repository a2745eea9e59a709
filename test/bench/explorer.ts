import { type PerformanceEntry, PerformanceObserver, performance } from 'node:perf_hooks';
import process from 'node:process';
import { type ExploreResult, explore } from '../../src/engine/explored.js';
import { record } from '../../src/engine/schema-values.js';
import { hardwareHooks } from '../../src/hardware/events.js';
import { buildMachine } from '../../src/scenarios/build.js';
import { type MachineInput, parseMachine } from '../../src/scenarios/schema.js';
import { systemSchemas } from '../../src/scenarios/system-schema.js';

// Whole machines, every interleaving of them: how many states a second, and how much memory one takes.

const collections: PerformanceEntry[] = [];
const observer = new PerformanceObserver((entries) => {
  collections.push(...entries.getEntries());
});
observer.observe({ entryTypes: ['gc'] });

type Vm = NonNullable<MachineInput['vms']>[number];

interface Row {
  readonly name: string;
  readonly vcpus: number;
  readonly test: 'ipi' | 'self_ipi_sti_nop' | 'ipi_halt';
  readonly iterations: number;
  readonly features: Vm['features'];
}

const rows: readonly Row[] = [
  {
    name: '2 vCPUs, IPI virtualization',
    vcpus: 2,
    test: 'ipi',
    iterations: 300,
    features: { ipiVirtualization: true },
  },
  { name: '2 vCPUs, fastpath', vcpus: 2, test: 'ipi', iterations: 200, features: { ipiVirtualization: false } },
  {
    name: '2 vCPUs, ordinary exit',
    vcpus: 2,
    test: 'ipi',
    iterations: 100,
    features: { ipiVirtualization: false, icrFastpath: false },
  },
  { name: '2 vCPUs, self-IPI', vcpus: 2, test: 'self_ipi_sti_nop', iterations: 200, features: {} },
  { name: '3 vCPUs, fastpath', vcpus: 3, test: 'ipi', iterations: 8, features: { ipiVirtualization: false } },
  { name: '4 vCPUs, fastpath', vcpus: 4, test: 'ipi', iterations: 1, features: { ipiVirtualization: false } },
];

function machineOf({ vcpus, test, iterations, features }: Row) {
  const config = parseMachine({
    topology: { sockets: 1, coresPerSocket: vcpus, threadsPerCore: 1 },
    vms: [{ vcpus, apicMode: 'x2apic', features }],
    workload: { kind: 'vmexit', test, iterations, warmup: 0 },
  });
  return buildMachine(config).machine;
}

/** States after which an attempt ends: enough that what the compiler does for it hardly counts. */
const limit = 300_000;
const bound = 2 ** 31;

console.log('explored                     words   k states/s   k edges/s    k states    bytes/state   GC share');
for (const row of rows) {
  const machine = machineOf(row);
  const words = systemSchemas.machine.encode(machine, new Int32Array(0), 0);
  let best = { seconds: Number.POSITIVE_INFINITY, bytes: 0, collected: 0 };
  let found: ExploreResult | undefined;
  for (let attempt = 0; attempt < 3; attempt++) {
    globalThis.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    const start = performance.now();
    const used = process.cpuUsage();
    const schemas = { machine: systemSchemas.machine, observers: record({}) };
    found = explore(
      { machine, observers: {} },
      { hooks: hardwareHooks, schemas, limits: { states: limit, bytes: bound } },
    );
    const { user, system } = process.cpuUsage(used);
    const end = performance.now();
    const bytes = process.memoryUsage().arrayBuffers - before;
    await new Promise((resolve) => setTimeout(resolve, 10));
    const paused = collections.filter(({ startTime }) => startTime >= start && startTime < end);
    const collected = paused.reduce((sum, { duration }) => sum + duration, 0) / (end - start);
    const seconds = (user + system) / 1e6;
    if (seconds < best.seconds) best = { seconds, bytes: Math.max(bytes, best.bytes), collected };
  }
  if (found === undefined) continue;
  const rates = [found.states, found.edges].map((count) => (count / best.seconds / 1000).toFixed(0));
  console.log(
    row.name.padEnd(28),
    String(words).padStart(6),
    (rates[0] as string).padStart(11),
    (rates[1] as string).padStart(11),
    (found.states / 1000).toFixed(0).padStart(11),
    (best.bytes / found.states).toFixed(0).padStart(14),
    `${(100 * best.collected).toFixed(1)} %`.padStart(10),
  );
}
observer.disconnect();
