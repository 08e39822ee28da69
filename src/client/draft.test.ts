import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { board, changed, once, posted, removed, type App, type Board } from '../../test/support/board.ts';
import { draftOf, formOf, liveStream, type Bound, type Draft, type LiveStore, type Pk } from './index.ts';

type Post = Bound<App, 'posts'>;

let the: Board;
let blogs = 0;
beforeAll(async () => {
  the = await board();
});
afterAll(() => the[Symbol.asyncDispose]());

interface Form {
  readonly blogId: number;
  readonly pk: number;
  readonly draft: LiveStore<Draft<Post>>;
  readonly now: () => Draft<Post>;
  readonly row: () => object | undefined;
  /** Once the row is as somebody else made it. */
  readonly sees: (data: { readonly title?: string; readonly body?: string }) => Promise<void>;
}

/** A form on a post of a blog of its own, once its row is there. */
async function form(options: { readonly pk?: null } = {}): Promise<Form> {
  const blogId = ++blogs;
  const pk = await posted(the.other, { blogId, title: 'one', body: 'first' });
  const stream = liveStream(the.asking().client, 'posts', { blogId });
  const draft = draftOf(stream, options.pk === null ? null : pk);
  draft.subscribe(() => undefined);
  await once(stream, ({ status }) => status === 'live');
  return {
    blogId,
    pk,
    draft,
    now: draft.getSnapshot,
    row: () => stream.getSnapshot().row(pk),
    async sees(data) {
      await changed(the.other, blogId, pk, data);
      await once(stream, ({ row }) => Object.entries(data).every(([field, value]) => (row(pk) as never)?.[field] === value));
    },
  };
}

