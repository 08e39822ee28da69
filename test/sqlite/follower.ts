// A process that follows a file as Rowcast does: `node follower.ts FILE DRIVER`. One JSON line on stdout for its history, one for each commit.
import BetterSqlite3 from 'better-sqlite3';
import { sqlite } from '../../src/sqlite/index.ts';
import { boundOf } from '../../src/testing/tables.ts';
import { suiteClock, SuiteLog } from '../../src/testing/opened.ts';
import { model } from './models.ts';

const [, , file = '', driver = ''] = process.argv;
const database = sqlite(file, driver === 'node:sqlite' ? {} : { driver: BetterSqlite3 });
const open = await database.open([boundOf(model('t', 'id integer, v text', 'id'))], {
  setup: 'auto',
  clock: suiteClock,
  log: new SuiteLog(),
});
process.stdout.write(`${JSON.stringify({ epoch: open.source.epoch, tail: await open.source.tail() })}\n`);

const ended = new AbortController();
process.stdin.on('end', () => ended.abort()).resume();
const floor = await open.source.floor();
for await (const commits of open.source.read(floor.position, ended.signal)) {
  for (const { position } of commits) process.stdout.write(`${JSON.stringify({ position })}\n`);
}
await open.close();
