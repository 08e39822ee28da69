import { bareModel, bound } from './bare-model.ts';
import { testClock, TestLog } from './follower.ts';
import { postgres } from '../../src/postgres/index.ts';

/** A process that follows `item`, by triggers or by the log (with the slot named), from its floor, and says one line of JSON for each commit with rows. */
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const [url = '', slot] = process.argv.slice(2);
const item = bareModel('item', { id: 'integer', text: 'text' });
const open = await postgres(slot ? { url, slot } : { url, follow: 'triggers' }).open([bound(item)], {
  setup: slot ? 'auto' : 'check',
  clock: testClock(),
  log: new TestLog(),
});
const { position } = await open.source.floor();
say({ floor: position });
// Nothing else keeps the process alive between two looks.
setInterval(() => {}, 1_000);
for await (const commits of open.source.read(position, new AbortController().signal)) {
  for (const { position: at, xid, changes } of commits) {
    if (changes.length > 0) say({ at, xid: String(xid), ids: changes.map(({ after }) => after?.[0]) });
  }
}
