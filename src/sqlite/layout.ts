import { RowcastError } from '../core/index.ts';
import type { CatalogTable, Unique } from './catalog.ts';
import { ident, list, predicateOf } from './sql.ts';

/**
 * How a table's rows lie in the journal: which column stands at which place. A layout never changes once rows were written by it; a table that
 * gains a column gets another one.
 */
export interface Layout {
  readonly id: number;
  readonly table: string;
  readonly columns: readonly string[];
}

/** One trigger Rowcast puts on a bound table. */
export interface Trigger {
  readonly name: string;
  readonly sql: string;
  readonly why: string;
}

/**
 * Rows that a REPLACE may delete are kept aside this many at most: those of one row are as many as the table has unique constraints, and
 * statements nested by the app's own triggers are few.
 */
const ASIDE = 64;

/**
 * The triggers that write a table's journal.
 *
 * A REPLACE deletes rows without any delete trigger unless the writing connection says `recursive_triggers`, which foreign ones do not. So a
 * BEFORE trigger copies the rows that conflict with NEW aside, and the AFTER trigger, which only runs when the row was really written,
 * journals as deleted those of them that are gone. A row is aside with its newest image: its update renews it, its own delete removes it;
 * so whatever is aside and gone was replaced, no matter how the app's triggers nest, and what was only ignored (OR IGNORE, ON CONFLICT) is
 * never told. Law: our AFTER triggers fire before the app's, which may write the same row again; SQLite fires the newest first, so these are
 * made last and checked to be.
 */
// sql: the catalog's names, quoted by ident(), the layout's number, and the row names NEW and OLD
export function triggersOf(table: CatalogTable, layout: Layout): readonly Trigger[] {
  const on = ident(table.name);
  const { id, columns } = layout;
  const key = table.key.map((column) => ({ column: ident(column), aside: `_rowcast_aside.c${columns.indexOf(column)}` }));
  const every = (each: (part: { column: string; aside: string }) => string): string => key.map(each).join(' AND ');
  const all = (prefix: string): string => list(columns.length, (at) => `${prefix}${at}`);
  const image = (row: string): string => columns.map((column) => `${row}.${ident(column)}`).join(', ');

  const keyStays = every(({ column }) => `NEW.${column} IS OLD.${column}`);
  const asideIs = (row: string): string => `_rowcast_aside.tbl = ${id} AND ${every(({ column, aside }) => `${row}.${column} IS ${aside}`)}`;
  const stands = `EXISTS (SELECT 1 FROM ${on} WHERE ${every(({ column, aside }) => `${on}.${column} IS ${aside}`)})`;
  const conflicts = table.uniques.map((unique) => conflictOf(table, unique)).join(' OR ');

  const setAside = (but: string): string => `
  DELETE FROM _rowcast_aside WHERE id <= (SELECT max(id) FROM _rowcast_aside) - ${ASIDE};
  INSERT INTO _rowcast_aside(tbl, ${all('c')}) SELECT ${id}, ${image(on)} FROM ${on}
    WHERE (${conflicts})${but} AND NOT EXISTS (SELECT 1 FROM _rowcast_aside WHERE ${asideIs(on)});`;
  const replaced = (taken: string): string => `
  INSERT INTO _rowcast_journal(tbl, op, ${all('o')}) SELECT ${id}, 'D', ${all('c')} FROM _rowcast_aside
    WHERE _rowcast_aside.tbl = ${id} AND (${taken} OR NOT ${stands}) ORDER BY id;
  DELETE FROM _rowcast_aside WHERE _rowcast_aside.tbl = ${id} AND (${taken} OR NOT ${stands});`;
  const trigger = (kind: string, when: string, body: string, why: string): Trigger => {
    // The kind first: no two tables and kinds share a name then.
    const name = `_rowcast_${kind}_${table.name}`;
    return { name, sql: `CREATE TRIGGER ${ident(name)} ${when} BEGIN${body}\nEND`, why };
  };

  return [
    trigger('before_insert', `BEFORE INSERT ON ${on}`, setAside(''), `sees the rows of ${on} that an INSERT OR REPLACE deletes`),
    trigger(
      'before_update',
      `BEFORE UPDATE ON ${on} WHEN ${changesUnique(table)}`,
      setAside(` AND NOT (${every(({ column }) => `${on}.${column} IS OLD.${column}`)})`),
      `sees the rows of ${on} that an UPDATE OR REPLACE deletes`,
    ),
    trigger(
      'insert',
      `AFTER INSERT ON ${on}`,
      `${replaced(`(${asideIs('NEW')})`)}
  INSERT INTO _rowcast_journal(tbl, op, ${all('n')}) VALUES (${id}, 'I', ${image('NEW')});`,
      `writes rows inserted into ${on} to the journal`,
    ),
    trigger(
      'update',
      `AFTER UPDATE ON ${on}`,
      `
  UPDATE _rowcast_aside SET ${columns.map((column, at) => `c${at} = NEW.${ident(column)}`).join(', ')} WHERE ${asideIs('OLD')} AND ${keyStays};
  DELETE FROM _rowcast_aside WHERE ${asideIs('OLD')} AND NOT (${keyStays});${replaced(`(${asideIs('NEW')} AND NOT (${keyStays}))`)}
  INSERT INTO _rowcast_journal(tbl, op, ${all('o')}, ${all('n')}) VALUES (${id}, 'U', ${image('OLD')}, ${image('NEW')});`,
      `writes rows updated in ${on} to the journal`,
    ),
    trigger(
      'delete',
      `AFTER DELETE ON ${on}`,
      `
  DELETE FROM _rowcast_aside WHERE ${asideIs('OLD')};
  INSERT INTO _rowcast_journal(tbl, op, ${all('o')}) VALUES (${id}, 'D', ${image('OLD')});`,
      `writes rows deleted from ${on} to the journal`,
    ),
  ];
}

