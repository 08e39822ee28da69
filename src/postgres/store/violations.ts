import { placed, Refusal, tellable, ValueError, type CallStep, type Refused, type RowStep } from '../../core/index.ts';
import { paramText, serverError, type ServerError, type Sql } from '../connection/sql.ts';
import type { PgColumn, PgTable } from '../tables/tables.ts';

/** A step that may have been turned down, and what was to be set (null: nothing yet, or the app did it itself). */
export interface Attempt {
  readonly step: RowStep | CallStep;
  readonly values: ReadonlyMap<number, unknown> | null;
}

/**
 * What a client is told of a refusal. Of the database's: the field, in our own words. Its text can hold other rows' values, and names that are
 * nobody's business. Null when the error is none of what the steps could do about.
 *
 * @param attempts of which it may be: one that was being done, or all of them at the COMMIT, where a rule that waited for it does not say whose it is
 */
export async function refusalOf(error: unknown, attempts: readonly Attempt[], sql: Sql): Promise<Refused | null> {
  const [first, ...more] = attempts;
  if (!first) return null;
  if (error instanceof Refusal) return placed(first.step, error.answer);
  const told: Refused[] = [];
  for (const attempt of attempts) {
    const refused = await violationOf(error, attempt, sql);
    if (!refused) return null;
    told.push(attempt.step.kind === 'row' ? tellable(attempt.step, refused) : refused);
  }
  if (more.length === 0) return told[0] ?? null;
  const [named, ...others] = told.filter(({ fields }) => fields);
  return named && others.length === 0 ? named : REFUSED;
}

/** Null when the error says nothing about what was tried. */
async function violationOf(error: unknown, attempt: Attempt, sql: Sql): Promise<Refused | null> {
  const said = serverError(error);
  if (!said) return null;
  // A call's tables are not known: that a rule was broken is all that can be said.
  if (attempt.step.kind === 'call') return /^23|^P0001$/.test(said.code) ? REFUSED : null;
  const table = attempt.step.table as PgTable;
  switch (said.code) {
    case '23502':
      return said.column !== undefined && isOf(said, table)
        ? invalid(table, [said.column], 'is required')
        : ((await misfits(table, attempt, sql)) ?? REFUSED);
    case '23503':
    case '23001':
      return refersBadly(said, table, { deletes: attempt.step.action === 'delete', values: attempt.values });
    case '23505':
      return invalid(table, columnsOf(said, table), 'is taken');
    case '23P01':
      return invalid(table, columnsOf(said, table), 'clashes with another row');
    case '23514': {
      const columns = columnsOf(said, table);
      return columns.length > 0 ? invalid(table, columns, 'is not allowed') : ((await misfits(table, attempt, sql)) ?? REFUSED);
    }
    case 'P0001': // RAISE EXCEPTION: a rule the app wrote itself
      return REFUSED;
    default:
      return said.code.startsWith('22') ? ((await misfits(table, attempt, sql)) ?? REFUSED) : null;
  }
}

const REFUSED: Refused = { ok: false, code: 'invalid', message: 'a rule of the database forbids it' };

function refersBadly(said: ServerError, table: PgTable, { deletes, values }: { deletes: boolean; values: Attempt['values'] }): Refused {
  const columns = columnsOf(said, table);
  const places = columns.map((column) => table.columns.findIndex((each) => each.column === column));
  // A table that refers to itself has one constraint for both directions.
  const refers = columns.length > 0 && !deletes && (values === null || places.some((place) => values.has(place)));
  return refers
    ? invalid(table, columns, 'refers to a row that is not there')
    : { ok: false, code: 'invalid', message: 'other rows refer to this one' };
}

function invalid(table: PgTable, columns: readonly string[], why: string): Refused {
  const fields = columns
    .flatMap((column) => table.columns.filter((each) => each.column === column))
    .map(({ name }) => [name, why] as const);
  return fields.length === 0
    ? REFUSED
    : { ok: false, code: 'invalid', message: 'a field is not valid', fields: Object.fromEntries(fields) };
}

function isOf({ schema, table }: ServerError, { relation }: PgTable): boolean {
  return schema === relation.schema && table === relation.name;
}

function columnsOf(said: ServerError, table: PgTable): readonly string[] {
  if (!isOf(said, table)) return [];
  return table.relation.constraints.find(({ name, type }) => name === said.constraint && type !== 'n')?.columns ?? [];
}

/** Which value does not fit its column: the database does not say, so each is asked for alone. */
async function misfits(table: PgTable, { values }: Attempt, sql: Sql): Promise<Refused | null> {
  for (const [place, value] of values ?? []) {
    const column = table.columns[place] as PgColumn;
    const why = tooLong(column, value) ?? ((await fits(column, value, sql)) ? null : 'is not a value this field can hold');
    if (why !== null) return invalid(table, [column.column], why);
  }
  return null;
}

/** A cast cuts a text that is too long where an insert refuses it. */
function tooLong(column: PgColumn, value: unknown): string | null {
  if (column.kind[0] !== 'text') return null;
  try {
    column.fromWire(paramText(value));
    return null;
  } catch (error) {
    if (error instanceof ValueError) return error.message;
    throw error;
  }
}

async function fits({ declared, notNull }: PgColumn, value: unknown, sql: Sql): Promise<boolean> {
  if (value === null) return !notNull;
  try {
    await sql.query(`SELECT $1::${declared}`, [value]);
    return true;
  } catch (error) {
    if (/^2[23]/.test(serverError(error)?.code ?? '')) return false;
    throw error;
  }
}
