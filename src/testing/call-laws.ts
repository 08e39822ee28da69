import assert from 'node:assert/strict';
import { Refusal, rowOf, type Refused } from '../core/index.ts';
import type { Laws } from './runner.ts';
import { batch, callWrite, claim, inTurn, postStep, postWrite, refused, titles, type StoreContext } from './store-write.ts';

const REFUSED: Refused = { ok: false, code: 'invalid', message: 'it is too late', fields: { title: 'is fixed by now' } };
const refuse = (): never => {
  throw new Refusal(REFUSED);
};

/** What the app does itself: commands, and what it refuses from inside a transaction. */
export const CALL_LAWS: Laws<StoreContext> = {
  async 'what a call gives is answered as JSON, and nothing as null'({ open }) {
    const given = { at: new Date(0), big: 9n, list: [undefined, 1], left: undefined };
    const { answer } = await open.store.write(callWrite(() => given));
    assert.equal(JSON.stringify(answer), '{"ok":true,"value":{"at":"1970-01-01T00:00:00.000Z","big":"9","list":[null,1]}}');
    assert.deepEqual((await open.store.write(callWrite(() => undefined))).answer, { ok: true, value: null });
  },

  async "a call's work is in the same commit as its receipt"(context) {
    const { opened, open, fixture } = context;
    const reader = await opened.read(open);
    const write = callWrite((tx) =>
      inTurn(
        () => fixture.inHook(tx, "UPDATE post SET title = 'Called' WHERE id = 1"),
        () => 'done',
      ),
    );
    assert.deepEqual(await open.store.write(write), { answer: { ok: true, value: 'done' }, logged: true });
    await reader.settled();
    const commit = reader.commits.find(({ receipts }) => receipts.some(({ client }) => client === write.claim.receipt.client));
    assert.ok(commit?.changes.some(({ table, after }) => after && rowOf(table, after)['title'] === 'Called'));
    assert.deepEqual(commit?.receipts[0]?.answer, { ok: true, value: 'done' });
  },

  async 'a call that is asked for again is answered the same, and neither judged nor run again'({ open }) {
    const named = claim();
    let times = 0;
    const first = await open.store.write(callWrite(() => ++times, { claim: named }));
    const again = callWrite(() => assert.fail('run again'), { claim: named, judge: () => assert.fail('judged again') });
    assert.deepEqual(await open.store.write(again), first);
    const other = await open.store.write(callWrite(() => ++times, { claim: { ...named, hash: 'other' } }));
    assert.deepEqual([refused(other.answer).code, other.logged, times], ['key_reused', false, 1]);
  },

  async 'a call that is not allowed does not run, and the refusal is stored'({ open }) {
    const answer: Refused = { ok: false, code: 'forbidden', message: 'not you' };
    const named = claim();
    const denied = callWrite(() => assert.fail('run'), { claim: named, judge: async () => answer });
    assert.deepEqual(await open.store.write(denied), { answer, logged: true });
    assert.deepEqual((await open.store.write(callWrite(() => 1, { claim: named }))).answer, answer);
  },

  async 'a call is judged outside its transaction: the judge may ask the database'({ opened, open }) {
    const judge = async (): Promise<null> => {
      await opened.world.app.all('SELECT id FROM blog');
      return null;
    };
    assert.deepEqual((await open.store.write(callWrite(() => 1, { judge }))).answer, { ok: true, value: 1 });
  },

  async 'a call that throws undoes all that it did, and leaves no answer behind'(context) {
    const { open, fixture } = context;
    const named = claim();
    const broken = (): never => {
      throw new Error('the app is broken');
    };
    const half = callWrite((tx) => inTurn(() => fixture.inHook(tx, "UPDATE post SET title = 'Half' WHERE id = 1"), broken), {
      claim: named,
    });
    await assert.rejects(open.store.write(half), /the app is broken/);
    assert.deepEqual(await titles(context), ['One']);
    assert.deepEqual((await open.store.write(callWrite(() => 2, { claim: named }))).answer, { ok: true, value: 2 });
  },

  async 'a call that breaks a constraint is invalid, without the words of the database, and all that it did is undone'(context) {
    const { open, fixture } = context;
    const write = callWrite((tx) =>
      inTurn(
        () => fixture.inHook(tx, "UPDATE post SET title = 'Half' WHERE id = 1"),
        () => fixture.inHook(tx, "INSERT INTO post(blog_id, slug, title) VALUES (1, 'one', 'Again')"),
      ),
    );
    const { answer } = await open.store.write(write);
    assert.equal(refused(answer).code, 'invalid');
    assert.doesNotMatch(JSON.stringify(answer), /constraint|post|slug/i);
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'what a call, or a hook, refuses with is told and stored as it says, with its place in a batch'(context) {
    const { store } = context.open;
    const [one, two, three] = [claim(), claim(), claim()];
    assert.deepEqual(await store.write(callWrite(refuse, { claim: one })), { answer: REFUSED, logged: true });
    assert.deepEqual((await store.write(callWrite(() => 1, { claim: one }))).answer, REFUSED);
    assert.deepEqual(await store.write(postWrite(context, { hook: refuse, claim: two })), { answer: REFUSED, logged: true });
    assert.deepEqual((await store.write(postWrite(context, { set: { title: 'New' }, claim: two }))).answer, REFUSED);
    const steps = [postStep(context, { set: { title: 'New' } }), postStep(context, { hook: refuse })];
    assert.deepEqual((await store.write(batch(steps, three))).answer, { ...REFUSED, at: 1 });
    assert.deepEqual(await titles(context), ['One']);
  },

  async 'what was done before a refusal is undone with the rest'(context) {
    const { open, fixture } = context;
    const half = (tx: unknown): unknown => inTurn(() => fixture.inHook(tx, "UPDATE post SET title = 'Half' WHERE id = 1"), refuse);
    assert.deepEqual((await open.store.write(callWrite(half))).answer, REFUSED);
    assert.deepEqual((await open.store.write(postWrite(context, { hook: half }))).answer, REFUSED);
    assert.deepEqual(await titles(context), ['One']);
  },
};
