import { RowcastError, UNREADABLE, ValueError, type Change, type Image, type Published, type Row } from '../../core/index.ts';
import { sqlState, type Sql } from '../connection/sql.ts';
import type { PgColumn, PgTable } from './tables.ts';

/** What goes into the log for one published change: columns by name, so that a later process with other columns reads it too. */
interface PublishedText {
  readonly table: string;
  readonly columns: readonly string[];
  readonly before: Image | null;
  readonly after: Image | null;
}

/**
 * Published rows as the log would have them: the database itself brings each value to its column's type and back to text, so that what was
 * published and what was written cannot be told apart.
 *
 * @throws {RowcastError} `publish_invalid` when a row lacks its key, holds what its column cannot, or both rows are missing.
 */
export async function publishedText(sql: Sql, changes: readonly Published[]): Promise<string> {
  const texts: PublishedText[] = [];
  for (const { table, before, after } of changes) {
    const pg = table as PgTable;
    if (!before && !after) throw new RowcastError('publish_invalid', `a change of "${table.id}" has neither a row before nor a row after`);
    const columns = pg.columns.map(({ column }) => column);
    texts.push({ table: table.id, columns, before: await imageOf(sql, pg, before), after: await imageOf(sql, pg, after) });
  }
  return JSON.stringify(texts);
}

async function imageOf(sql: Sql, table: PgTable, row: Row | null): Promise<Image | null> {
  if (!row) return null;
  const missing = table.key
    .map((place) => (table.columns[place] as PgColumn).name)
    .find((name) => row[name] === undefined || row[name] === null);
  if (missing !== undefined) throw new RowcastError('publish_invalid', `a row of "${table.id}" lacks its key: set "${missing}"`);
  try {
    const params = table.columns.map(({ name }, place) => {
      const value = row[name];
      return value === undefined || value === null ? null : table.model.toParam(place, value);
    });
    const [image] = await sql.query(`SELECT ${table.columns.map(({ declared }, at) => `$${at + 1}::${declared}`).join(', ')}`, params);
    return image ?? null;
  } catch (cause) {
    if (!(cause instanceof ValueError) && !/^2[23]/.test(sqlState(cause) ?? '')) throw cause;
    throw new RowcastError(
      'publish_invalid',
      `a row of "${table.id}" has a value that its column cannot hold; publish rows as select() gives them`,
      {
        cause,
      },
    );
  }
}

/** The inverse, where the log is read. A table nobody binds any more is nothing. */
export function publishedChanges(text: string, tables: readonly PgTable[]): readonly Change[] {
  return (JSON.parse(text) as PublishedText[]).flatMap(({ table: id, columns, before, after }) =>
    tables
      .filter((table) => table.id === id)
      .map((table): Change => {
        const froms = table.columns.map(({ column }) => columns.indexOf(column));
        const read = (image: Image | null): Image | null =>
          image && froms.map((from, place) => (from === -1 || table.columns[place]?.type === null ? UNREADABLE : (image[from] ?? null)));
        return { table, before: read(before), after: read(after) };
      }),
  );
}
