import fc from 'fast-check';
import { expect, test } from 'vitest';
import { binding, change, commitOf, handModel, handStream, handTable, routesOf } from '../../test/core/hand-made.ts';
import type { Change, Commit } from './change.ts';
import type { Delivery } from './entry.ts';
import { groupBy } from './groups.ts';
import type { Image } from './model.ts';
import { route } from './route.ts';
import { verdictOf } from './sees.ts';

const model = handModel('post', ['id', 'blog', 'title', 'secret']);
const table = handTable(model);
const posts = handStream('posts', binding(model, { fields: ['blog', 'title'], groupNames: groupBy('blog') }), table);
const routes = routesOf([posts]);
const group = (blog: string): string => posts.binding.group({ blog } as never).key;
const loud = (_: unknown, error: unknown): never => {
  throw error;
};

// Rows of one small table, wandering between blogs, through states that end before the commit does. Every version of a row has a title and a
// secret of its own, so that one that gets out can be told.
interface Step {
  readonly id: number;
  readonly blog: string | null;
  readonly act: 'put' | 'delete';
}
const step: fc.Arbitrary<Step> = fc.record({
  id: fc.integer({ min: 1, max: 3 }),
  blog: fc.constantFrom('a', 'b', null),
  act: fc.constantFrom('put', 'put', 'delete'),
});
const transactions = fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 });

type State = ReadonlyMap<number, Image>;

function play(state: State, steps: readonly Step[], version: () => number): { changes: Change[]; after: State } {
  const rows = new Map(state);
  const changes: Change[] = [];
  for (const { id, blog: to, act } of steps) {
    const before = rows.get(id) ?? null;
    const number = version();
    const after: Image | null = act === 'put' ? [id, to, `title-${number}.`, `secret-${number}.`] : null;
    if (!before && !after) continue;
    if (after) rows.set(id, after);
    else rows.delete(id);
    changes.push(change(table, before, after));
  }
  return { changes, after: rows };
}

/** What a viewer gets: the rule over deliveries, and nothing else of them. */
function sent(deliveries: readonly Delivery[], groups: readonly string[]): { readonly key: string; readonly fields: string | null }[] {
  const holds = (names: readonly string[] | null): boolean => names?.some((name) => groups.includes(name)) ?? false;
  return deliveries.flatMap(({ key, before, after, fields }) => {
    const verdict = verdictOf(holds(before), holds(after));
    return verdict === null ? [] : [{ key, fields: verdict === 'delete' ? null : fields }];
  });
}

type Router = (commit: Commit) => readonly Delivery[];
const folded: Router = (commit) => route(commit, routes, loud)?.deliveries ?? [];
/** The original's way: every statement is news. Kept to see that the law below would notice. */
const unfolded: Router = (commit) => commit.changes.flatMap((one) => route({ ...commit, changes: [one] }, routes, loud)?.deliveries ?? []);

/** Throws when a viewer is sent a byte of what it may not see at that commit, or ends up with another view than the table's. */
function judge(router: Router, commits: readonly (readonly Step[])[]): void {
  let count = 0;
  let state: State = new Map();
  const viewers = [['a'], ['b'], ['a', 'b'], []].map((blogs) => ({ blogs, view: new Map<string, string>() }));
  for (const steps of commits) {
    const { changes, after } = play(state, steps, () => ++count);
    const deliveries = router(commitOf(changes));
    const settled = [...state.values(), ...after.values()].map(([, , title]) => String(title));
    for (const title of JSON.stringify(deliveries).match(/title-\d+\./g) ?? []) {
      if (!settled.includes(title)) throw new Error(`${title} existed inside the transaction only`);
    }
    if (JSON.stringify(deliveries).includes('secret-')) throw new Error('a column that is not listed went out');
    for (const { blogs, view } of viewers) {
      const visible = new Map(
        [...after].flatMap(([id, [, blog, title]]) =>
          blogs.includes(String(blog)) ? [[String(id), JSON.stringify({ blog, title })] as const] : [],
        ),
      );
      for (const { key, fields } of sent(deliveries, blogs.map(group))) {
        if (fields !== null && visible.get(key) !== fields)
          throw new Error(`a viewer of ${blogs.join(', ')} was sent ${fields}, which it does not see`);
        if (fields === null && !view.delete(key))
          throw new Error(`a viewer of ${blogs.join(', ')} was told that ${key} is gone, which it never saw`);
        if (fields !== null) view.set(key, fields);
      }
      expect(view).toEqual(visible);
    }
    state = after;
  }
}

test('a viewer’s rows are the table’s at every commit, and no byte of another row, state or column reaches it', () => {
  fc.assert(
    fc.property(transactions, (commits) => judge(folded, commits)),
    { numRuns: 2000 },
  );
});

test('the test of the test: a router that does not fold breaks that law', () => {
  const found = fc.check(
    fc.property(transactions, (commits) => judge(unfolded, commits)),
    { numRuns: 2000, seed: 20261123 },
  );
  expect(found.failed).toBe(true);
  const publicForAMoment: Step[] = [
    { id: 1, blog: 'a', act: 'put' },
    { id: 1, blog: null, act: 'put' },
  ];
  expect(() => judge(unfolded, [publicForAMoment])).toThrow('existed inside the transaction only');
  expect(() => judge(folded, [publicForAMoment])).not.toThrow();
});
