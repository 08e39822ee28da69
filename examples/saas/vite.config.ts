import { defineConfig } from 'vitest/config';

export default defineConfig({
  // All that the page imports, found before it is first asked for: no reload in the middle of things.
  optimizeDeps: { entries: ['pages/browser.tsx'] },
  test: { testTimeout: 60_000, hookTimeout: 120_000 },
});
