import { RowcastError, type Bound, type SetupStep } from '../core/index.ts';
import type { Connection } from './connection.ts';
import { join, type Joined } from './join.ts';
import { triggersOf, type Layout, type Trigger } from './layout.ts';
import { ident, list, literal } from './sql.ts';

/** What the shape of Rowcast's own tables is called; another shape, another number. */
const VERSION = '2';

/** What was found, and what is missing. */
export interface Plan {
  readonly steps: readonly SetupStep[];
  readonly joined: readonly Joined[];
}

/** The step that no transaction can hold. */
export function walStep(connection: Connection): SetupStep | null {
  const mode = connection.all('PRAGMA journal_mode')[0]?.[0];
  if (mode === 'wal') return null;
  return { sql: 'PRAGMA journal_mode = WAL', why: 'lets Rowcast read while the app writes, and the app write while Rowcast reads' };
}

/**
 * The steps that are missing for these tables, in order. `exact`: a table's triggers name the model's columns and no others; else more of them
 * are fine, since another process may run a newer or older model.
 */
export function planSteps(connection: Connection, joined: readonly Joined[], exact: boolean): readonly SetupStep[] {
  const state = readState(connection);
  const planned: Layout[] = [];
  const tables: SetupStep[] = [];
  for (const each of joined) {
    const standing = standingLayout(connection, each, state.layouts);
    if (standing && fits(each, standing, exact)) {
      planned.push(standing);
      continue;
    }
    const columns = columnsFor(each, exact ? null : (state.layouts.findLast(({ table }) => table === each.catalog.name) ?? null));
    const known = state.layouts.find(({ table, columns: has }) => table === each.catalog.name && same(has, columns));
    const id = Math.max(0, ...state.layouts.map((layout) => layout.id), ...planned.map((layout) => layout.id)) + 1;
    const layout = known ?? { id, table: each.catalog.name, columns };
    planned.push(layout);
    tables.push(...tableSteps(connection, each, { layout, isNew: !known, gap: !standing }));
  }
  const width = Math.max(3, ...planned.map(({ columns }) => columns.length));
  return [...ownSteps(connection, state, width), ...tables];
}

/** Joins every bound table, and plans. @throws {RowcastError} what `join` throws. */
export function plan(connection: Connection, bound: readonly Bound[], exact: boolean): Plan {
  const joined = bound.map((each) => join(connection, each));
  return { joined, steps: planSteps(connection, joined, exact) };
}

interface State {
  /** Columns per image in the journal; 0 when there is none yet. */
  readonly width: number;
  readonly layouts: readonly Layout[];
}

export function readState(connection: Connection): State {
  if (connection.all("SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = '_rowcast_meta'").length === 0)
    return { width: 0, layouts: [] };
  const version = connection.all("SELECT value FROM _rowcast_meta WHERE name = 'version'")[0]?.[0];
  if (version !== VERSION) {
    const cure = 'run the newest Rowcast that uses this file, or its `npx rowcast teardown` first';
    throw new RowcastError(
      'source_unsupported',
      `the file was set up by another version of Rowcast (${String(version)}, here ${VERSION}): ${cure}`,
    );
  }
  const columns = connection.all("SELECT count(*) AS columns FROM pragma_table_info('_rowcast_journal')")[0]?.[0] as bigint;
  return { width: (Number(columns) - OWN) / 2, layouts: readLayouts(connection) };
}

/** The journal's columns before those of rows. */
const OWN = 4;

export function readLayouts(connection: Connection): readonly Layout[] {
  const rows = connection.all('SELECT id, tbl, columns FROM _rowcast_layout ORDER BY id');
  return rows.map(([id, table, columns]) => ({
    id: Number(id),
    table: table as string,
    columns: JSON.parse(columns as string) as string[],
  }));
}

/** The layout that the table's triggers write by now; null when they are missing, changed, or no longer the ones that fire first. */
function standingLayout(connection: Connection, { catalog }: Joined, layouts: readonly Layout[]): Layout | null {
  const found = connection.all(
    "SELECT name, sql, rowid FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(?) ORDER BY rowid",
    catalog.name,
  );
  const ours = new Map(found.filter(([name]) => isOurs(name as string)).map(([name, sql]) => [name as string, sql as string]));
  const lastForeign = found.findLastIndex(([name]) => !isOurs(name as string));
  const firstOurs = found.findIndex(([name]) => isOurs(name as string));
  if (firstOurs < lastForeign) return null;
  const writesBy = (layout: Layout): boolean =>
    layout.table === catalog.name &&
    layout.columns.every((column) => catalog.columns.some(({ name }) => name === column)) &&
    triggersOf(catalog, layout).every(({ name, sql }) => ours.get(name) === sql);
  return layouts.find(writesBy) ?? null;
}

function isOurs(trigger: string): boolean {
  return trigger.startsWith('_rowcast_');
}

function fits(joined: Joined, layout: Layout, exact: boolean): boolean {
  const columns = columnsFor(joined, null);
  return exact ? same(layout.columns, columns) : columns.every((column) => layout.columns.includes(column));
}

/** The model's columns that the table has, in the catalog's order, and those of another layout. */
function columnsFor({ table, catalog }: Joined, also: Layout | null): readonly string[] {
  const wanted = new Set(table.columns.map(({ column }) => column.toLowerCase()));
  return catalog.columns.map(({ name }) => name).filter((name) => wanted.has(name.toLowerCase()) || also?.columns.includes(name));
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((column, at) => column === other[at]);
}

