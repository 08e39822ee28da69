import {
  keyText,
  RowcastError,
  toWire,
  type Answer,
  type Image,
  type Judgement,
  type Key,
  type LogValue,
  type StoreWrite,
} from '../../core/index.ts';
import { identifier, paramText, type RawRow, type Sql, type Transaction } from '../connection/sql.ts';
import { columnList, imageOfRow, type PgColumn, type PgTable } from '../tables/tables.ts';

/** The row that a write is about, as it stands; null where it makes one. */
export async function rowOf(sql: Sql, { table, key }: StoreWrite, lock: '' | 'FOR UPDATE' | 'FOR NO KEY UPDATE'): Promise<Image | null> {
  if (!key) return null;
  const pg = table as PgTable;
  const [row] = await sql.query(`SELECT ${columnList(pg)} FROM ${pg.sql} WHERE ${keyIs(pg, 1)} ${lock}`, key);
  return row ? imageOfRow(pg, row) : null;
}

const NOT_FOUND: Answer = { ok: false, code: 'not_found', message: 'there is no such row' };
const KEPT_AS_IT_WAS: Answer = { ok: false, code: 'invalid', message: 'a rule of the database kept the row as it was' };

/** What a judgement is about: the row as it stands under the lock. */
interface Target {
  readonly table: PgTable;
  readonly write: StoreWrite;
  readonly before: Image | null;
}

/** What a judgement comes to. Rejects with what the database refuses it with. */
export async function apply(tx: Transaction, target: Target, judgement: Judgement): Promise<Answer> {
  switch (judgement.verdict) {
    case 'refuse':
      return judgement.answer;
    case 'hook': {
      const made = await tx.app(judgement.run);
      return { ok: true, pk: target.write.key ? pkOf(target.table, target.write.key) : keyMade(target.table, made) };
    }
    case 'write': {
      const { table, write, before } = target;
      if (write.key && !before) return NOT_FOUND;
      const [row] = await tx.query(...statement(table, write, judgement.values));
      return row ? { ok: true, pk: pkOf(table, row) } : KEPT_AS_IT_WAS;
    }
  }
}

function statement(
  table: PgTable,
  { action, key }: StoreWrite,
  values: ReadonlyMap<number, unknown>,
): [text: string, params: readonly unknown[]] {
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

export function isSame(one: Image | null, other: Image | null): boolean {
  if (!one || !other) return one === other;
  return one.every((value, place) => value === other[place]);
}
