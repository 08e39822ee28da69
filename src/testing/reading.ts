import assert from 'node:assert/strict';
import {
  keyText,
  rowOf,
  shows,
  showsAll,
  type Commit,
  type Image,
  type OpenDatabase,
  type ReadOptions,
  type Reading,
  type Row,
  type Selection,
  type Snapshot,
  type Table,
} from '../core/index.ts';

export interface Asked extends Partial<ReadOptions> {
  readonly selection?: Selection;
  /** Is called after each page: what happens meanwhile must not be seen. */
  readonly between?: () => Promise<void>;
}

/** A reading that was read to its end. */
export interface Read {
  readonly snapshot: Snapshot;
  readonly images: readonly Image[];
  /** As code sees them. */
  readonly rows: readonly Row[];
  readonly sizes: readonly number[];
  readonly totals: readonly (number | null)[];
}

export function begin(open: OpenDatabase, table: Table, { selection = { by: 'all' }, page, signal }: Asked = {}): Promise<Reading> {
  return open.rows.read(table, selection, { signal: signal ?? new AbortController().signal, ...(page !== undefined && { page }) });
}

export async function readAll(open: OpenDatabase, table: Table, asked: Asked = {}): Promise<Read> {
  return readOn(table, await begin(open, table, asked), asked.between);
}

export async function readOn(table: Table, { snapshot, pages }: Reading, between: Asked['between'] = async () => {}): Promise<Read> {
  const read: Image[][] = [];
  const totals: (number | null)[] = [];
  for await (const { rows, total } of pages) {
    read.push([...rows]);
    totals.push(total);
    await between();
  }
  const images = read.flat();
  return { snapshot, images, rows: images.map((image) => rowOf(table, image)), sizes: read.map(({ length }) => length), totals };
}

/**
 * The rows of a reading and every commit that it does not show, in the order of the log: the table as it is at the end of the log. Rejects
 * where a commit does not fit what came before it: one was lost, or one was taken twice.
 */
export function joinWithLog(
  table: Table,
  { snapshot, images }: Pick<Read, 'snapshot' | 'images'>,
  commits: readonly Commit[],
): ReadonlyMap<string, Image> {
  const rows = new Map(images.map((image) => [keyText(table, image), image]));
  assert.equal(rows.size, images.length, 'a row was read twice');
  let highest: bigint | null = null;
  let hidden: string | null = null;
  for (const { position, xid, changes, lost } of commits) {
    assert.deepEqual(lost, []);
    const isShown = shows(snapshot, { position, xid: xid?.toString() ?? null });
    if (xid !== null && (highest === null || xid > highest)) highest = xid;
    if (!isShown) hidden ??= position;
    if (showsAll(snapshot, { position, highest })) assert.equal(hidden, null, 'a commit before one at which all are shown is not');
    if (isShown) assert.ok(position <= snapshot.until, 'a commit beyond `until` is shown');
    else for (const change of changes) if (change.table === table) step(rows, change);
  }
  return rows;
}

function step(rows: Map<string, Image>, { table, before, after }: Commit['changes'][number]): void {
  if (before) {
    const key = keyText(table, before);
    assert.deepEqual(before, rows.get(key) ?? null, 'a change does not fit the row before it');
    rows.delete(key);
  }
  if (!after) return;
  const key = keyText(table, after);
  assert.ok(!rows.has(key), 'a row comes that is there');
  rows.set(key, after);
}

export function byKey(table: Table, images: Iterable<Image>): readonly (readonly [string, Image])[] {
  return [...images].map((image) => [keyText(table, image), image] as const).toSorted(([one], [other]) => (one < other ? -1 : 1));
}
