import {
  tellable,
  keyText,
  RowcastError,
  toWire,
  UNREADABLE,
  type Answer,
  type Image,
  type Judgement,
  type Json,
  type Log,
  type LogValue,
  type Store,
  type StoreWrite,
  type Table,
} from '../core/index.ts';
import { paramOf } from './column.ts';
import { isBusy, type Connection, type Param } from './connection.ts';
import type { HookHandle } from './hook-tx.ts';
import type { Joined } from './join.ts';
import type { Journal } from './journal.ts';
import type { WriteLock } from './lock.ts';
import { storedOutcome, storeOutcome } from './outcomes.ts';
import type { Pulse } from './pulse.ts';
import { refusalOf } from './refusal.ts';
import { ident } from './sql.ts';

export interface StoreParts {
  readonly connection: Connection;
  readonly journal: Journal;
  readonly pulse: Pulse;
  readonly lock: WriteLock;
  readonly log: Log;
  joined(table: Table): Joined;
  readonly hooks: HookHandle;
}

type Outcome = { readonly answer: Answer; readonly logged: boolean };

/** How often a row that keeps changing is judged before the client is told so. */
const JUDGEMENTS = 3;

/**
 * Writes on Rowcast's own connection. Judging may wait, so it happens before the transaction; the transaction, one uninterrupted piece, reads
 * the row again and writes only if it is still the one that was judged.
 */
export class SqliteStore implements Store {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  async write(write: StoreWrite): Promise<Outcome> {
    try {
      return await this.#write(write);
    } catch (error) {
      if (!isBusy(error)) throw error;
      return { answer: { ok: false, code: 'busy', message: 'the database is busy with another writer; try again' }, logged: false };
    }
  }

  async #write(write: StoreWrite): Promise<Outcome> {
    const { connection, lock, pulse } = this.#parts;
    const joined = this.#parts.joined(write.table);
    for (let judged = 0; judged < JUDGEMENTS; judged++) {
      const before = await lock.retried(() => {
        // A write that was answered is not judged again.
        return storedOutcome(connection, write.claim) ? undefined : rowAt(connection, joined, write.key);
      });
      const judgement = before === undefined ? null : await write.judge(before);
      const tx = judgement?.verdict === 'hook' ? await this.#parts.hooks.handle() : null;
      const outcome = await this.#settle(write, { joined, before: before ?? null, judgement, tx });
      if (outcome) {
        if (outcome.logged) pulse.beat();
        return outcome;
      }
    }
    return { answer: { ok: false, code: 'conflict', message: 'the row kept changing while this was looked at; try again' }, logged: false };
  }

  /** One synchronous transaction. Null: the row is not the one that was judged. */
  async #settle(write: StoreWrite, judged: Judged): Promise<Outcome | null> {
    const { connection, lock } = this.#parts;
    let unstored: Answer | null = null;
    const attempt = (): Outcome | null => {
      const stored = storedOutcome(connection, write.claim);
      if (stored) return this.#again(write, stored);
      if (!judged.judgement || !same(judged.before, rowAt(connection, judged.joined, write.key))) return null;
      const answer = this.#savepoint(write, judged, judged.judgement);
      if (!answer.ok && answer.code === 'internal') {
        unstored = answer;
        throw new Undo();
      }
      return this.#conclude(write, answer);
    };
    try {
      return await lock.transaction(attempt);
    } catch (error) {
      if (error instanceof Undo && unstored) return { answer: unstored, logged: false };
      // A deferred reference is only refused by COMMIT, and RAISE(ROLLBACK) takes the claim along: the answer is stored on its own.
      const refused = refusalOf(error, judged.joined, null);
      if (!refused) throw error;
      return lock.transaction(() => {
        const stored = storedOutcome(connection, write.claim);
        return stored ? this.#again(write, stored) : this.#conclude(write, tellable(write, refused));
      });
    }
  }

  #again({ claim }: StoreWrite, stored: { readonly hash: string; readonly answer: Answer }): Outcome {
    if (stored.hash !== claim.hash) {
      return {
        answer: { ok: false, code: 'key_reused', message: 'this write id was used for another write already; take a new one' },
        logged: false,
      };
    }
    this.#parts.journal.receipt({ ...claim.receipt, answer: stored.answer });
    return { answer: stored.answer, logged: true };
  }

  #conclude({ claim }: StoreWrite, answer: Answer): Outcome {
    storeOutcome(this.#parts.connection, claim, answer);
    this.#parts.journal.receipt({ ...claim.receipt, answer });
    return { answer, logged: true };
  }

  /** The write itself, undone by itself when the database refuses its values. */
  #savepoint(write: StoreWrite, judged: Judged, judgement: Judgement): Answer {
    const { connection } = this.#parts;
    if (judgement.verdict === 'refuse') return judgement.answer;
    connection.exec('SAVEPOINT rowcast_write');
    try {
      const answer = judgement.verdict === 'hook' ? this.#hook(write, judged, judgement.run) : this.#apply(write, judged, judgement.values);
      connection.exec('RELEASE rowcast_write');
      return answer;
    } catch (error) {
      if (!connection.inTransaction) throw error;
      connection.exec('ROLLBACK TO rowcast_write');
      connection.exec('RELEASE rowcast_write');
      const values = judgement.verdict === 'write' ? byColumn(judged.joined, judgement.values) : null;
      const refused = refusalOf(error, judged.joined, values && { connection, values });
      if (!refused) throw error;
      return tellable(write, refused);
    }
  }

  #hook(write: StoreWrite, { joined, before, tx }: Judged, run: (tx: unknown) => unknown): Answer {
    const made = this.#parts.hooks.during(() => run(tx));
    if (isThenable(made)) {
      // A builder of Drizzle's runs when it is awaited, a promise may fail later: both find the handle dead, and have been spoken of here.
      Promise.resolve(made).catch(() => undefined);
      const where = `the ${write.action} hook of "${joined.table.id}"`;
      this.#parts.log.error(
        { table: joined.table.id, action: write.action },
        `${where} returned a promise; on SQLite hooks are synchronous: call .run(), .all() or .get(), and move what waits into after()`,
      );
      return { ok: false, code: 'internal', message: 'the write failed; nothing was written' };
    }
    if (write.action === 'create') return { ok: true, pk: toWire(made) ?? null };
    return { ok: true, pk: before ? wireKey(joined.table, before) : keyJson(joined.table, write.key ?? []) };
  }

  #apply({ action }: StoreWrite, { joined, before }: Judged, values: ReadonlyMap<number, unknown>): Answer {
    const { connection } = this.#parts;
    const { table, catalog } = joined;
    const set = [...byColumn(joined, values)];
    const params = set.map(([, value]) => value);
    const on = ident(catalog.name);
    if (action === 'create') {
      const columns = set.map(([column]) => ident(column)).join(', ');
      const what = set.length === 0 ? 'DEFAULT VALUES' : `(${columns}) VALUES (${set.map(() => '?').join(', ')})`; // sql: quoted above
      const keys = table.key.map((place, at) => `${ident(table.columns[place]?.column ?? '')} AS c${at}`).join(', ');
      const [made] = connection.all(`INSERT INTO ${on} ${what} RETURNING ${keys}`, ...params);
      return { ok: true, pk: keyJson(table, made ?? []) };
    }
    if (!before) return { ok: false, code: 'not_found', message: 'there is no such row' };
    // A key's own collation may tell apart what its column's does not: the first finds by index, the second exactly the row that was judged.
    const where = keyColumns(table, (column) => `${column} IS ? AND ${column} COLLATE BINARY IS ?`, ' AND ');
    const key = keyOf(table, before);
    const exactly = key.flatMap((value) => [value, value]);
    if (action === 'delete') {
      // sql: keyColumns() quotes
      connection.run(`DELETE FROM ${on} WHERE ${where}`, ...exactly);
      return { ok: true, pk: wireKey(table, before) };
    }
    if (set.length > 0) {
      // sql: keyColumns() quotes
      connection.run(`UPDATE ${on} SET ${set.map(([column]) => `${ident(column)} = ?`).join(', ')} WHERE ${where}`, ...params, ...exactly);
    }
    const after = table.key.map((place, at) =>
      values.has(place) ? paramOf(values.get(place), joined.affinities[place] ?? 'none') : (key[at] ?? null),
    );
    return { ok: true, pk: keyJson(table, after) };
  }
}

