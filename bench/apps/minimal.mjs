// The least app there is, started as an app is: plain JavaScript, no part of a benchmark in its memory. `--without`: the same without Rowcast.
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({ options: { without: { type: 'boolean', default: false } }, allowPositionals: true });
const { createServer } = await import('node:http');
const { DatabaseSync } = await import('node:sqlite');
const { integer, sqliteTable, text } = await import('drizzle-orm/sqlite-core');

const [file] = positionals;
const app = new DatabaseSync(file);
app.exec('PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS post(id INTEGER PRIMARY KEY, body TEXT)');
const post = sqliteTable('post', { id: integer().primaryKey(), body: text() });
const http = createServer((_, response) => response.end(Object.keys(post).join()));
const begin = performance.now();
if (!values.without) {
  const [{ bindingFor, rowcast }, { drizzle }, { sqlite }] = await Promise.all([
    import('rowcast'),
    import('rowcast/drizzle'),
    import('rowcast/sqlite'),
  ]);
  const posts = bindingFor()(drizzle(post), { fields: ['id', 'body'], groupNames: () => ['posts'] });
  const live = await rowcast({ source: sqlite(file), bindings: { posts } });
  live.endpoint('/', { connectionGroups: () => ['posts'] });
  live.attach(http);
}
http.listen({ port: 0, host: '127.0.0.1' }, () => {
  process.send?.({ port: http.address().port, ms: performance.now() - begin });
});
process.on('message', async () => {
  for (let round = 0; round < 2; round++) {
    globalThis.gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  process.send({ rss: process.memoryUsage().rss });
});
process.on('disconnect', () => process.exit(0));
