import assert from 'node:assert/strict';
import { rowOf, type Image, type Judgement, type Model, type Refused } from '../core/index.ts';
import { tableOf } from './opened.ts';
import { plainModel } from './plain-model.ts';
import type { Laws } from './runner.ts';
import { batch, claim, inTurn, postStep, posts, refused, refusing, titles, type StoreContext } from './store-write.ts';
import { boundOf } from './tables.ts';

const FORBIDDEN: Refused = { ok: false, code: 'forbidden', message: 'not yours' };

/** Several rows at once: all of them or none. */
export const BATCH_LAWS: Laws<StoreContext> = {
  async 'a batch is one commit with its receipt, answered with the key of each row in its order'(context) {
    const { opened, open } = context;
    const reader = await opened.read(open);
    const write = batch([
      postStep(context, { action: 'create', set: { id: 7, blogId: 1, title: 'Seven' } }),
      postStep(context, { set: { title: 'New' } }),
      postStep(context, { action: 'create', set: { id: 5, blogId: 2, title: 'Five' } }),
    ]);
    const answer = { ok: true, pks: [7, 1, 5] };
    assert.deepEqual(await open.store.write(write), { answer, logged: true });
    await reader.settled();
    const commit = reader.commits.find(({ receipts }) => receipts.some(({ client }) => client === write.claim.receipt.client));
    assert.deepEqual(
      commit?.changes.map(({ table, after }) => after && rowOf(table, after)['title']),
      ['Seven', 'New', 'Five'],
    );
    assert.deepEqual(
      commit?.receipts.map((receipt) => receipt.answer),
      [answer],
    );
    const gone = batch([postStep(context, { id: 7, action: 'delete' }), postStep(context, { id: 5, action: 'delete' })]);
    assert.deepEqual((await open.store.write(gone)).answer, { ok: true, pks: [7, 5] });
    assert.deepEqual(await titles(context), ['New']);
  },

  async 'the rows of a batch are judged as they stand before the first of them is written'(context) {
    const seen: (Image | null)[] = [];
    const judged = (title: string) => {
      const step = postStep(context, { set: { title } });
      return {
        ...step,
        judge(before: Image | null) {
          seen.push(before);
          return step.judge(before);
        },
      };
    };
    const { answer } = await context.open.store.write(batch([judged('First'), judged('Second')]));
    assert.deepEqual(answer, { ok: true, pks: [1, 1] });
    const table = tableOf(context.open, context.opened.models.post);
    assert.deepEqual(seen.map((image) => image && rowOf(table, image)['title']), ['One', 'One']); // prettier-ignore
  },

  async 'a row that is written twice in a batch is what both made of it'(context) {
    const steps = [postStep(context, { set: { title: 'First', body: 'b' } }), postStep(context, { set: { title: 'Second' } })];
    assert.deepEqual((await context.open.store.write(batch(steps))).answer, { ok: true, pks: [1, 1] });
    const [post] = await posts(context);
    assert.deepEqual([post?.['title'], post?.['body']], ['Second', 'b']);
  },

  async 'where the judge of one refuses, nothing of the batch is written, and the answer says its place'(context) {
    const write = batch([
      postStep(context, { set: { title: 'New' } }),
      postStep(context, { action: 'create', judge: refusing(FORBIDDEN) }),
      postStep(context, { action: 'create', set: { blogId: 1, title: 'Two' } }),
    ]);
    assert.deepEqual((await context.open.store.write(write)).answer, { ...FORBIDDEN, at: 1 });
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'where the database refuses one, those before it are undone, and the answer says its place'(context) {
    const write = batch([
      postStep(context, { action: 'create', set: { id: 7, blogId: 1, title: 'Seven' } }),
      postStep(context, { set: { title: 'New' } }),
      postStep(context, { action: 'create', set: { id: 7, blogId: 1, title: 'Taken' } }),
    ]);
    const { code, at, fields } = refused((await context.open.store.write(write)).answer);
    assert.deepEqual([code, at, Object.keys(fields ?? {})], ['invalid', 2, ['id']]);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'a row that a batch has done away with is not found where the batch writes it again, and nothing is written'(context) {
    const run = (): never => assert.fail('the hook ran on no row');
    for (const again of [{ set: { title: 'New' } }, { set: {} }, { action: 'delete' as const }, { hook: run }]) {
      const steps = [postStep(context, { action: 'create', set: { blogId: 1, title: 'Two' } }), postStep(context, { action: 'delete' })];
      const { answer } = await context.open.store.write(batch([...steps, postStep(context, again)]));
      assert.deepEqual([refused(answer).code, refused(answer).at], ['not_found', 2]);
      assert.deepEqual(await titles(context), ['One']);
    }
  },

  async 'a row whose key a batch has changed is not found under the old one'(context) {
    const steps = [postStep(context, { set: { id: 3 } }), postStep(context, { set: { title: 'New' } })];
    const { answer } = await context.open.store.write(batch(steps));
    assert.deepEqual([refused(answer).code, refused(answer).at], ['not_found', 1]);
    assert.deepEqual(await posts(context), [{ id: 1, blogId: 1, slug: 'one', title: 'One', body: null, notes: null }]);
  },

  async 'a row that was not there when it was judged is not found, though the batch makes it'(context) {
    const made = postStep(context, { action: 'create', set: { id: 9, blogId: 1, title: 'Nine' } });
    const { answer } = await context.open.store.write(batch([made, postStep(context, { id: 9, set: { title: 'Unjudged' } })]));
    assert.deepEqual([refused(answer).code, refused(answer).at], ['not_found', 1]);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'a batch that is asked for again is answered the same, and applied once; with another body it is refused'(context) {
    const { store } = context.open;
    const steps = [
      postStep(context, { action: 'create', set: { blogId: 1, title: 'Two' } }),
      postStep(context, { action: 'create', set: { blogId: 1, title: 'Three' } }),
    ];
    const named = claim();
    const first = await store.write(batch(steps, named));
    const unjudged = steps.map((step) => ({ ...step, judge: () => assert.fail('judged again') }));
    assert.deepEqual((await store.write(batch(unjudged, named))).answer, first.answer);
    const other = await store.write(batch(unjudged, { ...named, hash: 'other' }));
    assert.deepEqual([refused(other.answer).code, other.logged], ['key_reused', false]);
    assert.deepEqual(await titles(context), ['One', 'Two', 'Three']);
  },

  async 'a batch that was refused is answered the same when it is asked for again'(context) {
    const named = claim();
    const steps = [
      postStep(context, { set: { title: 'New' } }),
      postStep(context, { action: 'create', set: { id: 1, blogId: 1, title: 'x' } }),
    ];
    const first = await context.open.store.write(batch(steps, named));
    assert.equal(refused(first.answer).at, 1);
    assert.deepEqual(await context.open.store.write(batch(steps, named)), first);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'batches over the same rows, each in an order of its own, are all done, each on what it judged'(context) {
    const { open } = context;
    await open.store.write(batch([postStep(context, { action: 'create', set: { id: 2, blogId: 1, title: 'Two' } })]));
    const table = tableOf(open, context.opened.models.post);
    const longer = (id: number) =>
      postStep(context, {
        id,
        judge: (before): Judgement => {
          const body = `${String((before && rowOf(table, before)['body']) ?? '')}x`;
          return postStep(context, { set: { body } }).judge(before) as Judgement;
        },
      });
    const asked = async (at: number): Promise<number> => {
      const steps = at % 2 === 0 ? [longer(1), longer(2)] : [longer(2), longer(1)];
      for (let tries = 1; ; tries++) {
        const { answer } = await open.store.write(batch(steps));
        if (answer.ok) return tries;
        assert.match(answer.code, /^(conflict|busy)$/);
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, at) => asked(at)));
    assert.deepEqual((await posts(context)).map(({ body }) => body), ['x'.repeat(12), 'x'.repeat(12)]); // prettier-ignore
  },

  async 'what a hook did in a batch is undone with the rest'(context) {
    const { open, fixture } = context;
    const hook = (tx: unknown): unknown => fixture.inHook(tx, "UPDATE post SET title = 'Hooked' WHERE id = 1");
    const taken = postStep(context, { action: 'create', set: { id: 1, blogId: 1, title: 'x' } });
    assert.equal(refused((await open.store.write(batch([postStep(context, { hook }), taken]))).answer).at, 1);
    assert.deepEqual(await titles(context), ['One']);
    const two = postStep(context, { action: 'create', set: { blogId: 1, title: 'Two' } });
    assert.equal((await open.store.write(batch([postStep(context, { hook }), two]))).answer.ok, true);
    assert.deepEqual(await titles(context), ['Hooked', 'Two']);
  },

  async 'a hook in a batch that breaks a constraint is answered like a write that does, with its place'(context) {
    const { open, fixture } = context;
    const hook = (tx: unknown): unknown =>
      inTurn(
        () => fixture.inHook(tx, "UPDATE post SET title = 'Hooked' WHERE id = 1"),
        () => fixture.inHook(tx, "INSERT INTO post(blog_id, slug, title) VALUES (1, 'one', 'Again')"),
      );
    const first = postStep(context, { action: 'create', set: { blogId: 1, title: 'Two' } });
    const { code, at, fields } = refused((await open.store.write(batch([first, postStep(context, { hook })]))).answer);
    assert.deepEqual([code, at, Object.keys(fields ?? {})], ['invalid', 1, ['slug']]);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'a rule that waits for the commit is asked when all of a batch is written, and refuses all of it'(context) {
    const { opened, fixture } = context;
    await opened.run('CREATE TABLE note (id integer PRIMARY KEY, post_id integer REFERENCES post(id) DEFERRABLE INITIALLY DEFERRED)');
    const model = plainModel({
      dialect: fixture.dialect,
      table: 'note',
      key: ['id'],
      columns: { id: { sqlType: 'integer', shape: 'number' }, postId: { column: 'post_id', sqlType: 'integer', shape: 'number' } },
    }) as unknown as Model;
    const open = await opened.open([...opened.bound(), boundOf(model)]);
    const table = tableOf(open, model);
    const within: StoreContext = { ...context, open };
    const note = (id: number, postId: number) => {
      const values = new Map([id, postId].map((value, place) => [place, table.model.toParam(place, value)]));
      return { kind: 'row' as const, table, action: 'create' as const, key: null, judge: (): Judgement => ({ verdict: 'write', values }) };
    };
    const post = postStep(within, { action: 'create', set: { id: 50, blogId: 1, title: 'Fifty' } });
    assert.deepEqual((await open.store.write(batch([note(1, 50), post]))).answer, { ok: true, pks: [1, 50] });
    const broken = batch([postStep(within, { set: { title: 'New' } }), note(2, 99)]);
    const first = await open.store.write(broken);
    assert.equal(refused(first.answer).code, 'invalid');
    assert.deepEqual(await open.store.write(broken), first);
    assert.deepEqual(await titles(within), ['One', 'Fifty']);
  },
};
