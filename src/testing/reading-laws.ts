import assert from 'node:assert/strict';
import { ORIGIN, rowValue, type Receipt } from '../core/index.ts';
import { tableOf, type LogReader, type Opened } from './opened.ts';
import type { Laws } from './runner.ts';

const POST = { id: 1, blogId: 1, slug: null, title: 'One', body: null, notes: 'n' };

/** How a log is read: marks, positions, restarts, several readers, slow ones. */
export const READING_LAWS: Laws<Opened> = {
  async 'a mark comes back once, as a commit without changes'(opened) {
    const open = await opened.open();
    const reader = await opened.read(open);
    await open.source.mark({ client: 'c', write: 7 });
    await open.source.mark({ client: 'c', write: 8, answer: { ok: true, pk: 3 } });
    await reader.settled();
    assert.deepEqual(reader.receipts, ['c:7', 'c:8']);
    assert.deepEqual(reader.commits.flatMap(({ receipts }) => receipts).find(({ write }) => write === 8)?.answer, { ok: true, pk: 3 });
    assert.deepEqual(reader.changes, []);
  },

  async 'what the app publishes comes back as changes, in one commit with its receipt'(opened) {
    const open = await opened.open();
    const reader = await opened.read(open);
    const table = tableOf(open, opened.models.post);
    const changed = { ...POST, title: 'Said' };
    await open.source.publish(
      [
        { table, before: null, after: POST },
        { table, before: POST, after: changed },
        { table, before: changed, after: null },
      ],
      { client: 'p', write: 1 },
    );
    await reader.settled();
    const commit = reader.commits.find(({ receipts }) => receipts.some(({ client }) => client === 'p'));
    assert.equal(commit?.changes.length, 3);
    assert.deepEqual(reader.changes, [
      { table: 'post', before: null, after: POST },
      { table: 'post', before: POST, after: changed },
      { table: 'post', before: changed, after: null },
    ]);
  },

  async 'nothing from before the tail comes, and everything after it'(opened) {
    const open = await opened.open();
    await opened.run("INSERT INTO blog(id, title) VALUES (1, 'Before')");
    const first = await opened.read(open);
    await first.settled();
    await first.stop();
    const tail = await open.source.tail();
    await opened.run("INSERT INTO blog(id, title) VALUES (2, 'After')");
    const reader = await opened.read(open, tail);
    await reader.settled();
    assert.deepEqual(reader.changes, [{ table: 'blog', before: null, after: { id: 2, title: 'After' } }]);
  },

  async 'positions rise strictly, beyond the tail they were read after'(opened) {
    const open = await opened.open();
    const tail = await open.source.tail();
    const reader = await opened.read(open, tail);
    for (let n = 1; n <= 20; n++) await opened.run(`INSERT INTO blog(title) VALUES ('b${n}')`);
    await reader.settled();
    const positions = [tail, ...reader.commits.map(({ position }) => position)];
    for (const position of positions) assert.match(position, /^[0-9a-f]{16}$/);
    assert.deepEqual(positions, [...new Set(positions)].toSorted());
  },

  async 'after a restart, reading from an older position brings everything since, once'(opened) {
    const first = await opened.open();
    const reader = await opened.read(first);
    await opened.run("INSERT INTO blog(id, title) VALUES (1, 'a')");
    await reader.settled();
    const { position } = reader.commits.at(-1) as { position: string };
    first.source.acknowledge(position);
    await opened.run("INSERT INTO blog(id, title) VALUES (2, 'b')");
    await reader.settled();
    await reader.stop();
    await opened.close(first);
    await opened.run("INSERT INTO blog(id, title) VALUES (3, 'c')");

    const again = await opened.read(await opened.open(), position);
    await again.settled();
    assert.deepEqual(
      again.changes.map(({ after }) => after?.['title']),
      ['b', 'c'],
    );
    assert.deepEqual(
      again.commits.flatMap(({ lost }) => lost),
      [],
    );
  },

  async 'a floor is no further than the tail and than what is held elsewhere, does not fall, and has a reason'(opened) {
    const open = await opened.open();
    const floors = [await open.source.floor()];
    assert.ok((floors[0]?.position ?? '') <= (await open.source.tail()));
    const reader = await opened.read(open);
    for (let n = 1; n <= 5; n++) {
      await opened.run(`INSERT INTO blog(id, title) VALUES (${n}, 'b${n}')`);
      await reader.settled();
      const held = reader.commits.at(-1)?.position ?? '';
      open.source.acknowledge(held);
      floors.push(await open.source.floor());
      assert.ok((floors.at(-1)?.position ?? '') <= held);
    }
    for (const { position, reason } of floors) {
      assert.match(position, /^[0-9a-f]{16}$/);
      assert.ok(reason.length > 0);
    }
    const positions = floors.map(({ position }) => position);
    assert.deepEqual(positions, positions.toSorted());
  },

  async 'a restart that reads from the floor tells again what was told: the same positions, the same changes'(opened) {
    const first = await opened.open();
    const reader = await opened.read(first);
    for (let n = 1; n <= 12; n++) {
      await opened.run('BEGIN', `INSERT INTO blog(id, title) VALUES (${n}, 'b${n}')`, `UPDATE blog SET title = title || '!'`, 'COMMIT');
      // Some are told one by one, and some come while nobody has looked.
      if (n % 3 > 0) await reader.settled();
      if (n === 5) first.source.acknowledge(reader.commits.at(-1)?.position ?? '');
    }
    await reader.settled();
    const told = reader.commits.slice();
    await reader.stop();
    await opened.close(first);

    const second = await opened.open();
    const { position: floor } = await second.source.floor();
    const again = await opened.read(second, floor);
    await again.settled();
    const last = told.at(-1)?.position ?? '';
    const short = (reading: LogReader, commits = reading.commits): unknown =>
      commits
        .filter(({ position }) => position > floor && position <= last)
        .map(({ position, xid, receipts, changes, lost }) => ({
          position,
          xid,
          receipts,
          lost,
          changes: changes.map(({ table, before, after }) => [table.id, before, after]),
        }));
    assert.deepEqual(short(again), short(reader, told));
    assert.ok(told.filter(({ position }) => position > floor).length >= 7, 'what was not held elsewhere is gone');
  },

  async 'what is before the floor is lost: every table is said to be, before any of its changes'(opened) {
    const open = await opened.open();
    const { position: floor } = await open.source.floor();
    await opened.run("INSERT INTO blog(id, title) VALUES (1, 'b')");
    const reader = await opened.read(open, ORIGIN);
    await reader.settled();
    const lost = new Set<string>();
    for (const commit of reader.commits) {
      for (const { table } of commit.lost) lost.add(table.id);
      if (floor > ORIGIN)
        for (const { table } of commit.changes) assert.ok(lost.has(table.id), `${table.id} goes on as if nothing were missing`);
    }
    assert.equal(lost.size, floor > ORIGIN ? open.tables.size : 0);
    assert.deepEqual(reader.changes, [{ table: 'blog', before: null, after: { id: 1, title: 'b' } }]);
  },

  async 'what was revoked comes back with its mark'(opened) {
    const open = await opened.open();
    const reader = await opened.read(open);
    const revoked: readonly Receipt[] = [
      { client: 'live', write: 1, revokes: { user: 'žluť\n"7"' } },
      { client: 'live', write: 2, revokes: { session: 's-1' } },
    ];
    for (const receipt of revoked) await open.source.mark(receipt);
    await reader.settled();
    assert.deepEqual(
      reader.commits.flatMap(({ receipts }) => receipts).filter(({ client }) => client === 'live'),
      revoked,
    );
  },

  async 'a read that was ended is taken up again where it stood'(opened) {
    const open = await opened.open();
    const reader = await opened.read(open);
    await opened.run("INSERT INTO blog(id, title) VALUES (1, 'a')");
    await reader.settled();
    await reader.stop();
    await opened.run("INSERT INTO blog(id, title) VALUES (2, 'b')");
    const again = await opened.read(open, reader.commits.at(-1)?.position);
    await again.settled();
    assert.deepEqual(
      again.changes.map(({ after }) => after?.['title']),
      ['b'],
    );
  },

  async 'epoch and secret are the same after a restart'(opened) {
    const first = await opened.open();
    const { secret, source } = first;
    assert.ok(secret.length >= 32);
    await opened.close(first);
    const second = await opened.open();
    assert.deepEqual([second.secret, second.source.epoch], [secret, source.epoch]);
  },

  async 'two processes each get every commit'(opened) {
    const one = await opened.read(await opened.open());
    const other = await opened.read(await opened.open());
    for (let n = 1; n <= 5; n++) await opened.run(`INSERT INTO blog(id, title) VALUES (${n}, 'b${n}')`);
    for (const reader of [one, other]) {
      await reader.settled();
      assert.deepEqual(
        reader.changes.map(({ after }) => after?.['id']),
        [1, 2, 3, 4, 5],
      );
    }
  },

  async 'an abort ends a read that waits'(opened) {
    const open = await opened.open();
    const ended = new AbortController();
    const next = open.source
      .read(await open.source.tail(), ended.signal)
      [Symbol.asyncIterator]()
      .next();
    ended.abort();
    assert.equal((await next).done, true);
  },

  async 'a consumer that is slow misses nothing'(opened) {
    const open = await opened.open();
    const after = await open.source.tail();
    const ended = new AbortController();
    const titles: unknown[] = [];
    const table = tableOf(open, opened.models.blog);
    const consumed = (async () => {
      for await (const batch of open.source.read(after, ended.signal)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        for (const { changes } of batch) for (const change of changes) titles.push(change.after && rowValue(table, change.after, 1));
        if (titles.length >= 600) ended.abort();
      }
    })();
    for (let n = 0; n < 60; n++) {
      const rows = Array.from({ length: 10 }, (_, at) => `('b${String(10 * n + at).padStart(3, '0')}')`).join(', ');
      await opened.run(`INSERT INTO blog(title) VALUES ${rows}`);
    }
    await consumed;
    assert.deepEqual(
      titles,
      Array.from({ length: 600 }, (_, at) => `b${String(at).padStart(3, '0')}`),
    );
  },
};
