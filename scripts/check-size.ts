// What a page pays for each thing it imports, minified and gzipped, beside what it has already, against a budget. `dist` must be built.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

interface Thing {
  readonly what: string;
  /** What a page would write. */
  readonly code: string;
  /** What it has written already. */
  readonly beside?: readonly string[];
  /** Packages that are the page's own affair. */
  readonly external?: readonly string[];
  readonly budget: number; // bytes; where this version belongs
  readonly limit: number; // bytes; what no version may pass
}

const CORE = `export { createClient } from './dist/client/core.js';`;
const CLIENT = `export { createClient } from './dist/client/index.js';`;
const STORES = `export { liveStream, liveRow, liveConnection } from './dist/client/index.js';`;
const DRAFTS = `export { draftOf, formOf } from './dist/client/index.js';`;
const hooks = (folder: string, name: string = folder): Thing => ({
  what: `rowcast/${folder}`,
  code: `export * from './dist/${folder}/index.js';`,
  beside: [CLIENT, STORES, DRAFTS],
  external: [name, `${name}/*`],
  budget: 800,
  limit: 1024,
});

const THINGS: readonly Thing[] = [
  // Meant to be 6 KB and 9 KB. What is in them, nothing may come in beside without something going.
  { what: 'rowcast/client/core', code: CORE, budget: 8.25 * 1024, limit: 8.5 * 1024 },
  { what: 'rowcast/client', code: CLIENT, budget: 12.75 * 1024, limit: 13 * 1024 },
  { what: 'what all frameworks share', code: STORES, beside: [CLIENT], budget: 900, limit: 1024 },
  { what: 'drafts', code: DRAFTS, beside: [CLIENT, STORES], budget: 960, limit: 1024 },
  hooks('react'),
  hooks('vue'),
  hooks('svelte'),
  hooks('solid', 'solid-js'),
  {
    what: 'rowcast/tanstack-db',
    code: `export * from './dist/tanstack-db/index.js';`,
    beside: [CLIENT],
    external: ['@tanstack/db'],
    budget: 1.4 * 1024,
    limit: 1.5 * 1024,
  },
  { what: 'select', code: `export { select } from './dist/client/index.js';`, beside: [CLIENT], budget: 1000, limit: 1024 },
];

for (const { what, code, beside = [], external = [], budget, limit } of THINGS) {
  const size = (await bytes([...beside, code], external)) - (beside.length > 0 ? await bytes(beside, external) : 0);
  console.log(`size: ${what} is ${size} bytes, budget ${budget}, limit ${limit}`);
  if (size <= budget) continue;
  console.error(
    `size: ${what} is over ${size > limit ? 'the limit' : 'the budget'}; see what came in with: echo "${code}" | npx esbuild --bundle --minify --analyze`,
  );
  process.exitCode = 1;
}

async function bytes(code: readonly string[], external: readonly string[]): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: code.join('\n'), resolveDir: '.' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    external: [...external],
    write: false,
    legalComments: 'none',
  });
  const [file] = outputFiles;
  if (!file) throw new Error('esbuild made no file');
  return gzipSync(file.contents, { level: 9 }).byteLength;
}
