import { readFile, writeFile } from 'node:fs/promises';

// README shows files that the tests run, word for word. This holds it to them; `--write` brings it up to date.

const PLACE = /<!-- include (\S+) -->\n[\s\S]*?<!-- end -->/g;
const readme = new URL('../README.md', import.meta.url);
const text = await readFile(readme, 'utf8');
const files = new Map<string, string>();
for (const [, path = ''] of text.matchAll(PLACE)) files.set(path, await readFile(new URL(`../${path}`, import.meta.url), 'utf8'));
const fresh = text.replace(
  PLACE,
  (_place, path: string) => `<!-- include ${path} -->\n\n\`\`\`ts\n${files.get(path)?.trimEnd()}\n\`\`\`\n\n<!-- end -->`,
);
if (process.argv.includes('--write')) await writeFile(readme, fresh);
else if (fresh !== text) {
  console.error('README.md shows a file as it no longer is: node scripts/readme.ts --write');
  process.exitCode = 1;
} else console.log(`README.md shows ${files.size} file(s) as they are`);
