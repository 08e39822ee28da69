import { shows, showsAll, type Entry, type Place, type Position, type Snapshot } from '../../src/core/index.ts';

/** One commit in the log, with what it did to rows: texts by key, null where there is no row. */
export interface Logged extends Pick<Entry, 'position' | 'xid'>, Place {
  readonly changes: readonly { readonly key: string; readonly before: string | null; readonly after: string | null }[];
}

/** A subscription's rows, and all that it could know when they were read. */
export interface Moment {
  readonly snapshot: Extract<Snapshot, { by: 'xid' }>;
  /** Where the log ended just before the snapshot was taken. */
  readonly before: Position;
  /** How far whoever reads the log had come when the subscription began. */
  readonly began: Position;
  readonly rows: ReadonlyMap<string, string>;
  /** Whether the rows have the commit in them: told by the rows themselves, or by whoever made them, and by no rule. */
  has(commit: Logged): boolean;
}

/** The commits that are replayed over the rows, in the order of the log. */
export type Join = (moment: Moment, log: readonly Logged[]) => readonly Logged[];

/** What is shipped: back to where everything is shown, and from there all that is not. */
export const shippedJoin: Join = ({ snapshot }, log) =>
  log.slice(log.findLastIndex((place) => showsAll(snapshot, place)) + 1).filter((commit) => !shows(snapshot, commit));

/** Each of these loses commits, or tells some twice, and looks right. */
export const WRONG_JOINS: Readonly<Record<string, Join>> = {
  'by the end of the log as read with the snapshot': ({ snapshot }, log) => log.filter(({ position }) => position > snapshot.until),
  'by the end of the log as read before the snapshot': ({ before }, log) => log.filter(({ position }) => position > before),
  'by a filter that ends at the first transaction past the snapshot': ({ snapshot }, log) => {
    const past = log.findIndex(({ xid }) => xid !== null && BigInt(xid) >= snapshot.xmax);
    return log.filter((commit, at) => (past !== -1 && at >= past) || !shows(snapshot, commit));
  },
  'of what came after the subscription began': ({ snapshot, began }, log) =>
    log.filter((commit) => commit.position > began && !shows(snapshot, commit)),
};

export interface Verdict {
  /** Commits that are neither in the rows nor replayed. */
  readonly lost: number;
  /** Commits that are in the rows and replayed. */
  readonly replayed: number;
  /** Replayed changes that do not start from the row as it stood. */
  readonly unjoined: number;
  /** Commits after which the rows are not those of the table as of that commit, the first moment that promises it included. */
  readonly unequal: number;
}

export const CLEAN: Verdict = { lost: 0, replayed: 0, unjoined: 0, unequal: 0 };

/** Replays by a join, and compares with the table as the whole log makes it. */
export function judge(log: readonly Logged[], moment: Moment, join: Join): Verdict {
  const kept = new Set(join(moment, log));
  const [rows, table] = [new Map(moment.rows), new Map<string, string>()];
  const verdict = { lost: 0, replayed: 0, unjoined: 0, unequal: 0 };
  let ready = false;
  const differ = (): boolean => rows.size !== table.size || [...table].some(([key, text]) => rows.get(key) !== text);
  const beReady = (): void => {
    ready = true;
    if (differ()) verdict.unequal++;
  };
  for (const commit of log) {
    if (!ready && commit.position > moment.snapshot.until) beReady();
    const keeps = kept.has(commit);
    if (keeps === moment.has(commit)) verdict[keeps ? 'replayed' : 'lost']++;
    for (const { key, before, after } of commit.changes) {
      put(table, key, after);
      if (keeps && (rows.get(key) ?? null) !== before) verdict.unjoined++;
      if (keeps) put(rows, key, after);
    }
    // Untouched rows are as equal as they were.
    if (ready && commit.changes.some(({ key }) => rows.get(key) !== table.get(key))) verdict.unequal++;
  }
  if (!ready) beReady();
  return verdict;
}

function put(rows: Map<string, string>, key: string, text: string | null): void {
  if (text === null) rows.delete(key);
  else rows.set(key, text);
}

export function sum(verdicts: readonly Verdict[]): Verdict {
  const add = (of: keyof Verdict): number => verdicts.reduce((total, verdict) => total + verdict[of], 0);
  return { lost: add('lost'), replayed: add('replayed'), unjoined: add('unjoined'), unequal: add('unequal') };
}
