import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { stageOf } from '../../src/engine/frames.js';
import type { Frame } from '../../src/engine/state.js';
import { presets } from '../../src/scenarios/presets.js';
import { createRun } from '../../src/scenarios/run.js';
import { parseMachine, withValue } from '../../src/scenarios/schema.js';

// Records that a machine has many of share one hidden class, or every stage that touches them is slow: with 72 virtual CPUs half as slow again,
// with thousands four times. Objects made by a spread share none: `{ ...createProcessor(id, thread), own: 0 }`.

setFlagsFromString('--allow-natives-syntax');
const sameClass = runInNewContext('(a, b) => %HaveSameMap(a, b)') as (a: object, b: object) => boolean;

/** How many records of each kind there are, by hidden class: kinds are paths, and routines for the locals of their frames. */
function classesOf(state: object): Map<string, { example: object; count: number }[]> {
  const kinds = new Map<string, { example: object; count: number }[]>();
  const visit = (value: unknown, kind: string): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      for (const element of value) visit(element, `${kind}[]`);
      return;
    }
    const classes = kinds.get(kind) ?? [];
    kinds.set(kind, classes);
    const known = classes.find(({ example }) => sameClass(example, value));
    if (known === undefined) classes.push({ example: value, count: 1 });
    else known.count++;
    for (const [name, part] of Object.entries(value)) {
      visit(part, name === 'locals' ? `locals of ${stageOf(value as Frame).routine.name}` : `${kind}.${name}`);
    }
  };
  visit(state, '');
  return kinds;
}

test('records that a machine has many of share a hidden class', () => {
  const { variants: _, assumed: __, name: ___, title: ____, ...machine } = presets['ipi-in-kvm-guest'];
  const run = createRun(parseMachine(withValue(machine, 'workload.to', 'all')));
  run.run({ stages: 20_000 });
  const kinds = classesOf(run.state);
  expect(kinds.get('.machine.processors[]')?.map(({ count }) => count)).toEqual([80]);
  expect(kinds.get('.machine.vcpus[]')?.map(({ count }) => count)).toEqual([72]);
  // A few may have another: those that were made before a field first held numbers of another kind.
  const mixed = [...kinds].filter(([, classes]) => {
    const all = classes.reduce((sum, { count }) => sum + count, 0);
    return all >= 20 && Math.max(...classes.map(({ count }) => count)) < 0.8 * all;
  });
  expect(mixed.map(([kind]) => kind)).toEqual([]);
});
