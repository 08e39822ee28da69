import type { Condition, Selection } from '../../core/index.ts';
import { identifier } from '../connection/sql.ts';
import type { PgColumn, PgTable } from './tables.ts';

/** A condition over a table that stands in FROM under its own name. */
export interface Where {
  readonly sql: string;
  readonly params: readonly unknown[];
}

export function selectionSql(table: PgTable, selection: Selection): Where {
  switch (selection.by) {
    case 'all':
      return { sql: 'true', params: [] };
    case 'values':
      return valuesSql(table, selection);
    case 'condition':
      return anyOf(selection.any);
  }
}

/** Equality has no row for NULL. */
function valuesSql(table: PgTable, { places, tuples }: Extract<Selection, { by: 'values' }>): Where {
  const names = places.map((place) => identifier((table.columns[place] as PgColumn).column));
  const param = (value: unknown, at: number): unknown =>
    value === null || value === undefined ? null : table.model.toParam(places[at] as number, value);
  const [name] = names;
  // One parameter, however many values there are; an array of arrays would be taken apart.
  if (places.length === 1 && name !== undefined && (table.columns[places[0] as number] as PgColumn).kind[0] !== 'array') {
    return { sql: `${name} = ANY ($1)`, params: [tuples.map(([value]) => param(value, 0))] };
  }
  const params: unknown[] = [];
  const any = tuples.map((tuple) => `(${names.map((each, at) => `${each} = $${params.push(param(tuple[at], at))}`).join(' AND ')})`);
  return { sql: any.length === 0 ? 'false' : any.join(' OR '), params };
}

function anyOf(conditions: readonly Condition[]): Where {
  const params: unknown[] = [];
  const any = conditions.map((condition) => {
    const sql = shifted(condition.sql, params.length);
    params.push(...condition.params);
    return `(${sql})`;
  });
  return { sql: any.length === 0 ? 'false' : any.join(' OR '), params };
}

// What may hold a `$1` that is no parameter: texts, quoted names, comments, and names with a `$` in them.
const TOKENS =
  /[eE]'(?:[^'\\]|''|\\[^])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([\p{L}_][\p{L}\p{N}_]*)?\$[^]*?\$\1\$|--[^\n]*|\/\*[^]*?\*\/|[\p{L}_][\p{L}\p{N}_$]*|\$(\d+)/gu;

/** The same SQL with its parameters numbered from another start. @example shifted('"a$1" = $1', 2) // '"a$1" = $3' */
export function shifted(sql: string, by: number): string {
  return by === 0 ? sql : sql.replace(TOKENS, (token, _tag, number?: string) => (number === undefined ? token : `$${Number(number) + by}`));
}
