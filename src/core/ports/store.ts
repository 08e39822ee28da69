import type { Action, Answer, Json, Refused } from '../../protocol/index.ts';
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
  | { readonly verdict: 'refuse'; readonly answer: Refused }
  /** `values` are the columns to set, by place: parameters as the driver takes them. Empty for a delete. */
  | { readonly verdict: 'write'; readonly values: ReadonlyMap<number, unknown> }
  /**
   * The app does it itself, in the same transaction. It resolves to the key of the row it made, when it made one, or throws a `Refusal`. Where
   * the database writes synchronously (SQLite) it must not return a promise.
   */
  | { readonly verdict: 'hook'; readonly run: (tx: unknown) => unknown };

/** One row to be written. */
export interface RowStep {
  readonly kind: 'row';
  readonly table: Table;
  readonly action: Action;
  /** In key order; null for a create. */
  readonly key: readonly LogValue[] | null;
  /** The fields a refusal may name: those the client may know of. Left out: all. */
  readonly named?: ReadonlySet<string>;
  /** Its place, where it is one of several: a refusal says it. */
  readonly at?: number;
  /** Is called with the row as it stands (null: no such row, or a create), and may be called again when the row changed meanwhile. */
  judge(before: Image | null): Judgement | Promise<Judgement>;
}

/** What the app does itself, in the same transaction. */
export interface CallStep {
  readonly kind: 'call';
  /** As the app knows it, for errors. */
  readonly name: string;
  /** Is called outside the transaction, before it and again with each further try: may this be done at all? */
  judge(): Refused | null | Promise<Refused | null>;
  /** Gives what the answer carries, or throws a `Refusal`. Where the database writes synchronously (SQLite) it must not return a promise. */
  run(tx: unknown): unknown;
}

export interface StoreWrite {
  readonly claim: Claim;
  /** At least one. Several: all of them or none. */
  readonly steps: readonly [CallStep] | readonly RowStep[];
  /** What the client is told when all is done: of the key of each row, or of what the call gave (as JSON; null where it gave nothing). */
  answer(made: readonly Json[]): Answer;
}

/**
 * Writes to the app's database.
 *
 * `write` is one transaction: claim the key; where it is claimed already, leave a new receipt and give the stored answer (`key_reused` when
 * the digest differs). Else read the rows of all steps, locked or compared again before the first is written; judge all of them on that; where
 * one is refused, nothing is written and that is the answer; else write them in order (a row that the database refuses undoes those before
 * it), store the answer, leave the receipt with the answer in the log, commit. `logged` says whether a receipt was left: then the answer waits
 * for it to come back by the log. It resolves for every outcome the client can be told, constraint violations included (`invalid` with the
 * field, never the database's text), and rejects only when the database failed, or what the app does itself threw (but for a
 * `Refusal`): then nothing was written.
 */
export interface Store {
  write(write: StoreWrite): Promise<{ readonly answer: Answer; readonly logged: boolean }>;
}

/** A refusal with the place of its write among several. */
export function placed(step: Pick<RowStep, 'at'> | CallStep, answer: Refused): Refused {
  const at = 'at' in step ? step.at : undefined;
  return at === undefined ? answer : { ...answer, at };
}

/**
 * What the database refused, as the client may hear it: with its place among several, and a broken rule of a column that it may not know of has
 * no field.
 */
export function tellable({ named, ...step }: Pick<RowStep, 'named' | 'at'>, answer: Refused): Refused {
  const told = placed(step, answer);
  if (!told.fields || !named) return told;
  const { fields, ...rest } = told;
  const known = Object.entries(fields).filter(([field]) => named.has(field));
  if (known.length === Object.keys(fields).length) return told;
  return known.length > 0
    ? { ...rest, fields: Object.fromEntries(known) }
    : { ...rest, message: 'the database did not accept these values' };
}
