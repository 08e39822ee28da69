import type { Finding } from '../../core/index.ts';
import { error, failed, ok, warning } from './finding.ts';
import { aboutTable } from './tables.ts';
import { publicationSteps, readStanding, refusals, type Standing, type TableStanding } from '../log/publication.ts';
import { META } from '../setup/bookkeeping.ts';
import { identifier, type Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

/** Who may change what. */
interface Rights {
  readonly user: string;
  /** Null: there is no publication. */
  readonly owner: string | null;
  readonly mayAlter: boolean;
  readonly mayCreate: boolean;
  readonly database: string;
  /** Of each bound table: who owns it, and whether that is us. */
  readonly tables: readonly { readonly owner: string; readonly ours: boolean }[];
  /** What it names beside the bound tables. */
  readonly others: readonly { readonly schema: string; readonly name: string }[];
}

const QUERY = `SELECT json_build_object('user', current_user, 'database', current_database(),
    'mayCreate', has_database_privilege(current_database(), 'CREATE'),
    'owner', (SELECT pg_get_userbyid(pubowner) FROM pg_publication WHERE pubname = $1),
    'mayAlter', (SELECT pg_has_role(pubowner, 'USAGE') FROM pg_publication WHERE pubname = $1),
    'tables', (SELECT json_agg(json_build_object('owner', pg_get_userbyid(relowner), 'ours', pg_has_role(relowner, 'USAGE')) ORDER BY place)
      FROM json_array_elements_text($2::json) WITH ORDINALITY AS wanted (oid, place) JOIN pg_class c ON c.oid = wanted.oid::oid),
    'others', (SELECT json_agg(json_build_object('schema', nspname, 'name', relname) ORDER BY nspname, relname)
      FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid JOIN pg_class c ON c.oid = prrelid JOIN pg_namespace n ON n.oid = relnamespace
      WHERE pubname = $1 AND prrelid::text NOT IN (SELECT json_array_elements_text($2::json))))::text`;

/** What makes the log tell of every row of these tables, whole. */
export async function publicationFindings(sql: Sql, publication: string, tables: readonly PgTable[]): Promise<readonly Finding[]> {
  const standing = await readStanding(sql, publication, tables);
  const [row] = await sql.query(QUERY, [publication, JSON.stringify(tables.map(({ relation }) => String(relation.oid)))]);
  const raw = JSON.parse(row?.[0] ?? '{}') as Omit<Rights, 'tables' | 'others'> & Partial<Record<'tables' | 'others', never[] | null>>;
  const rights: Rights = { ...raw, tables: raw.tables ?? [], others: raw.others ?? [] };
  const refused = refusals(standing, publication, tables);
  return [
    ...itself(standing, publication, rights),
    ...tables.flatMap((table, place) => {
      const refusal = refused.get(table);
      if (refusal) return [failed(aboutTable(table), refusal)];
      return [
        followed(table, standing.tables[place] as TableStanding, { standing, publication, owned: rights.tables[place] ?? NOBODY, rights }),
      ];
    }),
    ...idle(publication, rights),
    ...(await former(sql, publication)),
  ];
}

const NOBODY = { owner: '', ours: false };

function itself(standing: Standing, publication: string, rights: Rights): readonly Finding[] {
  const about = `publication ${publication}`;
  const steps = publicationSteps({ ...standing, tables: [] }, publication, []).map(({ sql }) => sql);
  const stands = standing.publication;
  if (!stands) {
    if (!rights.mayCreate) {
      const grant = `GRANT CREATE ON DATABASE ${identifier(rights.database)} TO ${identifier(rights.user)}`;
      return [error(about, `there is none, and the user "${rights.user}" may not make one: let it, or make it as somebody who may`, grant)];
    }
    return [warning(about, 'there is none yet; the next start makes it', ...steps)];
  }
  if (steps.length === 0) {
    const named = stands.allTables ? 'all tables' : `${rights.tables.length + rights.others.length} tables`;
    return [ok(about, `of "${rights.owner}", names ${named}: every change, by the table it was made through`)];
  }
  const amiss = [
    ...(stands.whole ? [] : ['leaves out some of insert, update, delete and truncate']),
    ...(stands.viaRoot ? [] : ['tells rows of partitions under the names of those']),
    ...(stands.generated === null || stands.generated === 's'
      ? []
      : ['leaves out stored generated columns, so that Postgres refuses updates of their tables']),
  ].join(', and ');
  if (rights.mayAlter) return [warning(about, `it ${amiss}; the next start sets that right`, ...steps)];
  return [error(about, `it ${amiss}, and it is owned by "${rights.owner}", who has to run this`, ...steps)];
}

interface Around {
  readonly standing: Standing;
  readonly publication: string;
  readonly owned: Rights['tables'][number];
  readonly rights: Rights;
}

function followed(table: PgTable, stands: TableStanding, { standing, publication, owned, rights }: Around): Finding {
  const about = aboutTable(table);
  const sound = {
    ...standing,
    publication: standing.publication && { ...standing.publication, whole: true, viaRoot: true, generated: null },
  };
  const all = publicationSteps({ ...sound, tables: [stands] }, publication, [table]);
  const none = publicationSteps({ ...sound, tables: [] }, publication, []);
  const steps = all.slice(none.length).map(({ sql }) => sql);
  if (steps.length === 0) return ok(about, 'it is in the publication, and the log keeps its rows as they were before each change');
  const member = stands.member !== null || stands.schema !== null || standing.publication?.allTables === true;
  const amiss = [
    ...(stands.stores.every(({ identity }) => identity === 'f') ? [] : ['the log does not keep the whole row as it was before a change']),
    ...(member ? [] : [`it is not in the publication "${publication}"`]),
  ].join(', and ');
  if (owned.ours) return warning(about, `${amiss}; the next start sets that right`, ...steps);
  return error(about, `${amiss}, and the user "${rights.user}" does not own it: "${owned.owner}" has to run this`, ...steps);
}

function idle(publication: string, { others }: Rights): readonly Finding[] {
  if (others.length === 0) return [];
  return [
    warning(
      `publication ${publication}`,
      `it names tables that nothing here binds, whose rows are read and thrown away: ${others.map(({ schema, name }) => `${schema}.${name}`).join(', ')}. If no ` +
        `other process binds them, take them out`,
      ...others.map(({ schema, name }) => `ALTER PUBLICATION ${identifier(publication)} DROP TABLE ${identifier(schema, name)}`),
    ),
  ];
}

/** Publications that a setup here made under another name. */
async function former(sql: Sql, publication: string): Promise<readonly Finding[]> {
  const [row] = await sql.query('SELECT to_regclass($1) IS NOT NULL', [META]);
  if (row?.[0] !== 't') return [];
  const names = await sql.query(
    `SELECT pubname FROM pg_publication JOIN ${META} ON key = 'publication:' || pubname WHERE pubname <> $1 ORDER BY 1`,
    [publication],
  );
  return names.map(([name = '']) =>
    warning(
      `publication ${name}`,
      'Rowcast made it, and here another one is used: if no process uses it any more, drop it',
      `DROP PUBLICATION ${identifier(name ?? '')}`,
    ),
  );
}
