import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { pages, section } from '../bench/pages.ts';
import type { Published } from '../bench/results.ts';

// README and docs/ show files that the tests run, word for word, and figures that were measured. This holds them to it; `--write` brings them up to date.

const PLACE = /<!-- include (\S+) -->\n[\s\S]*?<!-- end -->/g;
const FIGURES = /<!-- bench -->\n[\s\S]*?<!-- end -->/;
const root = new URL('../', import.meta.url);
const write = process.argv.includes('--write');
const published = JSON.parse(await readFile(new URL('docs/bench/results.json', root), 'utf8').catch(() => '{}')) as Published;
/** Nothing, where nothing was published: what stands there stays. */
const figures = Object.keys(published).length > 0 ? await section(published) : undefined;
const made = await pages(published);

const docs = (await readdir(new URL('docs', root))).map((name) => `docs/${name}`);
let shown = 0;
for (const page of ['README.md', ...docs.filter((path) => path.endsWith('.md') && !made.has(path))]) {
  const text = await readFile(new URL(page, root), 'utf8');
  const files = new Map<string, string>();
  for (const [, path = ''] of text.matchAll(PLACE)) files.set(path, await readFile(new URL(path, root), 'utf8'));
  const fresh = text
    .replace(PLACE, (_place, path: string) => `<!-- include ${path} -->\n\n\`\`\`ts\n${files.get(path)?.trimEnd()}\n\`\`\`\n\n<!-- end -->`)
    .replace(FIGURES, (stands) => (figures === undefined ? stands : `<!-- bench -->\n\n${figures.trimEnd()}\n\n<!-- end -->`));
  shown += files.size;
  await hold(page, fresh);
}
for (const [path, fresh] of made) await hold(path, fresh);
// Of a figure that is no more.
for (const name of await readdir(new URL('docs/bench', root)).catch(() => [])) {
  if (name.endsWith('.svg') && !made.has(`docs/bench/${name}`)) await hold(`docs/bench/${name}`, undefined);
}
console.log(`README.md and docs/ show ${shown} file(s), and figures of ${Object.keys(published).length} workload(s)`);

/** `fresh`: what must be there; `undefined`: nothing. */
async function hold(path: string, fresh: string | undefined): Promise<void> {
  const file = new URL(path, root);
  if ((await readFile(file, 'utf8').catch(() => undefined)) === fresh) return;
  if (!write) {
    console.error(`${path} is not what it is made of: node scripts/readme.ts --write`);
    process.exitCode = 1;
  } else if (fresh === undefined) await rm(file);
  else {
    await mkdir(new URL('./', file), { recursive: true });
    await writeFile(file, fresh);
  }
}
