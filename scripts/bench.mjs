// `npm run bench [-- NAME…]`: bundles the files of test/bench and runs each in a process of its own, one after the other.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'test', 'bench');
// Inside node_modules, so that what is not bundled is found from there.
const out = join(root, 'node_modules', '.cache', 'vmx-apic-bench');

const all = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => basename(file, '.ts'));
const names = process.argv.length > 2 ? process.argv.slice(2) : all;
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(', ')} (there are ${all.join(', ')})`);
  process.exit(2);
}

await build({
  entryPoints: names.map((name) => join(folder, `${name}.ts`)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  packages: 'external',
});

for (const name of names) {
  console.log(`\n${name}`);
  const { status } = spawnSync(process.execPath, ['--expose-gc', join(out, `${name}.mjs`)], {
    stdio: 'inherit',
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (status !== 0) process.exitCode = 1;
}
rmSync(out, { recursive: true, force: true });
