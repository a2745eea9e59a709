import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../../scripts/docs-blocks.mjs';

// The package as a user gets it: packed, and installed into an empty project without network, beside its dependencies
// packed from the installed ones.

const folder = mkdtempSync(join(tmpdir(), 'vmx-apic-install-'));
const project = join(folder, 'project');
const entries = ['vmx-apic', 'vmx-apic/arch', 'vmx-apic/observe', 'vmx-apic/testing'];

/** Packs a package and gives the path of the tarball. */
function pack(source: string): string {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder, source];
  const [{ filename }] = JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }));
  return join(folder, filename);
}

function install(...tarballs: string[]) {
  const args = ['install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', ...tarballs];
  execFileSync('npm', args, { cwd: project, stdio: 'pipe' });
}

/** What a module prints in the project. */
function node(file: string, code: string) {
  writeFileSync(join(project, file), code);
  return execFileSync(process.execPath, [file], { cwd: project, encoding: 'utf8' }).trim();
}

function command(...args: string[]) {
  return spawnSync(join(project, 'node_modules', '.bin', 'vmx-apic'), args, { cwd: project, encoding: 'utf8' });
}

const installed = (name: string) => join(root, 'node_modules', name);
const namesOf = (file: string) => Object.keys(JSON.parse(readFileSync(file, 'utf8')).dependencies ?? {});

beforeAll(() => {
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  install(pack(root), ...namesOf(join(root, 'package.json')).map((name) => pack(installed(name))));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the installed package', () => {
  test.each(entries)('%s gives ESM and CommonJS users the same exports, without fast-check', (entry) => {
    const esm = node('esm.mjs', `import * as all from '${entry}'; console.log(Object.keys(all).sort().join());`);
    const cjs = node('cjs.cjs', `console.log(Object.keys(require('${entry}')).sort().join());`);
    expect(esm).not.toBe('');
    expect(cjs).toBe(esm);
  });

  test('one copy of each module serves all entries', () => {
    const code = (load: (entry: string) => string) => `
      const all = [${entries.map(load).join(', ')}];
      const shared = (name) => new Set(all.map((each) => each[name]).filter((value) => typeof value === 'function')).size < 2;
      console.log(all.flatMap((each) => Object.keys(each)).every(shared));`;
    expect(
      node(
        'esm.mjs',
        code((entry) => `await import('${entry}')`),
      ),
    ).toBe('true');
    expect(
      node(
        'cjs.cjs',
        code((entry) => `require('${entry}')`),
      ),
    ).toBe('true');
  });

  test('vmx-apic/testing loads once fast-check is there', () => {
    const peers = ['fast-check', ...namesOf(join(installed('fast-check'), 'package.json'))];
    install(...peers.map((name) => pack(installed(name))));
    const esm = node(
      'esm.mjs',
      "import * as all from 'vmx-apic/testing'; console.log(Object.keys(all).sort().join());",
    );
    const cjs = node('cjs.cjs', "console.log(Object.keys(require('vmx-apic/testing')).sort().join());");
    expect(esm).not.toBe('');
    expect(cjs).toBe(esm);
  });

  test('its types compile in strict ESM and CommonJS files, themselves checked too', () => {
    const lines = [...entries, 'vmx-apic/testing'].map((entry, i) => `export * as e${i} from '${entry}';\n`);
    const files = ['types.mts', 'types.cts'];
    for (const file of files) writeFileSync(join(project, file), lines.join(''));
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    const settings = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noEmit',
      '--module',
      'node16',
      '--target',
      'es2022',
    ];
    const { stdout } = spawnSync(tsc, [...settings, ...files], { cwd: project, encoding: 'utf8' });
    expect(stdout).toBe('');
  });

  test('only what users need is in it', () => {
    const files = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    });
    const names: string[] = JSON.parse(files)[0].files.map((each: { path: string }) => each.path);
    expect(names.filter((name) => !name.startsWith('dist/')).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'package.json',
    ]);
    expect(names.filter((name) => !/\.(js|cjs|d\.ts|d\.cts)$/.test(name) && name.startsWith('dist/'))).toEqual([]);
  });
});

describe('the installed command', () => {
  test('runs the published experiment and prints one JSON document', () => {
    const { status, stdout, stderr } = command('run', 'ipi-virtualization', '--json');
    expect(status, stderr).toBe(0);
    const report: { variants: { latencyCycles: { mean: number } }[] } = JSON.parse(stdout);
    expect(report.variants.length).toBe(4);
    for (const { latencyCycles } of report.variants) expect(latencyCycles.mean).toBeGreaterThan(0);
  });

  test('says in one line what is wrong with bad input, with status 2', () => {
    writeFileSync(join(project, 'bad.json'), '{"name":"bad","vms":[{"vcpus":2,"extra":1}]}');
    const { status, stdout, stderr } = command('run', 'bad.json');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('vms[0].extra');
  });
});
