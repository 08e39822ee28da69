import { defineConfig } from 'vite';

export default defineConfig({
  // All that the page imports, found before it is first asked for: no reload in the middle of things.
  optimizeDeps: { entries: ['pages/browser.tsx'] },
});
