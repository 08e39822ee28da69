import type { Connection } from './connection.ts';

/** The journal's last number, and the tag of its row; null when the row is gone, which nobody of ours does. */
export interface Newest {
  readonly seq: bigint;
  readonly tag: bigint | null;
}

/** One statement: one moment. The sequence remembers numbers of rows that are gone; a statement that failed half-way leaves it behind them. */
export function newestOf(journal: Connection): Newest {
  const [[seq = null, tag = null, used = null] = []] = journal.all(
    "SELECT max(seq), tag, (SELECT seq FROM sqlite_sequence WHERE name = '_rowcast_journal') FROM _rowcast_journal",
  );
  const last = (seq as bigint | null) ?? 0n;
  const sequence = (used as bigint | null) ?? 0n;
  return last >= sequence ? { seq: last, tag: tag as bigint | null } : { seq: sequence, tag: null };
}

export function tagAt(journal: Connection, seq: bigint): bigint | null {
  return (journal.all('SELECT tag FROM _rowcast_journal WHERE seq = ?', seq)[0]?.[0] as bigint | undefined) ?? null;
}
