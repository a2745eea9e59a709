import { defineConfig } from 'tsup';

const frontDoors = {
  index: 'src/index.ts',
  'arch/index': 'src/arch/index.ts',
  'testing/index': 'src/testing/index.ts',
  'observe/index': 'src/observe/index.ts',
};

const shared = {
  target: 'es2022',
  // One copy of each module for all entries: an error class or a table is the same object whichever door it came through.
  splitting: true,
  treeshake: false,
  // tsup sets `baseUrl` for the declarations, which TypeScript 6 reports as deprecated.
  dts: { entry: frontDoors, compilerOptions: { ignoreDeprecations: '6.0', types: [] } },
} as const;

export default defineConfig([
  {
    ...shared,
    format: 'esm',
    entry: { ...frontDoors, 'cli/main': 'src/cli/main.ts', 'cli/sweep-worker': 'src/cli/sweep-worker.ts' },
  },
  { ...shared, format: 'cjs', entry: frontDoors },
]);
