import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, describe, expect, test } from 'vitest';
import { root } from '../../scripts/docs-blocks.mjs';
import { parseXml } from '../observe/xml.js';

// The built command as a user runs it: models, and bugs of history switched on in them.

const folder = mkdtempSync(join(tmpdir(), 'vmx-apic-explore-'));

function vmxApic(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('vmx-apic explore', () => {
  test('explores all of a configuration', () => {
    const { status, stdout, stderr } = vmxApic('explore', 'entry/software', '--json');
    expect([status, stderr]).toEqual([0, '']);
    const { model, configurations } = JSON.parse(stdout);
    expect(model).toBe('entry');
    expect(configurations).toMatchObject([{ configuration: 'software', strategy: 'exhaustive', complete: true }]);
    expect(configurations[0].states).toBeGreaterThan(100);
  });

  test('says where it stopped', () => {
    expect(vmxApic('explore', 'block/software', '--depth', '12').stdout).toContain('bounded at depth 12');
    const { configurations } = JSON.parse(vmxApic('explore', 'block/software', '--states', '500', '--json').stdout);
    expect(configurations).toMatchObject([{ complete: false, limit: 'states' }]);
  });

  test('finds a bug that is switched on, draws it, and replays it', () => {
    const found = vmxApic('explore', 'block/device', '--mutant', 'PI-08', '--json', '--svg', 'bug.svg');
    expect(found.status).toBe(1);
    const { mutant, configurations } = JSON.parse(found.stdout);
    expect(mutant).toBe('PI-08');
    const { invariant, what, schedule, trace } = configurations[0].violation;
    expect(invariant).toBe('INV2-being-woken');
    expect(what).toContain('sleeps although');
    expect(trace).toContain('p0 vmx_vcpu_pi_put.cmpxchg-nv');
    const svg = readFileSync(join(folder, 'bug.svg'), 'utf8');
    expect(parseXml(svg).name).toBe('svg');
    expect(svg).toContain(`>${invariant}: ${what}<`);
    const again = vmxApic('explore', 'block/device', '--mutant', 'PI-08', '--schedule', schedule, '--json');
    expect(JSON.parse(again.stdout).configurations[0].violation).toMatchObject({ invariant, schedule });
    // Without the bug the same schedule breaks nothing, as far as it goes.
    expect(vmxApic('explore', 'block/device', '--schedule', schedule).status).not.toBe(1);
  });

  test.each(['random', 'pct'])('samples by %s, the same for the same seed', (strategy) => {
    const args = ['explore', 'block/device', '--strategy', strategy, '--runs', '20', '--seed', '7', '--json'];
    const [one, two] = [vmxApic(...args), vmxApic(...args)];
    expect(one.status).toBe(0);
    const withoutTime = (text: string): string => text.replace(/"seconds": [\d.e-]+/g, '');
    expect(withoutTime(one.stdout)).toBe(withoutTime(two.stdout));
    expect(JSON.parse(one.stdout).configurations[0].runs).toBe(20);
  });

  test.each([
    [['explore'], 'which model'],
    [['explore', 'nothing'], "there is no model 'nothing'"],
    [['explore', 'entry/nothing'], "has no configuration 'nothing'"],
    [['explore', 'entry', '--mutant', 'PI-99'], "there is no mutant 'PI-99'"],
    [['explore', 'entry', '--strategy', 'luck'], '--strategy luck'],
    [['explore', 'entry', '--schedule', 'p0'], 'of which configuration'],
    [['explore', 'entry/software', '--schedule', 'p0 nonsense'], 'schedule[1]'],
    [['explore', 'entry/software', '--schedule', 'd0'], 'schedule[0]'],
    [['explore', 'entry/software', '--states', '0'], '--states 0'],
    [['mutants', 'PI-99'], "there is no mutant 'PI-99'"],
  ])('%j is refused in one line', (args, reason) => {
    const { status, stdout, stderr } = vmxApic(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(reason);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('says that there is nothing to draw, behind its results', () => {
    const { status, stdout, stderr } = vmxApic('explore', 'entry/software', '--svg', 'none.svg');
    expect([status, stdout.includes('complete')]).toEqual([2, true]);
    expect(stderr).toContain('there is nothing to draw');
  });
});

describe('vmx-apic mutants', () => {
  test('says what caught each, with the schedule', () => {
    const { status, stdout } = vmxApic('mutants', 'PI-01', 'HLT-01', '--json');
    expect(status).toBe(0);
    const { mutants, summary } = JSON.parse(stdout);
    expect(summary).toEqual({ tried: 2, caught: 2 });
    for (const mutant of mutants) {
      expect(mutant).toMatchObject({ caught: true, by: 'explorer' });
      expect(mutant.schedule).toMatch(/^p0/);
    }
    expect(vmxApic('mutants', 'PI-10', '--svg', 'one.svg').stdout).toContain('1 of 1 caught');
    expect(readFileSync(join(folder, 'one.svg'), 'utf8')).toContain('PI-10 in block/interrupt-handler');
    expect(vmxApic('mutants', 'PI-10', 'PI-11', '--svg', 'two.svg').stderr).toContain('--svg is of one mutant');
    expect(vmxApic('mutants', 'ICR-02', '--svg', 'none.svg').stderr).toContain('ICR-02 has no schedule');
  });
});
