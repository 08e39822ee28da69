import { defineConfig } from 'vitest/config';

// Three circles, by what a test needs. `unit`: npm packages only (embedded Postgres included). `services`: servers and majors from Debian.
// `e2e`: a real Chromium. And one by how long it takes: `soak`, minutes of what `unit` has moments of.
// What is awaited is awaited for long: a machine may be slow and busy, and nothing here is measured.
const common = { testTimeout: 60_000, hookTimeout: 120_000, expect: { poll: { timeout: 45_000 } }, pool: 'forks' as const };

export default defineConfig({
  test: {
    reporters: ['default', './scripts/closing-line.ts'],
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...common,
          name: 'unit',
          include: ['{src,test,examples}/**/*.test.ts', 'bench/*.test.ts'],
          exclude: ['**/*.{services,e2e,soak,mutants}.test.ts'],
        },
      },
      { test: { ...common, name: 'services', include: ['{src,test,examples}/**/*.services.test.ts'] } },
      { test: { ...common, name: 'soak', include: ['test/**/*.soak.test.ts'] } },
      { test: { ...common, name: 'mutants', include: ['test/**/*.mutants.test.ts'] } },
      { test: { ...common, testTimeout: 300_000, hookTimeout: 300_000, name: 'e2e', include: ['{test,examples}/**/*.e2e.test.ts'] } },
    ],
  },
});
