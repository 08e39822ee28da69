import { readdir, readFile, writeFile } from 'node:fs/promises';

// README and docs/ show files that the tests run, word for word. This holds them to it; `--write` brings them up to date.

const PLACE = /<!-- include (\S+) -->\n[\s\S]*?<!-- end -->/g;
const root = new URL('../', import.meta.url);
const docs = (await readdir(new URL('docs', root))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
let shown = 0;
for (const page of ['README.md', ...docs]) {
  const file = new URL(page, root);
  const text = await readFile(file, 'utf8');
  const files = new Map<string, string>();
  for (const [, path = ''] of text.matchAll(PLACE)) files.set(path, await readFile(new URL(path, root), 'utf8'));
  const fresh = text.replace(
    PLACE,
    (_place, path: string) => `<!-- include ${path} -->\n\n\`\`\`ts\n${files.get(path)?.trimEnd()}\n\`\`\`\n\n<!-- end -->`,
  );
  shown += files.size;
  if (fresh === text) continue;
  if (process.argv.includes('--write')) await writeFile(file, fresh);
  else {
    console.error(`${page} shows a file as it no longer is: node scripts/readme.ts --write`);
    process.exitCode = 1;
  }
}
console.log(`README.md and docs/ show ${shown} file(s)`);
