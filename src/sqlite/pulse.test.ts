import { expect, test } from 'vitest';
import { suiteClock } from '../testing/opened.ts';
import { freshWorld } from '../../test/sqlite/fixture.ts';
import { openNodeSqlite } from './node-sqlite.ts';
import { Pulse } from './pulse.ts';

test('a database that cannot be looked at any more rejects who waits, and ends no process', async () => {
  const world = freshWorld('node:sqlite');
  const connection = await openNodeSqlite(world.file);
  const pulse = new Pulse(connection, suiteClock);
  const never = new AbortController().signal;
  const waiting = [pulse.next(never), pulse.next(never)];
  // As good as a file gone bad: every query throws.
  connection.close();
  expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(pulse.next(never)).rejects.toThrow(/finalized|not open/);
  pulse.close();
  await world.close();
});
