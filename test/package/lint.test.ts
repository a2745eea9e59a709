import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { root } from '../../scripts/docs-blocks.mjs';

// The project's own lint rules, on sample files in a folder laid out like the project.

const samples: { what: string; code: string; problem: string }[] = [
  { what: 'a module of Node', code: "export { readFileSync } from 'node:fs';\n", problem: 'noNodejsModules' },
  { what: 'the process', code: 'export const f = () => process.exit(1);\n', problem: 'noProcessGlobal' },
  { what: 'a global of Node', code: 'export const f = () => Buffer.alloc(1);\n', problem: 'noRestrictedGlobals' },
  { what: 'the wall clock', code: 'export const f = () => Date.now();\n', problem: 'noRestrictedGlobals' },
  { what: 'the console', code: "export const f = () => console.log('x');\n", problem: 'noConsole' },
  { what: 'unseeded randomness', code: 'export const f = () => Math.random();\n', problem: 'seeded generator' },
];

const folder = mkdtempSync(join(tmpdir(), 'vmx-apic-lint-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What Biome says about a file of that name. */
function lint(file: string) {
  const biome = join(root, 'node_modules', '.bin', 'biome');
  const args = ['lint', '--colors=off', '--vcs-enabled=false', file];
  return spawnSync(biome, args, { cwd: folder, encoding: 'utf8' }).stderr;
}

for (const name of ['biome.json', 'scripts']) cpSync(join(root, name), join(folder, name), { recursive: true });
for (const room of ['engine', 'cli']) mkdirSync(join(folder, 'src', room), { recursive: true });

describe('what only the command may use', () => {
  test.each(samples)('$what', ({ what, code, problem }) => {
    const name = `${what.replaceAll(' ', '-')}.ts`;
    for (const room of ['engine', 'cli']) writeFileSync(join(folder, 'src', room, name), code);
    expect(lint(`src/engine/${name}`)).toContain(problem);
    if (problem !== 'seeded generator') expect(lint(`src/cli/${name}`)).not.toMatch(/noNode|noRestricted|noConsole/);
  });
});
