import { defineConfig } from 'vitest/config';
import { mutated, ROOT } from './mutate.ts';

/** Which mutant is put into what the tests load. */
const texts = mutated(process.env['ROWCAST_MUTANT'] ?? '');

export default defineConfig({
  root: ROOT,
  plugins: [{ name: 'mutant', enforce: 'pre', load: (id) => texts.get(id) ?? null }],
  test: {
    include: ['{src,test}/**/*.test.ts'],
    maxWorkers: 1,
    reporters: ['./scripts/mutants/law-reporter.ts'],
    // It knows files by what is on the disk: a mutant would be had without being there, or stay when it is gone.
    fsModuleCache: false,
  },
});
