import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { root } from '../../scripts/docs-blocks.mjs';
import type * as Testing from '../../src/testing/index.js';

// The built test kit in the hands of two runners: here as a user of vitest writes it, below as one of node:test does.

const built = pathToFileURL(join(root, 'dist', 'testing', 'index.js')).href;
const { arbitraries, checkCase, story }: typeof Testing = await import(built);
const any = arbitraries(fc);

describe('under vitest', () => {
  test('the laws of delivery hold on whole machines', () => {
    fc.assert(
      fc.property(any.interruptCase(), (input) => void checkCase(input)),
      { numRuns: 20 },
    );
  });

  test('a counterexample prints itself as a story', () => {
    const told = any.interruptCase({ schedules: ['switches'] });
    const failing = fc.property(told, (input) => !/takes 31H/.test(story(input)));
    expect(() => fc.assert(failing)).toThrow(/\d+\. vCPU \d takes 31H/);
  });
});

const nodeTest = `
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkVmEntry } from 'vmx-apic/arch';
import { arbitraries, checkCase, compareSystems, MachineSystem, ReferenceSystem } from 'vmx-apic/testing';

const any = arbitraries(fc);

describe('properties under node:test', () => {
  test('a VMCS that breaks a rule does not pass VM entry', () => {
    const broken = ({ vmcs, context, rule }) => checkVmEntry(vmcs, context).every((failure) => failure.rule === rule);
    fc.assert(fc.property(any.brokenVmcs(), broken), { seed: 1 });
  });

  test('the laws of delivery hold on whole machines', () => {
    fc.assert(fc.property(any.interruptCase(), (input) => void checkCase(input)), { seed: 1, numRuns: 20 });
  });

  test('a machine does what bare local APICs do', () => {
    const machines = [{ host: { kernel: '6.12' }, topology: { coresPerSocket: 3 }, vms: [{ vcpus: 2 }] }];
    const same = (steps) => {
      const reference = new ReferenceSystem({ cpus: 2, apicMode: 'x2apic' });
      assert.equal(compareSystems(reference, new MachineSystem({ machines }), steps)?.story, undefined);
    };
    fc.assert(fc.property(any.systemSteps({ cpus: 2 }), same), { seed: 1, numRuns: 20 });
  });
});
`;
// Inside the package, whose own exports then resolve its name.
const file = join(import.meta.dirname, '.node-test.mjs');
afterAll(() => rmSync(file, { force: true }));

test('under node:test', () => {
  writeFileSync(file, nodeTest);
  const { status, stdout } = spawnSync(process.execPath, ['--test', file], { cwd: root, encoding: 'utf8' });
  expect(stdout).toMatch(/pass 3/);
  expect(status, stdout).toBe(0);
});
