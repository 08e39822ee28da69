import type { Refused } from '../core/index.ts';
import { resultCode, resultMessage, type Connection, type Param } from './connection.ts';
import type { Joined } from './join.ts';
import { ident } from './sql.ts';

/** Extended result codes: https://sqlite.org/rescode.html. */
const CHECK = 275;
const FOREIGN_KEY = 787;
const NOT_NULL = 1299;
const PRIMARY_KEY = 1555;
const TRIGGER = 1811;
const UNIQUE = 2067;
const ROWID = 2579;
const DATATYPE = 3091;
const TOO_BIG = 18;
const MISMATCH = 20;

/**
 * What a client is told when the database refused its values: the field and what is wrong with it, never the database's text. Null when the
 * error is no refusal but a failure. `joined` is the table they were for, null where only the app knows; `written` are the values that were to be
 * set, for finding the reference that leads nowhere.
 */
export function refusalOf(error: unknown, joined: Joined | null, written: Written | null): Refused | null {
  const fields: Record<string, string> = {};
  const say = (what: string, columns: readonly string[]): void => {
    if (!joined) return;
    const { table } = joined;
    for (const column of columns) {
      const field = table.columns.find((each) => each.column.toLowerCase() === column.toLowerCase());
      if (field) fields[field.name] = what;
    }
  };
  let message = 'the database did not accept these values';
  switch (resultCode(error)) {
    case UNIQUE:
    case PRIMARY_KEY:
    case ROWID:
      say('already taken', columnsIn(resultMessage(error), joined));
      message = 'another row has this already';
      break;
    case NOT_NULL:
      say('is required', columnsIn(resultMessage(error), joined));
      message = 'a value is missing';
      break;
    case FOREIGN_KEY: {
      const dangling = joined && written ? danglingColumns(written, joined.catalog.name) : [];
      say('refers to nothing', dangling);
      if (dangling.length > 0) message = 'a reference leads nowhere';
      else if (joined) message = 'other rows refer to this one';
      break;
    }
    case DATATYPE:
      say('has the wrong type', columnsIn(resultMessage(error), joined));
      break;
    case MISMATCH:
      say('has the wrong type', joined?.catalog.key ?? []);
      break;
    case TOO_BIG:
      message = 'a value is too large';
      break;
    case CHECK:
    case TRIGGER:
      message = 'a rule of the table does not allow this';
      break;
    default:
      return null;
  }
  return { ok: false, code: 'invalid', message, fields };
}

/** Values by column, and the connection that was to write them. */
export interface Written {
  readonly connection: Connection;
  readonly values: ReadonlyMap<string, Param>;
}

/** `UNIQUE constraint failed: post.blog_id, post.slug` → `blog_id`, `slug`; nothing of other tables, whose triggers may have failed. */
function columnsIn(message: string, joined: Joined | null): readonly string[] {
  if (!joined) return [];
  const table = joined.catalog.name;
  const [, names = ''] = message.split(' failed: ');
  // STRICT tables say: cannot store TEXT value in INTEGER column post.n
  const listed = names || (/ column (\S+)$/.exec(message)?.[1] ?? '');
  return listed
    .split(', ')
    .flatMap((name) => (name.toLowerCase().startsWith(`${table.toLowerCase()}.`) ? [name.slice(table.length + 1)] : []));
}

function danglingColumns({ connection, values }: Written, table: string): readonly string[] {
  const rows = connection.all(
    'SELECT id, "table" AS parent, "from" AS child, "to" AS target FROM pragma_foreign_key_list(?) ORDER BY id, seq',
    table,
  );
  const dangling = new Set<string>();
  for (const reference of new Set(rows.map(([id]) => id))) {
    const parts = rows.filter(([id]) => id === reference);
    const parent = parts[0]?.[1] as string;
    const children = parts.map(([, , child]) => child as string);
    const params = children.map((child) => values.get(child.toLowerCase()) ?? null);
    if (params.includes(null)) continue;
    const targets = parts.map(([, , , target]) => target as string | null);
    const columns = targets.includes(null) ? keyOf(connection, parent) : (targets as string[]);
    const where = columns.map((column) => `${ident(column)} = ?`).join(' AND ');
    const found = connection.all(`SELECT 1 AS found FROM ${ident(parent)} WHERE ${where} LIMIT 1`, ...params);
    if (found.length === 0) for (const child of children) dangling.add(child);
  }
  return [...dangling];
}

function keyOf(connection: Connection, table: string): readonly string[] {
  return connection.all('SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0 ORDER BY pk', table).map(([name]) => name as string);
}
