import { defineConfig } from 'vitest/config';

// What mutation testing runs: the tests of src/arch, without those that read its source. The conformance vectors would take hours
// and find nothing that these do not.
export default defineConfig({
  test: {
    setupFiles: ['test/setup.ts'],
    testTimeout: 30_000,
    include: ['test/arch/**/*.test.ts'],
    exclude: ['test/arch/rules-page.test.ts', 'test/arch/rules/source.test.ts'],
  },
});
