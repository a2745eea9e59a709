import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { root } from '../../scripts/docs-blocks.mjs';

// The project's own dependency rules, on a small source tree in which every import is known to be allowed or not.

const imports: { from: string; to: string; rule: string | undefined }[] = [
  { from: 'src/cli/a.ts', to: 'src/index.ts', rule: undefined },
  { from: 'src/cli/a.ts', to: 'src/observe/index.ts', rule: undefined },
  { from: 'src/cli/a.ts', to: 'src/cli/b.ts', rule: undefined },
  { from: 'src/cli/a.ts', to: 'node:fs', rule: undefined },
  { from: 'src/cli/a.ts', to: 'src/engine/a.ts', rule: 'cli-uses-front-doors-only' },
  { from: 'src/cli/b.ts', to: 'src/kvm/index.ts', rule: 'cli-uses-front-doors-only' },
  { from: 'src/index.ts', to: 'src/scenarios/a.ts', rule: undefined },
  { from: 'src/index.ts', to: 'src/testing/a.ts', rule: 'main-door-without-testing' },
  { from: 'src/testing/a.ts', to: 'fast-check', rule: undefined },
  { from: 'src/testing/a.ts', to: 'src/observe/a.ts', rule: undefined },
  { from: 'src/testing/a.ts', to: 'src/engine/a.ts', rule: undefined },
  { from: 'src/testing/a.ts', to: 'src/cli/b.ts', rule: 'testing-looks-down-only' },
  { from: 'src/observe/a.ts', to: 'src/engine/a.ts', rule: undefined },
  { from: 'src/observe/a.ts', to: 'src/kvm/a.ts', rule: 'observe-must-not-know' },
  { from: 'src/observe/a.ts', to: 'src/guest/a.ts', rule: 'observe-must-not-know' },
  { from: 'src/scenarios/a.ts', to: 'src/cost/a.ts', rule: undefined },
  { from: 'src/scenarios/b.ts', to: 'src/index.ts', rule: 'main-door-is-for-users' },
  { from: 'src/scenarios/b.ts', to: 'fast-check', rule: 'fast-check-in-testing-only' },
  { from: 'src/cost/a.ts', to: 'src/engine/a.ts', rule: undefined },
  { from: 'src/cost/a.ts', to: 'src/kvm/a.ts', rule: 'cost-must-not-know' },
  { from: 'src/guest/a.ts', to: 'src/hardware/a.ts', rule: undefined },
  { from: 'src/guest/a.ts', to: 'src/host/a.ts', rule: 'guest-must-not-know' },
  { from: 'src/guest/b.ts', to: 'src/stray.ts', rule: 'every-file-in-a-room' },
  { from: 'src/kvm/a.ts', to: 'src/host/a.ts', rule: undefined },
  { from: 'src/kvm/b.ts', to: 'src/cost/a.ts', rule: 'kvm-looks-down-only' },
  { from: 'src/host/a.ts', to: 'src/hardware/a.ts', rule: undefined },
  { from: 'src/host/b.ts', to: 'src/kvm/a.ts', rule: 'host-looks-down-only' },
  { from: 'src/hardware/a.ts', to: 'src/arch/a.ts', rule: undefined },
  { from: 'src/hardware/a.ts', to: 'src/engine/a.ts', rule: undefined },
  { from: 'src/hardware/b.ts', to: 'src/kvm/a.ts', rule: 'hardware-looks-down-only' },
  { from: 'src/hardware/b.ts', to: 'node:os', rule: 'node-in-cli-only' },
  { from: 'src/arch/a.ts', to: 'src/arch/b.ts', rule: undefined },
  { from: 'src/arch/c.ts', to: 'src/engine/a.ts', rule: 'arch-must-not-know' },
  { from: 'src/arch/c.ts', to: 'src/hardware/a.ts', rule: 'arch-looks-down-only' },
  { from: 'src/arch/c.ts', to: 'immer', rule: 'arch-without-packages' },
  { from: 'src/engine/b.ts', to: 'immer', rule: undefined },
  { from: 'src/engine/b.ts', to: 'src/arch/a.ts', rule: 'engine-looks-down-only' },
  { from: 'src/engine/b.ts', to: 'test/a.ts', rule: 'src-stands-alone' },
  { from: 'src/engine/b.ts', to: 'typescript', rule: 'declared-packages-only' },
  { from: 'src/engine/c.ts', to: 'src/engine/d.ts', rule: 'no-cycles' },
  { from: 'src/engine/d.ts', to: 'src/engine/c.ts', rule: undefined },
];

const folder = mkdtempSync(join(tmpdir(), 'vmx-apic-rooms-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

/** Broken rules as `from → to: rule`. */
function violations(): string[] {
  const up = (from: string) => '../'.repeat(from.split('/').length - 1);
  const files = new Map<string, string>();
  for (const { from, to } of imports) {
    const address = /^(src|test)\//.test(to) ? up(from) + to.replace(/\.ts$/, '.js') : to;
    files.set(from, `${files.get(from) ?? ''}import type {} from '${address}';\n`);
    if (address !== to && !files.has(to)) files.set(to, '');
  }
  for (const [file, text] of files) write(file, `${text}export {};\n`);
  for (const name of ['immer', 'fast-check', 'typescript']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`node_modules/${name}/index.js`, '');
  }
  write(
    'package.json',
    JSON.stringify({
      dependencies: { immer: '1' },
      peerDependencies: { 'fast-check': '1' },
      devDependencies: { typescript: '1' },
    }),
  );
  write('tsconfig.json', JSON.stringify({ compilerOptions: { module: 'ESNext', moduleResolution: 'Bundler' } }));
  const depcruise = join(root, 'node_modules', '.bin', 'depcruise');
  const config = join(root, '.dependency-cruiser.cjs');
  const { stdout, stderr } = spawnSync(depcruise, ['src', '--config', config, '--output-type', 'json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (!stdout) throw new Error(stderr);
  const report: { summary: { violations: { from: string; to: string; rule: { name: string } }[] } } =
    JSON.parse(stdout);
  return report.summary.violations.map(({ from, to, rule }) => {
    const target = to.replace(/^node_modules\/(.*)\/.*$/, '$1').replace(/^(fs|os)$/, 'node:$1');
    return `${from} → ${target}: ${rule.name}`;
  });
}

describe('the rooms', () => {
  const found = violations();

  test.each(imports.filter(({ rule }) => rule).map((each) => [`${each.from} → ${each.to}`, each.rule]))(
    '%s breaks %s',
    (edge, rule) => {
      expect(found).toContain(`${edge}: ${rule}`);
    },
  );

  test('every other import is allowed', () => {
    const expected = imports.filter(({ rule }) => rule).map(({ from, to, rule }) => `${from} → ${to}: ${rule}`);
    expect(found.filter((each) => !expected.includes(each))).toEqual([]);
  });
});
