import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { root } from '../../scripts/docs-blocks.mjs';

// The built test kit in the hands of two runners: this file as a user of vitest writes it, the other as one of node:test does.

const { arbitraries, checkCase, story } = await import('vmx-apic/testing');
const any = arbitraries(fc);

describe('under vitest', () => {
  test('the laws of delivery hold on whole machines', () => {
    fc.assert(
      fc.property(any.interruptCase(), (input) => void checkCase(input)),
      { numRuns: 20 },
    );
  });

  test('a counterexample prints itself as a story', () => {
    const failing = fc.property(
      any.interruptCase({ schedules: ['switches'] }),
      (input) => !/takes 31H/.test(story(input)),
    );
    expect(() => fc.assert(failing)).toThrow(/\d+\. vCPU \d takes 31H/);
  });
});

test('under node:test', () => {
  const file = join(root, 'test', 'package', 'runners', 'node-test.mjs');
  const { status, stdout } = spawnSync(process.execPath, ['--test', file], { cwd: root, encoding: 'utf8' });
  expect(stdout).toMatch(/pass [1-9]/);
  expect(status, stdout).toBe(0);
});
