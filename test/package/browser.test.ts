import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { root } from '../../scripts/docs-blocks.mjs';

/** Bundles the built entry as a web page would, with all its packages; a module of Node would be an error. */
async function bundle(entry: string) {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'dist', entry, 'index.js')],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    globalName: 'vmxApic',
    target: 'es2022',
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

describe('in a browser', () => {
  test.each(['.', 'arch', 'observe', 'testing'])('%s bundles without any module of Node', async (entry) => {
    await expect(bundle(entry)).resolves.not.toMatch(/["']node:/);
  });

  test('gives the same report where there is only the language: no process, no Buffer, no require', async () => {
    const page = createContext({});
    runInContext(await bundle('.'), page);
    const experiment = "JSON.stringify(vmxApic.runScenario(vmxApic.presets['ipi-virtualization']))";
    const vmxApic = await import(pathToFileURL(join(root, 'dist', 'index.js')).href);
    expect(JSON.parse(runInContext(experiment, page))).toEqual(
      JSON.parse(JSON.stringify(vmxApic.runScenario(vmxApic.presets['ipi-virtualization']))),
    );
  });
});
