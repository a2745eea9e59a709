// `npm run calibrate`: bundles calibration-report.mjs with the library's source, so that it needs no build, and runs it.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
// Inside node_modules, so that what is not bundled is found from there.
const folder = join(root, 'node_modules', '.cache', `vmx-apic-calibrate-${process.pid}`);
const outfile = join(folder, 'calibration-report.mjs');
await build({
  entryPoints: [join(root, 'scripts', 'calibration-report.mjs')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, [outfile], { cwd: root, stdio: 'inherit' });
rmSync(folder, { recursive: true, force: true });
process.exitCode = status ?? 1;
