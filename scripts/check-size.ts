// What a page pays for `rowcast/client`: bundled, minified and gzipped, against a budget. `dist` must be built.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const BUDGET = 5.5 * 1024; // bytes; where the client of this version belongs
const LIMIT = 6 * 1024; // bytes; what no version may pass

const result = await build({
  entryPoints: ['dist/client/index.js'],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2023',
  write: false,
  legalComments: 'none',
});
const [file] = result.outputFiles;
if (!file) throw new Error('esbuild made no file');
const size = gzipSync(file.contents, { level: 9 }).byteLength;
console.log(`size: rowcast/client is ${size} bytes (${file.contents.byteLength} before gzip), budget ${BUDGET}, limit ${LIMIT}`);
if (size > BUDGET) {
  console.error(
    `size: over ${size > LIMIT ? 'the limit' : 'the budget'}; see what came in with: npx esbuild dist/client/index.js --bundle --minify --analyze`,
  );
  process.exitCode = 1;
}
