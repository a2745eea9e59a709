import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    setupFiles: ['test/setup.ts'],
    // Generous: CI machines are slow and shared, and a run that hangs is cut off anyway.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'source', include: ['test/**/*.test.ts'], exclude: ['test/docs/**', 'test/package/**'] },
      },
      {
        // What users get: these run against dist/, so `npm run build` comes first.
        extends: true,
        test: {
          name: 'package',
          include: ['test/docs/**/*.test.ts', 'test/package/**/*.test.ts'],
        },
      },
    ],
    coverage: { provider: 'v8', include: ['src/**'], exclude: ['src/cli/**'] },
  },
});