interface Judged {
  readonly joined: Joined;
  readonly before: Image | null;
  /** Null: the write was answered before. */
  readonly judgement: Judgement | null;
  readonly tx: unknown;
}

/** Unwinds a transaction that left an answer which is not to be stored. */
class Undo extends Error {}

function rowAt(connection: Connection, { table, catalog, affinities }: Joined, key: readonly LogValue[] | null): Image | null {
  if (!key) return null;
  const columns = table.columns.map(({ column }, at) => `${affinities[at] ? ident(column) : 'NULL'} AS c${at}`).join(', ');
  const where = keyColumns(table, (column) => `${column} = ?`, ' AND ');
  // The key as it was spelt comes first, where the column's collation finds more than one.
  const exact = keyColumns(table, (column) => `${column} COLLATE BINARY = ? DESC`, ', ');
  // sql: keyColumns() quotes
  const sql = `SELECT ${columns} FROM ${ident(catalog.name)} WHERE ${where} ORDER BY ${exact} LIMIT 1`;
  const [found] = connection.all(sql, ...key, ...key);
  return found ? found.map((value, at) => (affinities[at] ? value : UNREADABLE)) : null;
}

function same(one: Image | null, other: Image | null): boolean {
  if (!one || !other) return one === other;
  return one.every((value, at) => {
    const also = other[at];
    if (value instanceof Uint8Array && also instanceof Uint8Array) return Buffer.compare(value, also) === 0;
    return Object.is(value, also);
  });
}

function byColumn({ table, affinities }: Joined, values: ReadonlyMap<number, unknown>): ReadonlyMap<string, Param> {
  return new Map(
    [...values].map(([place, value]) => [(table.columns[place]?.column ?? '').toLowerCase(), paramOf(value, affinities[place] ?? 'none')]),
  );
}

/** The quoted columns of the key, each in some words, joined. */
function keyColumns(table: Table, each: (column: string) => string, by: string): string {
  return table.key.map((place) => each(ident(table.columns[place]?.column ?? ''))).join(by);
}

/** @throws {RowcastError} `schema_drift` when the key is no longer there as declared. */
function keyOf(table: Table, image: Image): readonly LogValue[] {
  return table.key.map((place) => {
    const value = image[place] ?? null;
    if (value === UNREADABLE)
      throw new RowcastError('schema_drift', `the key of "${table.id}" is not as the model declares it; bring both in line`);
    return value;
  });
}

function wireKey(table: Table, image: Image): Json {
  return JSON.parse(keyText(table, image)) as Json;
}

function keyJson(table: Table, key: readonly LogValue[]): Json {
  const image: LogValue[] = table.columns.map(() => null);
  table.key.forEach((place, at) => (image[place] = key[at] ?? null));
  return wireKey(table, image);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
