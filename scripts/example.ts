// npm run example <name>: the server of an example, on http://localhost:3000, with its data in ./data.
import { existsSync, globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = join(import.meta.dirname, '..', 'examples');
const [, , name = ''] = process.argv;
const entry = ['server.ts', 'start.ts'].map((file) => join(folder, name, file)).find((file) => name && existsSync(file));
if (entry) await import(pathToFileURL(entry).href);
else {
  const names = globSync('*/{server,start}.ts', { cwd: folder }).map((file) => basename(dirname(file)));
  console.error(`which one? npm run example ${[...new Set(names)].toSorted().join(' | ')}`);
  process.exitCode = 1;
}
