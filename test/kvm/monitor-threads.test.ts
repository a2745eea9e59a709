import { describe, expect, test } from 'vitest';
import { call } from '../../src/engine/frames.js';
import { recordKindOf } from '../../src/engine/records.js';
import { shared } from '../../src/engine/routine.js';
import { TaskState } from '../../src/host/machine.js';
import { kvmPiUpdateIrte, remapped } from '../../src/kvm/irqfd.js';
import { kvm, vcpuOf } from '../../src/kvm/machine.js';
import { createRun } from '../../src/scenarios/run.js';
import { parseScenario, type ScenarioInput } from '../../src/scenarios/schema.js';
import { addHostActs } from './host-thread.js';
import { build, run } from './lab.js';

const attachNs = 40_000;
const device = (affinityNs?: number): ScenarioInput => ({
  topology: { coresPerSocket: 4 },
  host: { cStates: ['C1'] },
  vms: [{ vcpus: 2, features: { ipiVirtualization: false } }],
  workload: {
    kind: 'device-interrupt',
    path: 'posted-msi',
    targetIdle: 'loop',
    iterations: 6,
    warmup: 0,
    intervalNs: 20_000,
    attachNs,
    ...(affinityNs === undefined ? {} : { affinityNs }),
  },
});
const inhibited: ScenarioInput = {
  topology: { coresPerSocket: 4 },
  vms: [{ apicvInhibits: [{ reason: 'blockIrq', atNs: 20_000, forNs: 20_000 }] }],
  workload: { kind: 'vmexit', test: 'ipi', iterations: 40, warmup: 0 },
};

describe('a thread of the monitor', () => {
  test.each([
    ['that attaches a device', device()],
    ['that moves its interrupt from one virtual CPU to the other', device(30_000)],
    ['that inhibits APICv and allows it again', inhibited],
  ])('%s sleeps when it has done that, and leaves its processor to others', (_what, input) => {
    const run = createRun(parseScenario(input), 1);
    run.run();
    const { machine, observers } = run.state;
    expect(observers.iterations.length).toBeGreaterThan(0);
    const own = new Set([...machine.vcpus.map(({ task }) => task), ...machine.runQueues.map(({ idle }) => idle)]);
    const threads = machine.tasks.filter(({ id }) => !own.has(id));
    expect(threads.length).toBeGreaterThan(0);
    for (const { id, state: asleep, onRunQueue } of threads) {
      expect([id, asleep, onRunQueue]).toEqual([id, TaskState.interruptible, 0]);
    }
  });
});

test.each([
  ['stays with its virtual CPU', undefined, [false, true]],
  ['goes from one virtual CPU to the other and back', 30_000, [true, true]],
] as const)('an interrupt of a device %s', (_what, affinityNs, expected) => {
  const got = [0, 0];
  const delivered = recordKindOf('delivered').number;
  const input = device(affinityNs);
  const workload = { ...input.workload, to: 1, iterations: 20 } as ScenarioInput['workload'];
  const run = createRun(parseScenario({ ...input, workload }), 1, {
    plain: true,
    observe: (_counters, _time, _processor, kind, a) => {
      if (kind === delivered) got[a] = (got[a] ?? 0) + 1;
    },
  });
  run.run({ time: 2_000_000 });
  expect(got.map((count) => count > 3)).toEqual(expected);
});

test('a device is attached when it is said to be, not before', () => {
  const run = createRun(parseScenario(device()), 1);
  const [vm] = run.state.machine.vms;
  const at = (ns: number) => {
    run.run({ time: (ns * (vm?.cyclesPerMicrosecond ?? 0)) / 1000 });
    return vm?.bypassCount;
  };
  expect(at(attachNs - 1000)).toBe(0);
  expect(at(attachNs + 30_000)).toBe(1);
});

const updated: number[] = [];
const update = kvm.program('test_update_irte', () => ({ low: 0, destination: 0 }), [
  kvm.glue('kvm_pi_update_irte', (m, cpu, f) => {
    Object.assign(call(m, cpu, kvmPiUpdateIrte), { low: f.low, destination: f.destination });
  }),
  kvm.stage('keep', 'modifyIrte', shared, (_m, _cpu, _f, entry) => {
    updated.push(entry);
  }),
]);

test.each([
  ['fixed, to one', 0x4041, 1, true],
  ['fixed, logical, to one', 0x4841, 0b10, true],
  ['fixed, logical, to two', 0x4841, 0b11, false],
  ['an NMI', 0x4400, 1, false],
] as const)(
  'a message of a device is posted if it is fixed and has one receiver: %s',
  (_what, low, destination, posted) => {
    const built = build({ vms: [{ features: { ipiVirtualization: false } }] });
    updated.length = 0;
    addHostActs(built.machine, [
      (m, cpu) => {
        Object.assign(call(m, cpu, update), { low, destination });
      },
    ]);
    run(built, 200_000);
    expect(updated).toEqual([posted ? 256 * vcpuOf(built.machine, 1).pid + 0x41 : remapped]);
    // The first that is posted has everyone who sleeps do so with the wakeup vector.
    expect(built.machine.vms[0]?.bypassCount).toBe(posted ? 1 : 0);
  },
);
