import type { Bound, Finding } from '../../core/index.ts';
import { error, failed, looked, ok, warning } from './finding.ts';
import { identifier, type Sql } from '../connection/sql.ts';
import { joinTables, type PgTable } from '../tables/tables.ts';

/** A bound table that is in the database as the code says. */
export interface Found {
  readonly bound: Bound;
  readonly table: PgTable;
}

export interface Examination {
  readonly found: readonly Found[];
  readonly findings: readonly Finding[];
}

/** Joins each table by itself, so that one that has drifted hides no other. */
export async function findTables(sql: Sql, bound: readonly Bound[]): Promise<Examination> {
  const found: Found[] = [];
  const findings: Finding[] = [];
  for (const each of bound) {
    try {
      const { tables } = await joinTables(sql, [each]);
      for (const table of tables.values()) found.push({ bound: each, table });
    } catch (failure) {
      const { schema, name } = each.model.table;
      findings.push(failed(`table ${schema === undefined ? name : `${schema}.${name}`}`, failure));
    }
  }
  // Two models of one table are seen side by side only.
  const models = found.map(({ bound: each }) => each);
  if (findings.length === 0) findings.push(...(await looked('bindings', async () => (await joinTables(sql, models), []))));
  return { found, findings };
}

export const aboutTable = ({ id }: PgTable): string => `table ${id}`;

interface TableFacts {
  /** Policies stand on it. */
  readonly secured: boolean;
  /** … and hold for us. */
  readonly filtered: boolean;
  /** Columns of the model that we may not read. */
  readonly hidden: readonly string[];
  /** The first column of every index that any row may be found by. */
  readonly indexed: readonly string[];
  readonly user: string;
}

const QUERY = `SELECT json_build_object('secured', relrowsecurity, 'filtered', row_security_active(c.oid), 'user', current_user,
    'hidden', (SELECT coalesce(json_agg(attname ORDER BY attnum), '[]') FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
      AND attname IN (SELECT json_array_elements_text($2::json)) AND NOT has_column_privilege(c.oid, attnum, 'SELECT')),
    'indexed', (SELECT coalesce(json_agg(DISTINCT attname), '[]') FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
      WHERE indrelid = c.oid AND indisvalid AND indpred IS NULL))::text
  FROM pg_class c WHERE c.oid = $1::oid`;

/** What first rows of a table are read by: the right to, all of them, and fast. */
export async function readingFindings(sql: Sql, { bound, table }: Found): Promise<readonly Finding[]> {
  const about = aboutTable(table);
  const columns = table.columns.filter(({ type }) => type !== null).map(({ column }) => column);
  const [row] = await sql.query(QUERY, [table.relation.oid, JSON.stringify(columns)]);
  if (!row) return [error(about, 'it was dropped while it was looked at')];
  const { secured, filtered, hidden, indexed, user } = JSON.parse(row[0] ?? '{}') as TableFacts;
  const role = identifier(user);
  const findings: Finding[] = [];
  if (hidden.length > 0) {
    findings.push(error(about, `the user "${user}" may not read ${hidden.join(', ')}`, `GRANT SELECT ON ${table.sql} TO ${role}`));
  }
  if (secured) findings.push(policies(about, { filtered, user, role }));
  for (const names of bound.grouped ?? []) {
    const group = names.map((name) => bound.model.columns.find((column) => column.name === name)?.column ?? name);
    if (group.some((column) => indexed.includes(column))) continue;
    const how = table.relation.kind === 'p' ? '' : 'CONCURRENTLY ';
    findings.push(
      warning(
        about,
        `rows are looked up by ${group.join(', ')} and no index begins with ${group.length > 1 ? 'any of them' : 'it'}: each first look at a group reads the ` +
          `whole table`,
        `CREATE INDEX ${how}ON ${table.sql} (${group.map((column) => identifier(column)).join(', ')})`,
      ),
    );
  }
  return findings.length > 0 ? findings : [ok(about, 'its columns and key are as the code says, and may be read')];
}

function policies(
  about: string,
  { filtered, user, role }: { readonly filtered: boolean; readonly user: string; readonly role: string },
): Finding {
  const said =
    'row security is on, and changes come from the log, where no policy is asked: who sees a row is what the binding says, and nothing else';
  if (!filtered) return warning(about, said);
  const cure = `ALTER ROLE ${role} BYPASSRLS`;
  return error(
    about,
    `${said}. The policies do hold for the user "${user}", who would read fewer rows than there are: so none are read`,
    cure,
  );
}
