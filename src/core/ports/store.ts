import type { Action, Answer } from '../../protocol/index.ts';
import type { Receipt } from '../change.ts';
import type { Image, LogValue } from '../model.ts';
import type { Table } from '../table.ts';

/** Names a write so that it is applied once: who, the client's name for it, and a digest of what it says. */
export interface Claim {
  readonly principal: string;
  readonly receipt: Receipt;
  readonly hash: string;
}

/** What is to be done to the row, decided by looking at it as it stands. */
export type Judgement =
  | { readonly verdict: 'refuse'; readonly answer: Answer }
  /** `values` are the columns to set, by place: parameters as the driver takes them. Empty for a delete. */
  | { readonly verdict: 'write'; readonly values: ReadonlyMap<number, unknown> }
  /**
   * The app does it itself, in the same transaction. It resolves to the key of the row it made, when it made one. Where the database writes
   * synchronously (SQLite) it must not return a promise.
   */
  | { readonly verdict: 'hook'; readonly run: (tx: unknown) => unknown };

export interface StoreWrite {
  readonly table: Table;
  readonly action: Action;
  /** In key order; null for a create. */
  readonly key: readonly LogValue[] | null;
  readonly claim: Claim;
  /** The fields a refusal may name: those the client may know of. Left out: all. */
  readonly named?: ReadonlySet<string>;
  /** Is called with the row as it stands (null: no such row, or a create), and may be called again when the row changed meanwhile. */
  judge(before: Image | null): Judgement | Promise<Judgement>;
}

/**
 * Writes to the app's database.
 *
 * `write` is one transaction: claim the key; where it is claimed already, leave a new receipt and give the stored answer (`key_reused` when
 * the digest differs). Else read the row, locked or compared again before the write, judge it, write, store the answer, leave the receipt
 * with the answer in the log, commit. `logged` says whether a receipt was left: then the answer waits for it to come back by the log. It resolves for
 * every outcome the client can be told, constraint violations included (`invalid` with the field, never the database's text), and rejects
 * only when the database failed: then nothing was written.
 */
export interface Store {
  write(write: StoreWrite): Promise<{ readonly answer: Answer; readonly logged: boolean }>;
}

/** A refusal as the client may hear it: a broken rule of a column that it may not know of has no field. */
export function tellable({ named }: Pick<StoreWrite, 'named'>, answer: Answer): Answer {
  if (answer.ok || !answer.fields || !named) return answer;
  const { fields, ...rest } = answer;
  const known = Object.entries(fields).filter(([field]) => named.has(field));
  if (known.length === Object.keys(fields).length) return answer;
  return known.length > 0
    ? { ...rest, fields: Object.fromEntries(known) }
    : { ...rest, message: 'the database did not accept these values' };
}
