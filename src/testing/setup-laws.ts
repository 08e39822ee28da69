import assert from 'node:assert/strict';
import { RowcastError, type Model } from '../core/index.ts';
import type { DatabaseFixture } from './fixture.ts';
import type { Opened } from './opened.ts';
import { plainModel } from './plain-model.ts';
import type { Laws } from './runner.ts';
import { boundOf } from './tables.ts';

/** What holds before anything is read: setup, its refusal, its undoing, and drift. */
export function setupLaws({ dialect }: DatabaseFixture): Laws<Opened> {
  const withColumn = (name: string, sqlType: string): Model =>
    plainModel({
      dialect,
      table: 'blog',
      key: ['id'],
      columns: {
        id: { sqlType: 'integer', shape: 'number' },
        title: { sqlType: 'text', shape: 'string' },
        [name]: { sqlType, shape: 'string' },
      },
    }) as unknown as Model;

  return {
    async 'a database that is not set up is refused by check, with the statements that are missing'(opened) {
      await assert.rejects(opened.open(opened.bound(), 'check'), (error) => {
        assert.ok(error instanceof RowcastError);
        assert.equal(error.code, 'setup_needed');
        assert.match(error.message, /CREATE/i);
        return true;
      });
    },

    async 'the planned statements, run by hand, are all that check needs'(opened) {
      const steps = await opened.world.database().plan(opened.bound());
      assert.ok(steps.length > 0);
      for (const { sql, why } of steps) {
        assert.ok(why.length > 0);
        await opened.world.app.run(sql);
      }
      assert.deepEqual(await opened.world.database().plan(opened.bound()), []);
      const reader = await opened.read(await opened.open(opened.bound(), 'check'));
      await opened.run("INSERT INTO blog(id, title) VALUES (1, 'b')");
      await reader.settled();
      assert.deepEqual(reader.changes, [{ table: 'blog', before: null, after: { id: 1, title: 'b' } }]);
    },

    async 'planning changes nothing'(opened) {
      const first = await opened.world.database().plan(opened.bound());
      assert.deepEqual(await opened.world.database().plan(opened.bound()), first);
    },

    async 'setting up twice plans nothing the second time'(opened) {
      await opened.close(await opened.open());
      assert.deepEqual(await opened.world.database().plan(opened.bound()), []);
    },

    async 'teardown leaves nothing behind, and the app writes on'(opened) {
      const planned = await opened.world.database().plan(opened.bound());
      await opened.close(await opened.open());
      const undone = await opened.world.database().teardown(opened.bound());
      assert.ok(undone.length > 0);
      await opened.run("INSERT INTO blog(id, title) VALUES (1, 'b')", "UPDATE blog SET title = 'c'", 'DELETE FROM blog');
      assert.deepEqual(
        (await opened.world.database().plan(opened.bound())).map(({ sql }) => sql),
        planned.map(({ sql }) => sql),
      );
      assert.deepEqual(await opened.world.database().teardown(opened.bound()), []);
    },

    async 'a listed column that is missing is refused, with its name and the fix'(opened) {
      await assert.rejects(opened.open([boundOf(withColumn('subtitle', 'text'))]), (error) => {
        assert.ok(error instanceof RowcastError);
        assert.equal(error.code, 'schema_drift');
        assert.match(error.message, /subtitle/);
        assert.match(error.message, /ALTER TABLE/i);
        return true;
      });
    },

    async 'a column that no binding lists may be missing'(opened) {
      const model = withColumn('subtitle', 'text');
      const reader = await opened.read(await opened.open([{ model, listed: new Set(['title']) }]));
      await opened.run("INSERT INTO blog(id, title) VALUES (1, 'b')");
      await reader.settled();
      const [made] = reader.changes;
      assert.deepEqual([made?.after?.['id'], made?.after?.['title']], [1, 'b']);
      // Nobody knows what is in it, so it is not NULL: who asks for it fails.
      assert.throws(
        () => made?.after?.['subtitle'],
        (error) => error instanceof RowcastError && error.code === 'schema_drift',
      );
    },

    async 'a listed column of another type is refused, with its name and the fix'(opened) {
      const model = plainModel({
        dialect,
        table: 'blog',
        key: ['id'],
        columns: { id: { sqlType: 'integer', shape: 'number' }, title: { sqlType: 'integer', shape: 'number' } },
      }) as unknown as Model;
      await assert.rejects(opened.open([boundOf(model)]), (error) => {
        assert.ok(error instanceof RowcastError);
        assert.equal(error.code, 'schema_drift');
        assert.match(error.message, /title/);
        return true;
      });
    },

    async 'a table that is not there is refused by its name'(opened) {
      const model = plainModel({
        dialect,
        table: 'nowhere',
        key: ['id'],
        columns: { id: { sqlType: 'integer', shape: 'number' } },
      }) as unknown as Model;
      await assert.rejects(
        opened.open([boundOf(model)]),
        (error) => error instanceof RowcastError && error.code === 'schema_drift' && /nowhere/.test(error.message),
      );
    },
  };
}
