import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/errors.js';
import { createMachine, restoreMachine, type SavedMachine } from '../../src/scenarios/machine.js';
import type { MachineInput } from '../../src/scenarios/schema.js';

/** A machine that runs the published experiment's test for a few iterations. */
function machineInput(
  apicMode: 'xapic' | 'x2apic',
  ipiVirtualization: boolean,
  more: Partial<MachineInput> = {},
): MachineInput {
  return {
    vms: [{ vcpus: 2, apicMode, features: { ipiVirtualization } }],
    workload: { kind: 'vmexit', test: 'ipi', iterations: 4, warmup: 1 },
    ...more,
  };
}

const inputs = fc
  .record({
    apicMode: fc.constantFrom('xapic' as const, 'x2apic' as const),
    ipiVirtualization: fc.boolean(),
    seed: fc.integer(),
    jitter: fc.constantFrom(0, 0.3),
  })
  .map(({ apicMode, ipiVirtualization, seed, jitter }) => machineInput(apicMode, ipiVirtualization, { seed, jitter }));

/** A copy with one value replaced, wherever it is. */
function withPath(value: unknown, path: string, to: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(value));
  const keys = path.replaceAll('[', '.').replaceAll(']', '').split('.');
  const last = keys.pop() ?? '';
  let at = copy;
  for (const key of keys) at = at[key];
  at[last] = to;
  return copy;
}

const text = (value: unknown): string => JSON.stringify(value);

describe('a machine', () => {
  test('runs its workload to the end and has counted it', () => {
    const machine = createMachine(machineInput('x2apic', true));
    expect(machine.run()).toBe('quiescent');
    expect(machine.counters.iterations).toHaveLength(4);
    expect(machine.counters.exits).toEqual([]);
  });

  test('without a workload its virtual CPUs idle in the guest, and nothing happens', () => {
    const machine = createMachine({ vms: [{ vcpus: 2 }] });
    expect(machine.run()).toBe('quiescent');
    expect(machine.counters.since.every((time) => time > 0)).toBe(true);
    expect(machine.counters.outBy).toEqual([-1, -1]);
  });

  test('stops at a time or after a number of stages, and goes on from there', () => {
    const whole = createMachine(machineInput('xapic', false));
    whole.run();
    const pieces = createMachine(machineInput('xapic', false));
    expect(pieces.run({ time: 5000 })).toBe('time');
    expect(pieces.now).toBeLessThanOrEqual(5000);
    expect(pieces.run({ stages: 20 })).toBe('stages');
    pieces.run();
    expect(text(pieces.save())).toBe(text(whole.save()));
  });

  test('its snapshot names stages, not their numbers', () => {
    const machine = createMachine(machineInput('x2apic', false));
    machine.run({ stages: 40 });
    expect(text(machine.snapshot())).toContain('"at":"vcpu_enter_guest.');
  });
});

describe('a saved machine', () => {
  test('continues identically wherever it is restored', () => {
    fc.assert(
      fc.property(inputs, fc.nat(250), (input, stages) => {
        const straight = createMachine(input);
        straight.run({ stages });
        const restored = restoreMachine(JSON.parse(text(straight.save())));
        expect(text(restored.save())).toBe(text(straight.save()));
        expect(straight.run()).toBe(restored.run());
        expect(text(restored.save())).toBe(text(straight.save()));
      }),
      { numRuns: 60 },
    );
  });

  test('the same seed gives the same bytes', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const [one, other] = [createMachine(input), createMachine(input)];
        one.run();
        other.run();
        expect(text(one.save())).toBe(text(other.save()));
      }),
      { numRuns: 20 },
    );
  });

  const saved = (): SavedMachine => {
    const machine = createMachine(machineInput('x2apic', true));
    machine.run({ stages: 60 });
    return JSON.parse(text(machine.save()));
  };

  test.each<[string, string, unknown, string]>([
    [
      'an unknown stage',
      'run.machine.threads[2][0].at',
      'on_cpu.away',
      "run.machine.threads[2][0].at: no stage 'on_cpu.away'",
    ],
    ['a register that is none', 'run.machine.vcpus[1].page.tpr', -1, 'run.machine.vcpus[1].page.tpr: -1 is not'],
    [
      'a thread that does not exist',
      'run.machine.vcpus[0].thread',
      99,
      'run.machine.vcpus[0].thread: threads[99] does not exist',
    ],
    ['a key that no version has', 'run.extra', 1, 'run.extra: '],
    [
      'a configuration that makes another machine',
      'config.topology',
      { sockets: 1, coresPerSocket: 4, threadsPerCore: 1 },
      'run.machine.processors: has 2 elements; this configuration makes 4',
    ],
  ])('%s is refused with its path', (_what, path, value, message) => {
    const machine = withPath(saved(), path, value);
    expect(() => restoreMachine(machine)).toThrow(InputError);
    expect(() => restoreMachine(machine)).toThrow(message);
  });
});

describe('a recorded machine', () => {
  test('ends as a timed one does, step by step on the way', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const timed = createMachine(input);
        timed.run();
        const recorded = createMachine(input);
        const recording = recorded.record();
        expect(text(recorded.save())).toBe(text(timed.save()));
        expect(text(recording.entries.at(-1)?.snapshot)).toBe(text(timed.snapshot()));
      }),
      { numRuns: 6 },
    );
  });

  test('can be run on from any step, and then ends as before', () => {
    const machine = createMachine(machineInput('xapic', true));
    const recording = machine.record();
    const last = recording.entries.length - 1;
    for (const index of [0, 17, Math.floor(last / 2), last]) {
      const forked = recording.fork(index);
      expect(text(forked.snapshot())).toBe(text(recording.at(index).snapshot));
      forked.run();
      expect(text(forked.save())).toBe(text(machine.save()));
    }
    expect(() => recording.fork(last + 1)).toThrow(InputError);
  });

  test('is stepped through back and forth', () => {
    const recording = createMachine(machineInput('x2apic', true)).record({ stages: 30 });
    expect(recording.forward()).toBeUndefined();
    const last = recording.current;
    expect(recording.back()?.index).toBe(last.index - 1);
    expect(recording.forward()).toBe(last);
    recording.at(0);
    expect(recording.back()).toBeUndefined();
  });

  test('tells the story of one IPI in the order of the manual', () => {
    const recording = createMachine(machineInput('x2apic', true)).record();
    const story = recording.entries.map((entry) => entry.stage);
    const steps = [
      'wrmsr.store-vicr',
      'ipi-virtualization.set-pir',
      'ipi-virtualization.set-on',
      'ipi-virtualization.notify',
      'posted-interrupt-processing.clear-on',
      'posted-interrupt-processing.move-pir',
      'virtual-interrupt-delivery.update-virtual-apic',
      'ipi_entry.store-ipi_done',
      'wrmsr.eoi-virtualization',
    ];
    let from = 0;
    for (const step of steps) {
      const found = story.indexOf(step, from);
      expect(found, step).toBeGreaterThanOrEqual(from);
      from = found;
    }
  });
});