/** A table that gets its triggers, or other ones. `gap`: whether rows changed meanwhile, nobody can tell. */
function tableSteps(
  connection: Connection,
  joined: Joined,
  { layout, isNew, gap }: { layout: Layout; isNew: boolean; gap: boolean },
): readonly SetupStep[] {
  const { catalog } = joined;
  const steps: SetupStep[] = [];
  const triggers: readonly Trigger[] = triggersOf(catalog, layout);
  if (isNew) {
    const columns = literal(JSON.stringify(layout.columns));
    steps.push({
      sql: `INSERT INTO _rowcast_layout(id, tbl, columns) VALUES (${String(layout.id)}, ${literal(catalog.name)}, ${columns})`, // sql: a number of our own
      why: `says how rows of ${ident(catalog.name)} lie in the journal`,
    });
  }
  for (const { name } of triggers) {
    if (connection.all("SELECT 1 AS found FROM sqlite_schema WHERE type = 'trigger' AND name = ?", name).length > 0) {
      steps.push({ sql: `DROP TRIGGER ${ident(name)}`, why: 'makes room for the one below' });
    }
  }
  steps.push(...triggers.map(({ sql, why }) => ({ sql, why })));
  if (gap) {
    steps.push({
      sql: `INSERT INTO _rowcast_journal(tbl, op, o0) VALUES (${String(layout.id)}, 'L', 'schema')`, // sql: a number of our own
      why: `tells whoever follows ${ident(catalog.name)} already that rows may have changed unseen`,
    });
  }
  return steps;
}

function ownSteps(connection: Connection, { width: has }: State, width: number): readonly SetupStep[] {
  if (has > 0) {
    const wider = Array.from({ length: Math.max(0, width - has) }, (_, more) => has + more).flatMap((at) => [
      { sql: `ALTER TABLE _rowcast_journal ADD COLUMN o${at}`, why: 'makes the journal as wide as the widest bound table' },
      { sql: `ALTER TABLE _rowcast_journal ADD COLUMN n${at}`, why: 'the same, for the row after' },
      { sql: `ALTER TABLE _rowcast_aside ADD COLUMN c${at}`, why: 'the same, for rows that may be replaced' },
    ]);
    return [...wider, ...answerSteps(connection), ...sentSteps(connection)];
  }
  const mode = connection.all('PRAGMA journal_mode')[0]?.[0] as string;
  return [
    {
      sql: 'CREATE TABLE _rowcast_meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
      why: 'holds what names this history, and the secret that signs what clients bring back',
    },
    {
      sql: `INSERT INTO _rowcast_meta VALUES ('version', ${literal(VERSION)}), ('epoch', lower(hex(randomblob(12)))), ('secret', lower(hex(randomblob(32)))), ('journal_mode', ${literal(mode)})`,
      why: 'made once; `journal_mode` is what teardown puts back',
    },
    {
      // Value columns have no type: SQLite keeps what is put in them as it is, 1 apart from 1.0. The tag tells a row from one of the same number
      // in another copy of the file.
      sql: `CREATE TABLE _rowcast_journal(seq INTEGER PRIMARY KEY AUTOINCREMENT, tag DEFAULT (random()), tbl, op, ${list(width, (at) => `o${at}, n${at}`)})`,
      why: 'the journal: every change of a bound row, before and after, in the order of commits',
    },
    {
      sql: 'CREATE TABLE _rowcast_layout(id INTEGER PRIMARY KEY, tbl TEXT NOT NULL, columns TEXT NOT NULL)',
      why: 'which column of which table stands where in the journal',
    },
    {
      sql: `CREATE TABLE _rowcast_aside(id INTEGER PRIMARY KEY, tbl, ${list(width, (at) => `c${at}`)})`,
      why: 'rows that a REPLACE may be about to delete',
    },
    ANSWERS,
    SENT,
  ];
}

const ANSWERS: SetupStep = {
  sql: 'CREATE TABLE _rowcast_write(n INTEGER PRIMARY KEY AUTOINCREMENT, principal TEXT NOT NULL, client TEXT NOT NULL, write INTEGER NOT NULL, hash TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL)',
  why: "answers to clients' writes, kept for a day, so that a write is applied once",
};

const SENT: SetupStep = {
  sql: 'CREATE TABLE _rowcast_sent(n INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER NOT NULL, text TEXT NOT NULL)',
  why: 'what the processes on this file send each other: the last of it',
};

function sentSteps(connection: Connection): readonly SetupStep[] {
  const there = connection.all("SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = '_rowcast_sent'");
  return there.length > 0 ? [] : [SENT];
}

/**
 * Files of before keep the answers by client. A process of before goes on with what is made here: it names the same columns. No table is renamed:
 * SQLite reads all of the schema for that, and refuses where some view of the app's is broken.
 */
function answerSteps(connection: Connection): readonly SetupStep[] {
  const first = connection.all("SELECT name FROM pragma_table_info('_rowcast_write') WHERE cid = 0")[0]?.[0];
  if (first === 'n') return [];
  const columns = 'principal, client, write, hash, answer, at';
  const copy = `SELECT ${columns} FROM`;
  return [
    {
      sql: `CREATE TABLE _rowcast_write_before AS ${copy} _rowcast_write ORDER BY at`,
      why: "clients' answers of an earlier Rowcast, put aside",
    },
    { sql: 'DROP TABLE _rowcast_write', why: 'makes room for the one below' },
    ANSWERS,
    { sql: `INSERT INTO _rowcast_write(${columns}) ${copy} _rowcast_write_before ORDER BY rowid`, why: 'keeps the answers' },
    { sql: 'DROP TABLE _rowcast_write_before', why: 'they are in the new one' },
  ]; // sql: columns of our own
}
