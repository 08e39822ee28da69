import assert from 'node:assert/strict';
import type { Bound } from '../core/index.ts';
import type { LogReader, Opened } from './opened.ts';
import type { Laws } from './runner.ts';
import { boundOf } from './tables.ts';

const POST = { id: 1, blogId: 1, slug: null, title: 'One', body: null, notes: 'n' };

/** A blog and a post are there before anybody reads. */
async function following(opened: Opened): Promise<LogReader> {
  await opened.run("INSERT INTO blog(id, title) VALUES (1, 'First'), (2, 'Second')");
  await opened.run("INSERT INTO post(id, blog_id, title, notes) VALUES (1, 1, 'One', 'n')");
  return opened.read(await opened.open());
}

/** What a commit is: every change of it, with both images, whoever wrote it, and nothing that was not committed. */
export const IMAGE_LAWS: Laws<Opened> = {
  'an insert, an update and a delete by plain SQL come with whole images'(opened) {
    return expectChanges(
      opened,
      [
        "INSERT INTO post(id, blog_id, title) VALUES (2, 2, 'Two')",
        "UPDATE post SET title = 'New' WHERE id = 1",
        'DELETE FROM post WHERE id = 1',
      ],
      [
        { table: 'post', before: null, after: { ...POST, id: 2, blogId: 2, title: 'Two', notes: null } },
        { table: 'post', before: POST, after: { ...POST, title: 'New' } },
        { table: 'post', before: { ...POST, title: 'New' }, after: null },
      ],
    );
  },

  'a bulk update is one change per row'(opened) {
    return expectChanges(
      opened,
      ["INSERT INTO member SELECT 'u', id, 'x' FROM blog", "UPDATE member SET role = 'y'"],
      [
        { table: 'member', before: null, after: { userId: 'u', orgId: 1, role: 'x' } },
        { table: 'member', before: null, after: { userId: 'u', orgId: 2, role: 'x' } },
        { table: 'member', before: { userId: 'u', orgId: 1, role: 'x' }, after: { userId: 'u', orgId: 1, role: 'y' } },
        { table: 'member', before: { userId: 'u', orgId: 2, role: 'x' }, after: { userId: 'u', orgId: 2, role: 'y' } },
      ],
    );
  },

  async 'rows that go by cascade are deletes with their images'(opened) {
    const reader = await following(opened);
    await opened.run('DELETE FROM blog WHERE id = 1');
    await reader.settled();
    assert.deepEqual(
      reader.changes.toSorted((one, other) => one.table.localeCompare(other.table)),
      [
        { table: 'blog', before: { id: 1, title: 'First' }, after: null },
        { table: 'post', before: POST, after: null },
      ],
    );
  },

  async 'what another process writes is seen like what the app writes'(opened) {
    const reader = await following(opened);
    const other = await opened.world.other();
    try {
      await other.run("UPDATE post SET title = 'Theirs' WHERE id = 1");
      await reader.until(({ changes }) => changes.length > 0);
      await reader.settled();
      assert.deepEqual(reader.changes, [{ table: 'post', before: POST, after: { ...POST, title: 'Theirs' } }]);
    } finally {
      await other.close();
    }
  },

  async 'a transaction rolled back is nothing'(opened) {
    const reader = await following(opened);
    await opened.run('BEGIN', "UPDATE post SET title = 'Never' WHERE id = 1", "INSERT INTO blog(title) VALUES ('Never')", 'ROLLBACK');
    await reader.settled();
    assert.deepEqual(reader.changes, []);
  },

  async 'a savepoint rolled back is nothing, and the rest of its transaction is there'(opened) {
    const reader = await following(opened);
    await opened.run('BEGIN', "UPDATE post SET body = 'kept' WHERE id = 1", 'SAVEPOINT s', "UPDATE post SET title = 'Never' WHERE id = 1");
    await opened.run('ROLLBACK TO SAVEPOINT s', "UPDATE blog SET title = 'Kept' WHERE id = 2", 'COMMIT');
    await reader.settled();
    assert.deepEqual(reader.changes, [
      { table: 'post', before: POST, after: { ...POST, body: 'kept' } },
      { table: 'blog', before: { id: 2, title: 'Second' }, after: { id: 2, title: 'Kept' } },
    ]);
  },

  async 'nothing is seen before its transaction commits'(opened) {
    const reader = await following(opened);
    const other = await opened.world.other();
    try {
      await other.run('BEGIN');
      await other.run("UPDATE post SET title = 'Open' WHERE id = 1");
      // Read while it is open; what is asked here is a plain read, which no body refuses.
      await opened.world.app.all('SELECT id FROM post');
      assert.deepEqual(reader.changes, []);
      await other.run('COMMIT');
      await reader.settled();
      assert.deepEqual(reader.changes, [{ table: 'post', before: POST, after: { ...POST, title: 'Open' } }]);
    } finally {
      await other.close();
    }
  },

  async 'under concurrent writers, every image before is the image after of the change before it'(opened) {
    const reader = await following(opened);
    const others = [await opened.world.other(), await opened.world.other()];
    try {
      const bump = (name: string) => `UPDATE post SET body = coalesce(body, '') || '${name}' WHERE id = 1`; // sql: one of three letters
      await Promise.all(
        [opened.world.app, ...others].map(async (connection, at) => {
          for (let n = 0; n < 25; n++) await connection.run(bump('abc'.charAt(at)));
        }),
      );
      await reader.settled();
      assert.equal(reader.changes.length, 75);
      let body: unknown = null;
      for (const { before, after } of reader.changes) {
        assert.equal(before?.['body'], body);
        body = after?.['body'];
      }
      assert.equal((body as string).length, 75);
    } finally {
      await Promise.all(others.map((other) => other.close()));
    }
  },

  async 'a transaction is never split over two commits'(opened) {
    const reader = await following(opened);
    for (let n = 0; n < 10; n++) {
      await opened.run('BEGIN');
      for (let i = 0; i < 7; i++) await opened.run(`UPDATE post SET body = '${n}.${i}' WHERE id = 1`);
      await opened.run(`UPDATE blog SET title = 'T${n}' WHERE id = 1`, 'COMMIT');
    }
    await reader.settled();
    assert.equal(reader.changes.length, 80);
    for (const { changes } of reader.commits) assert.equal(changes.length % 8, 0);
  },

  async 'two transactions are two commits'(opened) {
    const reader = await following(opened);
    await opened.run(
      'BEGIN',
      "UPDATE post SET title = 'a' WHERE id = 1",
      "UPDATE blog SET title = 'a' WHERE id = 1",
      'COMMIT',
      "UPDATE post SET title = 'b' WHERE id = 1",
    );
    await reader.settled();
    assert.deepEqual(
      reader.commits.map(({ changes }) => changes.length).filter((count) => count > 0),
      [2, 1],
    );
  },

  async 'a large value that an update leaves alone is in both images'(opened) {
    const reader = await following(opened);
    // Too large to lie in the row, and too random to be pressed into it.
    const large = Array.from({ length: 4_000 }, (_, at) => ((at * 2_654_435_761) % 4_294_967_296).toString(36)).join('');
    await opened.run(
      `UPDATE post SET body = '${large}' WHERE id = 1`,
      "UPDATE post SET title = 'Short' WHERE id = 1",
      'DELETE FROM post WHERE id = 1',
    );
    await reader.settled();
    assert.deepEqual(
      reader.changes.map(({ before, after }) => [before?.['body'], after?.['body']].map((body) => body === large)),
      [[false, true], [true, true], [true, false]], // prettier-ignore
    );
  },

  async 'a changed key is the old row before and the new one after'(opened) {
    await opened.run("INSERT INTO member VALUES ('u', 1, 'x')");
    await expectChanges(
      opened,
      ['UPDATE post SET id = 9 WHERE id = 1', 'UPDATE member SET org_id = 5'],
      [
        { table: 'post', before: POST, after: { ...POST, id: 9 } },
        { table: 'member', before: { userId: 'u', orgId: 1, role: 'x' }, after: { userId: 'u', orgId: 5, role: 'x' } },
      ],
    );
  },

  async 'a table emptied at a stroke is lost, and nothing else'(opened) {
    const reader = await following(opened);
    await opened.run('TRUNCATE post');
    await reader.settled();
    assert.deepEqual(
      reader.commits.flatMap(({ lost }) => lost).map(({ table, reason }) => [table.model.name, reason]),
      [['post', 'truncate']],
    );
  },

  async 'changes of tables that are not bound are nothing'(opened) {
    const bound: readonly Bound[] = [boundOf(opened.models.blog)];
    const reader = await opened.read(await opened.open(bound));
    await opened.run(
      "INSERT INTO member VALUES ('u', 1, 'x')",
      "INSERT INTO blog(id, title) VALUES (1, 'b')",
      "INSERT INTO post(blog_id, title) VALUES (1, 't')",
    );
    await reader.settled();
    assert.deepEqual(reader.changes, [{ table: 'blog', before: null, after: { id: 1, title: 'b' } }]);
  },
};

async function expectChanges(opened: Opened, statements: readonly string[], expected: LogReader['changes']): Promise<void> {
  const reader = await following(opened);
  await opened.run(...statements);
  await reader.settled();
  assert.deepEqual(reader.changes, expected);
}
