import type { Bound, Finding } from '../core/index.ts';
import type { Connection } from './connection.ts';
import { join, type Joined } from './join.ts';
import { planSteps, readState, walStep } from './setup.ts';
import { ident } from './sql.ts';

/** Looks at everything that following these models in a file needs: the contract is `examine` of `core/ports/database.ts`. */
export async function examine(connect: () => Promise<Connection>, bound: readonly Bound[]): Promise<readonly Finding[]> {
  let connection: Connection;
  try {
    connection = await connect();
  } catch (failure) {
    return [failed('file', failure)];
  }
  try {
    return within(connection, bound);
  } catch (failure) {
    return [failed('file', failure)];
  } finally {
    connection.close();
  }
}

function within(connection: Connection, bound: readonly Bound[]): readonly Finding[] {
  const findings = [...ownFindings(connection)];
  const names: string[] = [];
  for (const each of bound) {
    const about = `table ${each.model.table.name}`;
    try {
      const joined = join(connection, each);
      names.push(joined.catalog.name);
      findings.push(...tableFindings(connection, each, joined));
    } catch (failure) {
      findings.push(failed(about, failure));
    }
  }
  return [...findings, ...stranded(connection, names)];
}

function ownFindings(connection: Connection): readonly Finding[] {
  const wal = walStep(connection);
  const mode = wal
    ? finding('warning', 'journal_mode', 'it is not WAL, so readers and writers wait for each other; the next start sets it', wal.sql)
    : finding('ok', 'journal_mode', 'WAL');
  const steps = planSteps(connection, [], false);
  if (steps.length > 0) {
    const isNew = readState(connection).width === 0;
    const why = isNew ? 'there is none yet; the next start makes it' : 'it is of an earlier Rowcast; the next start brings it up to date';
    return [mode, finding('warning', 'journal', why, ...steps.map(({ sql }) => sql))];
  }
  const [kept] = connection.all('SELECT count(*) FROM _rowcast_journal')[0] ?? [];
  return [mode, finding('ok', 'journal', `it holds ${String(kept)} rows`)];
}

function tableFindings(connection: Connection, { model, grouped = [] }: Bound, joined: Joined): readonly Finding[] {
  const { name } = joined.catalog;
  const about = `table ${name}`;
  const findings: Finding[] = [];
  const isNew = readState(connection).width === 0;
  const own = planSteps(connection, [], false).length;
  const steps = planSteps(connection, [joined], false).slice(own);
  if (steps.length > 0) {
    const why = isNew
      ? 'it has no triggers yet; the next start makes them'
      : 'its triggers are missing, or others come first: changes may go untold';
    findings.push(finding(isNew ? 'warning' : 'error', about, why, ...steps.map(({ sql }) => sql)));
  }
  const first = firstColumns(connection, joined);
  for (const properties of grouped) {
    const group = properties.map((property) => model.columns.find((column) => column.name === property)?.column ?? property);
    if (group.some((column) => first.has(column.toLowerCase()))) continue;
    const why = `rows are looked up by ${group.join(', ')}, and no index begins with ${group.length > 1 ? 'any of them' : 'it'}: each first look at a group reads the whole table`;
    const index = ident(`${name}_${group.join('_')}`);
    findings.push(
      finding('warning', about, why, `CREATE INDEX ${index} ON ${ident(name)} (${group.map((column) => ident(column)).join(', ')})`),
    );
  }
  return findings.length > 0
    ? findings
    : [finding('ok', about, 'its columns and key are as the code says, and its triggers tell of every change')];
}

/** By which a row is found without looking at all: in lower case, as SQLite compares names. */
function firstColumns(connection: Connection, { catalog }: Joined): ReadonlySet<string> {
  const rows = connection.all(
    'SELECT i.name, c.name FROM pragma_index_list(?) l JOIN pragma_index_info(l.name) c ON c.seqno = 0 JOIN sqlite_schema i ON i.name = l.name WHERE l.partial = 0',
    catalog.name,
  );
  const columns = rows.map(([, column]) => String(column));
  return new Set([...columns, ...catalog.key.slice(0, 1)].map((column) => column.toLowerCase()));
}

/** Tables that nobody here binds, and that still tell the journal of their rows. */
function stranded(connection: Connection, bound: readonly string[]): readonly Finding[] {
  const triggers = connection.all(
    "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '\\_rowcast\\_%' ESCAPE '\\' ORDER BY tbl_name, name",
  ) as readonly (readonly [string, string])[];
  const tables = new Set(triggers.map(([, table]) => table).filter((table) => !bound.includes(table)));
  return [...tables].map((table) =>
    finding(
      'warning',
      `table ${table}`,
      'its rows are told to the journal, and nothing here binds it: if no other process does, drop its triggers',
      ...triggers.filter(([, of]) => of === table).map(([name]) => `DROP TRIGGER ${ident(name)}`),
    ),
  );
}

function finding(level: Finding['level'], about: string, message: string, ...cure: readonly string[]): Finding {
  return { about, level, message, cure };
}

function failed(about: string, failure: unknown): Finding {
  return finding('error', about, failure instanceof Error ? failure.message : String(failure));
}