/** Is a row of the table one that cannot stand beside NEW? A partial index's own WHERE names the table's columns, as this query does. */
function conflictOf(table: CatalogTable, unique: Unique): string {
  const terms = unique.terms.map(({ column, collation }) => {
    const known = table.columns.find(({ name }) => name === column);
    if (!known) throw expressionIndex(table, unique);
    // OR REPLACE puts the default in place of a NULL that the column forbids, after this trigger has run.
    const written = `NEW.${ident(known.name)}`;
    const value = known.notNull && known.defaultSql !== null ? `coalesce(${written}, (${known.defaultSql}))` : written;
    return `${ident(table.name)}.${ident(known.name)} = ${value}${collation.toUpperCase() === 'BINARY' ? '' : ` COLLATE ${ident(collation)}`}`;
  });
  const where = unique.partial === null ? null : predicateOf(unique.partial);
  return `(${terms.join(' AND ')}${where === null ? '' : ` AND (${where})`})`;
}

function changesUnique(table: CatalogTable): string {
  const columns = new Set(
    table.uniques.flatMap(({ terms, partial }) =>
      partial ? table.columns.map(({ name }) => name) : terms.map(({ column }) => column ?? ''),
    ),
  );
  return [...columns].map((column) => `NEW.${ident(column)} IS NOT OLD.${ident(column)}`).join(' OR ');
}

function expressionIndex(table: CatalogTable, { index }: Unique): RowcastError {
  const cure = `put the expression into a generated column, \`ALTER TABLE ${ident(table.name)} ADD COLUMN … GENERATED ALWAYS AS (…) VIRTUAL\`, and make the unique index on that column instead`;
  return new RowcastError(
    'source_unsupported',
    `the unique index ${ident(index)} of ${ident(table.name)} is on an expression: a row it replaces would go unseen; ${cure}`,
  );
}
