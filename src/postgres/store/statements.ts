import {
  keyText,
  Refusal,
  RowcastError,
  toWire,
  type Allowed,
  type CallStep,
  type Image,
  type Json,
  type Key,
  type LogValue,
  type Refused,
  type RowStep,
} from '../../core/index.ts';
import { identifier, paramText, type RawRow, type Sql, type Transaction } from '../connection/sql.ts';
import { columnList, imageOfRow, type PgColumn, type PgTable } from '../tables/tables.ts';

type Step = RowStep | CallStep;

/** The row that a step is about, as it stands; null where it makes one. */
async function rowOf(sql: Sql, { table, key }: RowStep, lock: '' | 'FOR UPDATE' | 'FOR NO KEY UPDATE'): Promise<Image | null> {
  if (!key) return null;
  const pg = table as PgTable;
  const [row] = await sql.query(`SELECT ${columnList(pg)} FROM ${pg.sql} WHERE ${keyIs(pg, 1)} ${lock}`, key);
  return row ? imageOfRow(pg, row) : null;
}

interface Reading {
  /** Whether they are to stay as they are until the transaction ends. */
  readonly locked: boolean;
  /** Is told whose row is read next. */
  blame(step: Step): void;
}

/**
 * The rows that the steps are about, as they stand; null for each that makes one, and for a call. They are read, and locked, in an order that is
 * the same for every write: two of them never wait for each other's.
 */
export async function rowsOf(sql: Sql, steps: readonly Step[], { locked, blame }: Reading): Promise<readonly (Image | null)[]> {
  const names = steps.map((step) => (step.kind === 'row' && step.key ? JSON.stringify([step.table.id, ...step.key]) : null));
  const found = new Map<string | null, Image | null>([[null, null]]);
  for (const name of names.toSorted()) {
    if (found.has(name)) continue;
    const same = steps.filter((_, at): _ is RowStep => names[at] === name);
    const [step] = same as [RowStep];
    const lock = same.some(({ action }) => action === 'delete') ? 'FOR UPDATE' : 'FOR NO KEY UPDATE';
    blame(step);
    found.set(name, await rowOf(sql, step, locked ? lock : ''));
  }
  return names.map((name) => found.get(name) ?? null);
}

const NOT_FOUND: Refused = { ok: false, code: 'not_found', message: 'there is no such row' };
const KEPT_AS_IT_WAS: Refused = { ok: false, code: 'invalid', message: 'a rule of the database kept the row as it was' };

/**
 * Does what was allowed. Gives the row's key, or what the call gave. Rejects with what the database refuses it with, or a `Refusal`.
 *
 * @param isFirst of its write: nothing of it has changed the row since it was read
 */
export async function apply(tx: Transaction, { step, before, judgement }: Allowed, isFirst: boolean): Promise<Json> {
  if (step.kind === 'call') return judgement.verdict === 'hook' ? (toWire(await tx.app(judgement.run)) ?? null) : null;
  const table = step.table as PgTable;
  if (step.key && !before) throw new Refusal(NOT_FOUND);
  switch (judgement.verdict) {
    case 'hook': {
      if (step.key && !isFirst && !(await rowOf(tx, step, ''))) throw new Refusal(NOT_FOUND);
      const made = await tx.app(judgement.run);
      return step.key ? pkOf(table, step.key) : keyMade(table, made);
    }
    case 'write': {
      const [row] = await tx.query(...statement(step, judgement.values));
      if (row) return pkOf(table, row);
      throw new Refusal(step.key && !(await rowOf(tx, step, '')) ? NOT_FOUND : KEPT_AS_IT_WAS);
    }
  }
}

function statement({ table: of, action, key }: RowStep, values: ReadonlyMap<number, unknown>): [text: string, params: readonly unknown[]] {
  const table = of as PgTable;
  const names = [...values.keys()].map((place) => identifier((table.columns[place] as PgColumn).column));
  const returning = table.key.map((place) => identifier((table.columns[place] as PgColumn).column)).join(', ');
  const params = [...values.values()].map(paramText);
  switch (action) {
    case 'create': {
      const row = names.length === 0 ? 'DEFAULT VALUES' : `(${names.join(', ')}) VALUES (${names.map((_, at) => `$${at + 1}`).join(', ')})`;
      return [`INSERT INTO ${table.sql} ${row} RETURNING ${returning}`, params];
    }
    case 'update': {
      const where = keyIs(table, names.length + 1);
      if (names.length === 0) return [`SELECT ${returning} FROM ${table.sql} WHERE ${where}`, key ?? []];
      const set = names.map((name, at) => `${name} = $${at + 1}`).join(', ');
      return [`UPDATE ${table.sql} SET ${set} WHERE ${where} RETURNING ${returning}`, [...params, ...(key ?? [])]];
    }
    case 'delete':
      return [`DELETE FROM ${table.sql} WHERE ${keyIs(table, 1)} RETURNING ${returning}`, key ?? []];
  }
}

function keyIs(table: PgTable, first: number): string {
  return table.key.map((place, at) => `${identifier((table.columns[place] as PgColumn).column)} = $${first + at}`).join(' AND ');
}

function pkOf(table: PgTable, key: RawRow | readonly LogValue[]): Key {
  const image: LogValue[] = [];
  table.key.forEach((place, at) => (image[place] = key[at] ?? null));
  return JSON.parse(keyText(table, image)) as Key;
}

function keyMade(table: PgTable, made: unknown): Key {
  const pk = toWire(made);
  if (pk === undefined || pk === null) {
    throw new RowcastError(
      'hook_invalid',
      `the create hook of "${table.id}" must return the new row's key; return it from the insert: .returning()`,
    );
  }
  return pk;
}

/** Are these the same rows, value by value? */
export function areSame(ones: readonly (Image | null)[], others: readonly (Image | null)[]): boolean {
  return ones.every((one, at) => {
    const other = others[at] ?? null;
    return one && other ? one.every((value, place) => value === other[place]) : one === other;
  });
}
