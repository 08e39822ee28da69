import assert from 'node:assert/strict';
import {
  placeOf,
  rowOf,
  type Answer,
  type CallStep,
  type Claim,
  type Judgement,
  type OpenDatabase,
  type Refused,
  type Row,
  type RowStep,
  type StoreWrite,
} from '../core/index.ts';
import type { DatabaseFixture } from './fixture.ts';
import { suiteClock, tableOf, type Opened } from './opened.ts';

/** A store under test: blogs 1 and 2 are there, and post 1, `One`. */
export interface StoreContext {
  readonly opened: Opened;
  readonly open: OpenDatabase;
  readonly fixture: DatabaseFixture;
}

export function claim(hash = 'h'): Claim {
  return { principal: 'p', receipt: { client: suiteClock.id(), write: 1 }, hash };
}

interface Claimed {
  readonly claim: Claim;
}

/** A write of one row, answered as a server would. */
export function rowWrite({ claim: claimed, ...step }: Omit<RowStep, 'kind'> & Claimed): StoreWrite {
  return { claim: claimed, steps: [{ kind: 'row', ...step }], answer: ([pk = null]) => ({ ok: true, pk }) };
}

/** Several of them. */
export function batch(steps: readonly RowStep[], claimed: Claim = claim()): StoreWrite {
  return { claim: claimed, steps: steps.map((step, at) => ({ ...step, at })), answer: (pks) => ({ ok: true, pks }) };
}

/** A call, answered as a server would. Left out: it is allowed. */
export function callWrite(
  run: CallStep['run'],
  { claim: claimed = claim(), judge = () => null }: Partial<Claimed & Pick<CallStep, 'judge'>> = {},
): StoreWrite {
  return {
    claim: claimed,
    steps: [{ kind: 'call', name: 'publish', judge, run }],
    answer: ([value = null]) => ({ ok: true, value }),
  };
}

interface PostStep extends Partial<Omit<RowStep, 'kind'>> {
  /** Which post: 1, when it is left out. */
  readonly id?: number;
  /** Values by property: what is written when the judge is left out. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** What the app does instead. */
  readonly hook?: (tx: unknown) => unknown;
}

/** A step of `post`. */
export function postStep({ opened, open }: StoreContext, { id = 1, set = {}, hook, ...step }: PostStep): RowStep {
  const table = tableOf(open, opened.models.post);
  const values = new Map(
    Object.entries(set).map(([name, value]) => [placeOf(table, name), table.model.toParam(placeOf(table, name), value)]),
  );
  const action = step.action ?? 'update';
  return {
    kind: 'row',
    table,
    action,
    key: action === 'create' ? null : [table.columns[0]?.fromWire(id) ?? null],
    judge: () => (hook ? { verdict: 'hook', run: hook } : { verdict: 'write', values }),
    ...step,
  };
}

/** A write of one `post`. */
export function postWrite(context: StoreContext, { claim: claimed = claim(), ...step }: PostStep & Partial<Claimed>): StoreWrite {
  return rowWrite({ claim: claimed, ...postStep(context, step) });
}

/** The same write, with another judge of its rows. */
export function judgedBy(write: StoreWrite, judge: RowStep['judge']): StoreWrite {
  return { ...write, steps: (write.steps as readonly RowStep[]).map((step) => ({ ...step, judge })) };
}

export function refusing(answer: Refused): () => Judgement {
  return () => ({ verdict: 'refuse', answer });
}

/** One after the other, each when the one before has come to an end: in a breath, where all that they do is synchronous. */
export function inTurn(...steps: readonly (() => unknown)[]): unknown {
  const [first, ...rest] = steps;
  if (!first) return undefined;
  const done = first();
  if (rest.length === 0) return done;
  return done instanceof Promise ? done.then(() => inTurn(...rest)) : inTurn(...rest);
}

/** Every post as it stands, by its key. */
export async function posts({ opened, open }: StoreContext): Promise<readonly Row[]> {
  const table = tableOf(open, opened.models.post);
  if (!opened.world.write) {
    const found = await opened.world.app.all('SELECT id, blog_id, slug, title, body, notes FROM post ORDER BY id');
    return found.map(({ id, blog_id: blogId, ...row }) => ({ id: Number(id), blogId: Number(blogId), ...row }));
  }
  const { pages } = await open.rows.read(table, { by: 'all' }, { signal: new AbortController().signal });
  const rows: Row[] = [];
  for await (const page of pages) rows.push(...page.rows.map((image) => rowOf(table, image)));
  return rows;
}

export async function titles(context: StoreContext): Promise<readonly unknown[]> {
  return (await posts(context)).map((row) => row['title']);
}

export function refused(answer: Answer): Refused {
  assert.equal(answer.ok, false);
  return answer as Refused;
}
