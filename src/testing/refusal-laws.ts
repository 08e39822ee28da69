import assert from 'node:assert/strict';
import { rowOf } from '../core/index.ts';
import type { Laws } from './runner.ts';
import { inTurn, judgedBy, postWrite, refused, titles, type StoreContext } from './store-write.ts';

/** What the database refuses, and what hooks do. */
export const REFUSAL_LAWS: Laws<StoreContext> = {
  async 'a unique value that is taken is invalid, and names the field'(context) {
    const { answer } = await context.open.store.write(
      postWrite(context, { action: 'create', set: { blogId: 1, slug: 'one', title: 'Two' } }),
    );
    const { code, fields, message } = refused(answer);
    assert.deepEqual([code, Object.keys(fields ?? {})], ['invalid', ['slug']]);
    assert.doesNotMatch(JSON.stringify([fields, message]), /constraint|post/i);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'a refusal names no field that the client may not know of'(context) {
    const { answer } = await context.open.store.write(
      postWrite(context, { action: 'create', set: { blogId: 1, slug: 'one', title: 'Two' }, named: new Set(['title']) }),
    );
    assert.equal(refused(answer).code, 'invalid');
    assert.equal(refused(answer).fields, undefined);
    assert.doesNotMatch(JSON.stringify(answer), /slug/);
  },

  async 'a value that is missing is invalid, and names the field'(context) {
    const { answer } = await context.open.store.write(postWrite(context, { action: 'create', set: { blogId: 1 } }));
    assert.deepEqual([refused(answer).code, Object.keys(refused(answer).fields ?? {})], ['invalid', ['title']]);
  },

  async 'a reference that leads nowhere is invalid, and names the field'(context) {
    const { answer } = await context.open.store.write(postWrite(context, { set: { blogId: 77 } }));
    assert.deepEqual([refused(answer).code, Object.keys(refused(answer).fields ?? {})], ['invalid', ['blogId']]);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'a rule of the table that is broken is invalid, without the words of the database'(context) {
    const { answer } = await context.open.store.write(postWrite(context, { set: { title: '' } }));
    const { code, fields, message } = refused(answer);
    assert.equal(code, 'invalid');
    assert.doesNotMatch(JSON.stringify([fields, message]), /constraint|check|<>/i);
  },

  async 'a refusal by the database is stored like any other'(context) {
    const write = postWrite(context, { set: { slug: 'two' } });
    await context.opened.run("INSERT INTO post(id, blog_id, slug, title) VALUES (2, 1, 'two', 'Two')");
    const first = await context.open.store.write(write);
    assert.equal(refused(first.answer).code, 'invalid');
    await context.opened.run('DELETE FROM post WHERE id = 2');
    assert.deepEqual((await context.open.store.write(write)).answer, first.answer);
  },

  async "a hook's work is in the same commit as the receipt"(context) {
    const { opened, open, fixture } = context;
    const reader = await opened.read(open);
    const write = postWrite(context, { hook: (tx) => fixture.inHook(tx, "UPDATE post SET title = 'Hooked' WHERE id = 1") });
    assert.deepEqual((await open.store.write(write)).answer, { ok: true, pk: 1 });
    await reader.settled();
    const commit = reader.commits.find(({ receipts }) => receipts.some(({ client }) => client === write.claim.receipt.client));
    assert.ok(commit?.changes.some(({ table, after }) => after && rowOf(table, after)['title'] === 'Hooked'));
  },

  async 'a create hook answers with the key it gives'(context) {
    const { open, fixture } = context;
    const hook = (tx: unknown): unknown =>
      inTurn(
        () => fixture.inHook(tx, "INSERT INTO post(id, blog_id, title) VALUES (42, 1, 'Hooked')"),
        () => 42,
      );
    const { answer } = await open.store.write(postWrite(context, { action: 'create', hook }));
    assert.deepEqual(answer, { ok: true, pk: 42 });
    assert.deepEqual(await titles(context), ['One', 'Hooked']);
  },

  async 'a hook that throws undoes all that it did, and leaves no answer behind'(context) {
    const { open, fixture } = context;
    const broken = (): never => {
      throw new Error('the app is broken');
    };
    const run = (tx: unknown): unknown => inTurn(() => fixture.inHook(tx, "UPDATE post SET title = 'Half' WHERE id = 1"), broken);
    const write = postWrite(context, { set: { title: 'Whole' } });
    const outcome = await open.store.write(judgedBy(write, () => ({ verdict: 'hook', run }))).catch(() => null);
    assert.notEqual(outcome?.answer.ok, true);
    assert.deepEqual(await titles(context), ['One']);
    assert.equal((await open.store.write(write)).answer.ok, true);
  },

  async 'a hook that breaks a constraint is answered like a write that does'(context) {
    const { open, fixture } = context;
    const hook = (tx: unknown): unknown => fixture.inHook(tx, "INSERT INTO post(blog_id, slug, title) VALUES (1, 'one', 'Again')");
    const { answer } = await open.store.write(postWrite(context, { hook }));
    assert.deepEqual([refused(answer).code, Object.keys(refused(answer).fields ?? {})], ['invalid', ['slug']]);
  },
};
