import assert from 'node:assert/strict';
import { rowOf, RowcastError } from '../core/index.ts';
import { suiteClock } from './opened.ts';
import type { Laws } from './runner.ts';
import { inTurn, titles, type StoreContext } from './store-write.ts';

/** Receipts that the app leaves in transactions of its own. */
export const LEAVE_LAWS: Laws<StoreContext> = {
  async 'a receipt that the app leaves comes back once, in one commit with all that its transaction did'(context) {
    const { opened, open } = context;
    const reader = await opened.read(open);
    for (const [at, [way, transaction]] of Object.entries(opened.world.transactions).entries()) {
      const receipt = { client: suiteClock.id(), write: 7 };
      await transaction((tx, run) =>
        inTurn(
          () => run(`UPDATE post SET title = 'before ${at}' WHERE id = 1`),
          () => open.leave(tx, receipt),
          () => run(`UPDATE post SET title = 'after ${at}' WHERE id = 1`),
        ),
      );
      await reader.settled();
      const commits = reader.commits.filter(({ receipts }) => receipts.some(({ client }) => client === receipt.client));
      assert.equal(commits.length, 1, way);
      const left = commits[0]?.receipts.filter(({ client }) => client === receipt.client);
      assert.deepEqual(left, [receipt], way);
      const told = commits[0]?.changes.flatMap(({ table, after }) => (after ? [rowOf(table, after)['title']] : []));
      assert.deepEqual(told, [`before ${at}`, `after ${at}`], way);
    }
  },

  async 'a receipt in a transaction that is rolled back never comes'(context) {
    const { opened, open } = context;
    const reader = await opened.read(open);
    const broken = (): never => {
      throw new Error('the app is broken');
    };
    for (const [way, transaction] of Object.entries(opened.world.transactions)) {
      const done = transaction((tx, run) =>
        inTurn(
          () => run("UPDATE post SET title = 'Half' WHERE id = 1"),
          () => open.leave(tx, { client: suiteClock.id(), write: 7 }),
          broken,
        ),
      );
      await assert.rejects(done, /the app is broken/, way);
    }
    await reader.settled();
    assert.deepEqual([reader.receipts, reader.changes], [[], []]);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'a receipt cannot be left with what is no transaction, and the error names the cure'(context) {
    const { opened, open } = context;
    const reader = await opened.read(open);
    for (const tx of [undefined, null, {}, 'tx', 7, { client: 'x' }, () => undefined]) {
      await assert.rejects(
        async () => open.leave(tx, { client: 'c', write: 1 }),
        (error) => error instanceof RowcastError && error.code === 'receipt_invalid' && /transaction\(/.test(error.message),
      );
    }
    await reader.settled();
    assert.deepEqual(reader.receipts, []);
  },
};
