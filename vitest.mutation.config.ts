import { defineConfig } from 'vitest/config';

// What mutation testing runs: the tests of src/arch, without those that read its source. The conformance vectors are
// left out: each run of them takes seconds, and docs/mutation.md accounts for what survives without them.
export default defineConfig({
  test: {
    setupFiles: ['test/setup.ts'],
    testTimeout: 30_000,
    include: ['test/arch/**/*.test.ts'],
    exclude: ['test/arch/rules-page.test.ts', 'test/arch/rules/source.test.ts'],
  },
});
