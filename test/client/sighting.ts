import type { OwnWrite, Target } from './own-write.ts';
import type { Truth } from './truth.ts';

type Row = Readonly<Record<string, unknown>>;

/** What a page showed once. */
export interface Sighting {
  /** When, as the page counts. */
  readonly at: number;
  /** Which of the table's states it said this is. */
  readonly position: string;
  readonly rows: readonly (readonly [key: string, row: Row])[];
}

interface Known {
  readonly truth: Truth;
  readonly writes: readonly OwnWrite[];
  targetOf(key: string): Target | undefined;
}

/** What is wrong with it; null: nothing. It must be the table as of its position, with those own writes on top that are neither refused nor in there. */
export function wrongWith(sighting: Sighting, { truth, writes, targetOf }: Known): string | null {
  const { at, position, rows } = sighting;
  const shown = new Map<string, string>();
  for (const [key, row] of rows) {
    const name = nameOf(key, truth, targetOf);
    if (shown.has(name)) return `the row ${name} is there twice, once as ${key}`;
    shown.set(name, textOf(row));
  }
  const open = writes.filter((own) => own.asked < at && at < own.refused && !own.isIn(truth, position, at));
  // What rests on a row that is not made goes with it at one stroke, and one after another.
  const falling = new Set(open.filter(({ falls }) => falls < at).map(({ together }) => together));
  let first: string | null = null;
  for (const gone of subsets([...falling])) {
    const expected = explained(
      truth,
      position,
      open.filter(({ together }) => !gone.has(together)),
    );
    const found = difference(expected, shown);
    if (found === null) return null;
    first ??= found;
  }
  return `at ${position}: ${first}; on top: ${open.map(({ action, target, data, way }) => `${way} ${action} ${target.name(truth)} ${JSON.stringify(data)}`).join(', ') || 'nothing'}`;
}

/** All of them, the empty one first; of many only those that leave out the first so many. */
function* subsets<T>(all: readonly T[]): Iterable<ReadonlySet<T>> {
  if (all.length > 10) for (let size = 0; size <= all.length; size++) yield new Set(all.slice(0, size));
  else for (let mask = 0; mask < 2 ** all.length; mask++) yield new Set(all.filter((_, at) => mask & (1 << at)));
}

function explained(truth: Truth, position: string, open: readonly OwnWrite[]): ReadonlyMap<string, string> {
  const rows = new Map(truth.at(position).map((row) => [String(row['id']), row]));
  for (const { action, target, data } of open) {
    const name = target.name(truth);
    const row = rows.get(name);
    if (action === 'delete') rows.delete(name);
    else if (action === 'create') rows.set(name, row ?? data);
    else if (row) rows.set(name, { ...row, ...data });
  }
  return new Map([...rows].map(([name, row]) => [name, textOf(row)]));
}

function nameOf(key: string, truth: Truth, targetOf: Known['targetOf']): string {
  return targetOf(key)?.name(truth) ?? key;
}

function textOf({ title, note }: Row): string {
  return JSON.stringify({ title, note });
}

function difference(expected: ReadonlyMap<string, string>, shown: ReadonlyMap<string, string>): string | null {
  for (const [name, text] of expected)
    if (shown.get(name) !== text) return `${name} should be ${text}, and is ${shown.get(name) ?? 'not there'}`;
  for (const [name, text] of shown) if (!expected.has(name)) return `${name} should not be there, and is ${text}`;
  return null;
}