describe('a draft', () => {
  test('keeps what is touched and lets everything else live', async () => {
    const { now, sees } = await form();
    expect(now()).toMatchObject({
      status: 'ready',
      values: { title: 'one', body: 'first' },
      dirty: false,
      errors: {},
      theirs: {},
      refusal: null,
    });
    now().set('title', 'mine');
    await sees({ title: 'two', body: 'second' });
    expect(now()).toMatchObject({ values: { title: 'mine', body: 'second' }, theirs: { title: 'two' }, dirty: true });
  });

  test('is the same object until something of it changes', async () => {
    const { now, draft, blogId, sees } = await form();
    const before = now();
    let told = 0;
    draft.subscribe(() => told++);
    await posted(the.other, { blogId, title: 'another row' });
    await sees({ title: 'two' });
    expect(told).toBe(1);
    expect(now()).not.toBe(before);
    expect(now()).toBe(now());
    expect(now().set).toBe(before.set);
  });

  test('sends what is touched and nothing else, and is live again where that was accepted', async () => {
    const { now, sees } = await form();
    now().set('title', 'mine');
    const saved = now().save();
    expect(now()).toMatchObject({ status: 'saving', values: { title: 'mine' }, theirs: {} });
    await sees({ body: 'second' });
    expect(await saved).toMatchObject({ ok: true });
    expect(now()).toMatchObject({ status: 'ready', values: { title: 'mine', body: 'second' }, dirty: false });
    await sees({ title: 'theirs' });
    expect(now()).toMatchObject({ values: { title: 'theirs' }, theirs: {} });
  });

  test('survives a refusal: what was put there stays, and each field says what is wrong until it is touched again', async () => {
    const { now, sees } = await form();
    now().set('title', '');
    now().set('body', 'mine');
    expect(await now().save()).toMatchObject({ ok: false, code: 'invalid' });
    expect(now()).toMatchObject({
      status: 'ready',
      values: { title: '', body: 'mine' },
      errors: { title: 'say something' },
      refusal: { code: 'invalid' },
    });
    await sees({ body: 'second' });
    expect(now()).toMatchObject({ values: { title: '', body: 'mine' }, theirs: { body: 'second' }, errors: { title: 'say something' } });
    now().set('title', 'forbidden');
    expect(now()).toMatchObject({ errors: {}, refusal: null });
    expect(await now().save()).toMatchObject({ ok: false, code: 'forbidden' });
    expect(now()).toMatchObject({ values: { title: 'forbidden', body: 'mine' }, errors: {}, refusal: { code: 'forbidden' } });
  });

  test('shows nobody their own value as somebody else’s, not while it is on its way either', async () => {
    const { now, draft } = await form();
    const seen: unknown[] = [];
    draft.subscribe(() => seen.push(now().theirs));
    now().set('title', 'a');
    const first = now().save();
    now().set('title', 'ab');
    expect(now()).toMatchObject({ status: 'saving', values: { title: 'ab' } });
    await first;
    expect(now()).toMatchObject({ status: 'ready', values: { title: 'ab' }, dirty: true });
    await now().save();
    expect(now()).toMatchObject({ values: { title: 'ab' }, dirty: false });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.filter((theirs) => Object.keys(theirs as object).length > 0)).toEqual([]);
  });

  test('saves one after another, the last with what is there by then', async () => {
    const { now, pk } = await form();
    now().set('title', 'a');
    const answers = [now().save(), now().save()];
    now().set('title', 'b');
    answers.push(now().save());
    expect(await Promise.all(answers)).toEqual([1, 2, 3].map(() => ({ ok: true, pk })));
    expect(now()).toMatchObject({ values: { title: 'b' }, dirty: false, status: 'ready' });
  });

  test('takes theirs, keeps its own, or gives it up', async () => {
    const { now, sees } = await form();
    now().set('title', 'mine');
    now().set('body', 'mine');
    await sees({ title: 'theirs', body: 'theirs' });
    now().take('title');
    now().keep('body');
    expect(now()).toMatchObject({ values: { title: 'theirs', body: 'mine' }, theirs: {}, dirty: true });
    await sees({ body: 'again' });
    expect(now().theirs).toEqual({ body: 'again' });
    now().reset('body');
    expect(now()).toMatchObject({ values: { title: 'theirs', body: 'again' }, dirty: false });
    now().set('title', 'x');
    now().reset();
    expect(now()).toMatchObject({ values: { title: 'theirs', body: 'again' }, dirty: false });
  });

  test('with ifMatch is refused where somebody else was faster, until it keeps its own knowingly', async () => {
    const { now, sees } = await form();
    now().set('title', 'mine');
    await sees({ body: 'not mine' }); // another field is no conflict
    expect(await now().save({ ifMatch: true })).toMatchObject({ ok: true });
    now().set('title', 'mine again');
    await sees({ title: 'theirs' });
    expect(await now().save({ ifMatch: true })).toMatchObject({ ok: false, code: 'conflict' });
    expect(now()).toMatchObject({ values: { title: 'mine again' }, theirs: { title: 'theirs' }, refusal: { code: 'conflict' } });
    now().keep('title');
    expect(await now().save({ ifMatch: true })).toMatchObject({ ok: true });
    expect(now()).toMatchObject({ values: { title: 'mine again' }, dirty: false, refusal: null });
  });

  test('without a key makes a row and follows it; given up as a whole it begins another', async () => {
    const { now } = await form({ pk: null });
    expect(now()).toMatchObject({ status: 'new', values: {}, pk: null });
    expect(await now().save()).toMatchObject({ ok: false, code: 'invalid' });
    expect(now()).toMatchObject({ status: 'new', errors: { title: expect.any(String) as string } });
    now().set('title', 'made');
    const answer = await now().save();
    const pk = answer.ok && (answer.pk as Pk);
    expect(now()).toMatchObject({ status: 'ready', values: { title: 'made' }, dirty: false, pk });
    now().set('title', 'changed');
    expect(await now().save()).toEqual({ ok: true, pk });
    now().reset();
    expect(now()).toMatchObject({ status: 'new', values: {}, pk: null });
  });

  test('given up while it is made begins another, whatever the answer', async () => {
    const { now } = await form({ pk: null });
    now().set('title', '');
    const refused = now().save();
    now().reset();
    expect((await refused).ok).toBe(false);
    expect(now()).toMatchObject({ status: 'new', values: {}, errors: {}, refusal: null, pk: null });
  });

  test('of a row that goes keeps what was touched', async () => {
    const { now, draft, blogId, pk } = await form();
    now().set('title', 'mine');
    await removed(the.other, blogId, pk);
    await once(draft, ({ status }) => status === 'gone');
    expect(now()).toMatchObject({ values: { title: 'mine' }, dirty: true });
    expect(await now().save()).toMatchObject({ ok: false, code: 'not_found' });
    expect(now().values).toEqual({ title: 'mine' });
  });

  test('touched before its row is there takes the row as it comes for what it was', async () => {
    const blogId = ++blogs;
    const pk = await posted(the.other, { blogId, title: 'one' });
    const draft = draftOf(liveStream(the.asking().client, 'posts', { blogId }), pk);
    expect(draft.getSnapshot().status).toBe('loading');
    draft.getSnapshot().set('title', 'mine');
    await once(draft, ({ status }) => status === 'ready');
    expect(draft.getSnapshot()).toMatchObject({ values: { title: 'mine' }, theirs: {}, dirty: true });
  });

  test('has values that a form’s two-way bindings can read, list and set', async () => {
    const { now } = await form();
    const values = formOf<Post>(now);
    values.title = 'typed';
    expect(now()).toMatchObject({ values: { title: 'typed' }, dirty: true });
    expect(values.title).toBe('typed');
    expect({ ...values }).toEqual(now().values);
  });
});

test('whatever somebody types, saves and gives up, and whatever others write: a touched field is what was put there, any other is the row’s', async () => {
  const field = fc.constantFrom('title', 'body');
  const step = fc.oneof(
    fc.record({ do: fc.constant('set'), field, value: fc.constantFrom('a', 'b', '', 'forbidden') }),
    fc.record({ do: fc.constant('theirs'), field, value: fc.constantFrom('a', 'x', 'y') }),
    fc.record({ do: fc.constantFrom('save', 'ifMatch', 'reset', 'take', 'keep'), field, value: fc.constant('') }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const { now, sees, row } = await form();
      const typed = new Map<string, string>();
      for (const { do: what, field: name, value } of steps as { do: string; field: 'title' | 'body'; value: string }[]) {
        if (what === 'set') {
          now().set(name, value);
          typed.set(name, value);
        } else if (what === 'theirs') await sees({ [name]: value }).catch(() => undefined);
        else if (what === 'save' || what === 'ifMatch') {
          const sent = new Map(typed);
          const { ok } = await now().save({ ifMatch: what === 'ifMatch' });
          if (ok) for (const each of sent.keys()) typed.delete(each);
        } else if (what === 'keep') now().keep(name);
        else {
          now()[what as 'reset' | 'take'](name);
          typed.delete(name);
        }
        const { values, theirs, errors } = now();
        expect(values).toEqual({ ...row(), ...Object.fromEntries(typed) });
        for (const each of [...Object.keys(theirs), ...Object.keys(errors)]) expect(typed.has(each)).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});
