import assert from 'node:assert/strict';
import { rowOf, type Image, type Judgement, type Refused } from '../core/index.ts';
import { tableOf } from './opened.ts';
import type { Laws } from './runner.ts';
import { claim, judgedBy, posts, postStep, postWrite, refused, refusing, rowWrite, titles, type StoreContext } from './store-write.ts';

/** Applied once, on the row that was judged, answered always. */
export const WRITE_LAWS: Laws<StoreContext> = {
  async 'a create answers with the key that the database made'(context) {
    const { answer } = await context.open.store.write(postWrite(context, { action: 'create', set: { blogId: 1, title: 'Two' } }));
    const row = (await posts(context)).find(({ title }) => title === 'Two');
    assert.deepEqual(answer, { ok: true, pk: row?.['id'] });
  },

  async 'an update and a delete answer with the key, and are done'(context) {
    const { store } = context.open;
    assert.deepEqual((await store.write(postWrite(context, { set: { title: 'New' } }))).answer, { ok: true, pk: 1 });
    assert.deepEqual(await titles(context), ['New']);
    assert.deepEqual((await store.write(postWrite(context, { action: 'delete' }))).answer, { ok: true, pk: 1 });
    assert.deepEqual(await titles(context), []);
  },

  async 'a key of two columns is answered as an array'(context) {
    const { opened, open } = context;
    const table = tableOf(open, opened.models.member);
    const values = new Map<number, unknown>([[0, 'u'], [1, 5], [2, 'x']]); // prettier-ignore
    const created = await open.store.write(
      rowWrite({ table, action: 'create', key: null, claim: claim(), judge: () => ({ verdict: 'write', values }) }),
    );
    assert.deepEqual(created.answer, { ok: true, pk: ['u', 5] });
    const key = table.key.map((place, at) => table.columns[place]?.fromWire(['u', 5][at] ?? null) ?? null);
    const gone = await open.store.write(
      rowWrite({ table, action: 'delete', key, claim: claim(), judge: () => ({ verdict: 'write', values: new Map() }) }),
    );
    assert.deepEqual(gone.answer, { ok: true, pk: ['u', 5] });
  },

  async 'the judge sees the row as it stands, all of it; nothing for a create or an unknown key'(context) {
    const seen: (Image | null)[] = [];
    const judge = (before: Image | null): Judgement => {
      seen.push(before);
      return { verdict: 'refuse', answer: { ok: false, code: 'forbidden', message: 'no' } };
    };
    const { store } = context.open;
    await store.write(postWrite(context, { judge }));
    await store.write(postWrite(context, { action: 'create', judge }));
    const table = tableOf(context.open, context.opened.models.post);
    await store.write(postWrite(context, { key: [table.columns[0]?.fromWire(99) ?? null], judge }));
    assert.deepEqual(
      seen.map((image) => image && rowOf(table, image)),
      [{ id: 1, blogId: 1, slug: 'one', title: 'One', body: null, notes: null }, null, null],
    );
  },

  async 'what the judge refuses is answered as it says, and nothing is written'(context) {
    const answer: Refused = { ok: false, code: 'forbidden', message: 'not yours' };
    const outcome = await context.open.store.write(postWrite(context, { judge: async () => refusing(answer)() }));
    assert.deepEqual(outcome.answer, answer);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'a write that is asked for again is answered the same, and applied once'(context) {
    const write = postWrite(context, { action: 'create', set: { blogId: 1, title: 'Two' } });
    const first = await context.open.store.write(write);
    const again = await context.open.store.write(judgedBy(write, () => assert.fail('judged again')));
    assert.deepEqual(again.answer, first.answer);
    assert.deepEqual(await titles(context), ['One', 'Two']);
  },

  async 'a write that is asked for many times at once is applied once'(context) {
    const write = postWrite(context, { action: 'create', set: { blogId: 1, title: 'Two' } });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => context.open.store.write(write)));
    for (const { answer } of outcomes) assert.deepEqual(answer, outcomes[0]?.answer);
    assert.deepEqual(await titles(context), ['One', 'Two']);
  },

  async 'a write that two processes are asked for at once is applied once'(context) {
    const second: StoreContext = { ...context, open: await context.opened.open() };
    const named = claim();
    const set = { blogId: 1, title: 'Two' };
    const [one, other] = await Promise.all([
      context.open.store.write(postWrite(context, { action: 'create', set, claim: named })),
      second.open.store.write(postWrite(second, { action: 'create', set, claim: named })),
    ]);
    assert.deepEqual(one.answer, other.answer);
    assert.deepEqual(await titles(context), ['One', 'Two']);
  },

  async 'a refusal decided on the row is stored: asking again gives it, though it would be allowed by now'(context) {
    const write = postWrite(context, { set: { title: 'New' } });
    const answer: Refused = { ok: false, code: 'forbidden', message: 'not yet' };
    await context.open.store.write(judgedBy(write, refusing(answer)));
    assert.deepEqual((await context.open.store.write(write)).answer, answer);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'a stored answer outlives a restart'(context) {
    const write = postWrite(context, { set: { title: 'New' } });
    await context.open.store.write(write);
    await context.opened.close(context.open);
    const restarted: StoreContext = { ...context, open: await context.opened.open() };
    const again = postWrite(restarted, { claim: write.claim, set: { title: 'Newer' } });
    assert.deepEqual((await restarted.open.store.write(again)).answer, { ok: true, pk: 1 });
    assert.deepEqual(await titles(context), ['New']);
  },

  async 'a write id that comes with another body is refused, and nothing is written'(context) {
    const write = postWrite(context, { set: { title: 'New' } });
    await context.open.store.write(write);
    const other = postWrite(context, { set: { title: 'Other' }, claim: { ...write.claim, hash: 'other' } });
    assert.equal(refused((await context.open.store.write(other)).answer).code, 'key_reused');
    assert.deepEqual(await titles(context), ['New']);
  },

  async 'a write id belongs to its principal'(context) {
    const write = postWrite(context, { set: { title: 'New' } });
    await context.open.store.write(write);
    const other = postWrite(context, { set: { title: 'Theirs' }, claim: { ...write.claim, principal: 'q' } });
    assert.equal((await context.open.store.write(other)).answer.ok, true);
    assert.deepEqual(await titles(context), ['Theirs']);
  },

  async 'the row that is written over is the row that was judged, whoever changes it meanwhile'(context) {
    const { opened, open } = context;
    const reader = await opened.read(open);
    const other = await opened.world.other();
    let last: Image | null = null;
    let changed: Promise<void> | null = null;
    const step = postStep(context, { set: { title: 'Judged' } });
    const { answer } = await open.store.write(
      rowWrite({
        ...step,
        claim: claim(),
        async judge(before) {
          last = before;
          // Where the row is locked this waits for the write to end; elsewhere it is done at once, and the row must be judged again.
          changed ??= other.run("UPDATE post SET body = 'meanwhile' WHERE id = 1");
          await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, 200))]);
          return step.judge(before);
        },
      }),
    );
    assert.equal(answer.ok, true);
    await changed;
    await reader.settled();
    await other.close();
    const written = reader.commits
      .flatMap(({ changes }) => changes)
      .find(
        ({ after, before, table }) =>
          after && before && rowOf(table, after)['title'] === 'Judged' && rowOf(table, before)['title'] === 'One',
      );
    assert.deepEqual(written?.before, last);
    const [row] = await opened.world.app.all('SELECT title, body FROM post');
    assert.deepEqual({ ...row }, { title: 'Judged', body: 'meanwhile' });
  },

  async 'a receipt is in the log with the rows it is about, exactly when the outcome says so'(context) {
    const { opened, open } = context;
    const reader = await opened.read(open);
    const write = postWrite(context, { set: { title: 'New' } });
    const outcomes = [
      await open.store.write(write),
      await open.store.write(write),
      await open.store.write({ ...write, claim: { ...write.claim, hash: 'other' } }),
      await open.store.write(postWrite(context, { judge: refusing({ ok: false, code: 'forbidden', message: 'no' }) })),
    ];
    await reader.settled();
    assert.equal(outcomes[0]?.logged, true);
    assert.equal(reader.receipts.length, outcomes.filter(({ logged }) => logged).length);
    const commit = reader.commits.find(({ receipts }) => receipts.some(({ client }) => client === write.claim.receipt.client));
    assert.ok(commit?.changes.some(({ table, after }) => after && rowOf(table, after)['title'] === 'New'));
    assert.deepEqual(commit?.receipts[0]?.answer, { ok: true, pk: 1 });
  },
};
