import { RowcastError } from '../../core/index.ts';
import { note } from '../setup/bookkeeping.ts';
import type { GuardedStep } from '../setup/steps.ts';
import { identifier, type Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

/** How a publication and the tables we follow by it stand right now. */
export interface Standing {
  /** The server's: 180004. */
  readonly version: number;
  readonly publication: {
    readonly oid: number;
    /** Another one after every change of the publication itself. */
    readonly version: string;
    readonly allTables: boolean;
    readonly whole: boolean;
    readonly viaRoot: boolean;
    /** `s` where stored generated columns are published; null before Postgres 18, which has no such choice. */
    readonly generated: string | null;
  } | null;
  readonly tables: readonly TableStanding[];
}

export interface TableStanding {
  /** Null: the table is gone. */
  readonly persistence: string | null;
  /** How the publication names it; another value after it was taken out and put back. Null: not by name. */
  readonly member: { readonly version: string; readonly restricted: boolean } | null;
  /** How the publication names the table's whole schema. */
  readonly schema: string | null;
  /** A table this one is a partition of, which the publication names: its changes go under that name. */
  readonly under: string | null;
  /** Tables this one is a partition of, by number. */
  readonly ancestors: readonly number[];
  /** A table that inherits from this one and is no partition: the log tells its rows apart from this table's, a query does not. */
  readonly child: string | null;
  /** The table itself, by which the log says what kind of row it has, and the partitions that the rows are stored in. */
  readonly stores: readonly Store[];
}

interface Store {
  readonly oid: number;
  /** It was made as a partition, so it came empty; one that was attached may have brought rows. */
  readonly born: boolean;
  readonly schema: string;
  readonly name: string;
  /** `f` the full row, `d` the primary key, `i` an index, `n` nothing. */
  readonly identity: string;
  readonly index: string | null;
}

const QUERY = `
WITH publication AS (SELECT oid, xmin::text AS version, to_jsonb(p) AS has FROM pg_publication p WHERE pubname = $1)
SELECT json_build_object(
  'version', current_setting('server_version_num')::int,
  'publication', (SELECT json_build_object('oid', oid::int8, 'version', version, 'allTables', has->'puballtables', 'viaRoot', has->'pubviaroot',
      'whole', has @> '{"pubinsert":true,"pubupdate":true,"pubdelete":true,"pubtruncate":true}', 'generated', has->'pubgencols') FROM publication),
  'tables', (SELECT json_agg(json_build_object(
      'persistence', c.relpersistence,
      'member', (SELECT json_build_object('version', r.oid::text || '/' || r.xmin::text,
          'restricted', r.prqual IS NOT NULL OR r.prattrs IS NOT NULL)
        FROM pg_publication_rel r JOIN publication p ON p.oid = r.prpubid WHERE r.prrelid = c.oid),
      'schema', (SELECT n.oid::text || '/' || n.xmin::text
        FROM pg_publication_namespace n JOIN publication p ON p.oid = n.pnpubid WHERE n.pnnspid = c.relnamespace),
      'under', (SELECT r.prrelid::regclass::text FROM pg_partition_ancestors(c.oid) a
        JOIN pg_publication_rel r ON r.prrelid = a.relid JOIN publication p ON p.oid = r.prpubid WHERE a.relid <> c.oid LIMIT 1),
      'ancestors', (SELECT coalesce(json_agg(a.relid::oid::int8), '[]') FROM pg_partition_ancestors(c.oid) a WHERE a.relid <> c.oid),
      'child', (SELECT h.inhrelid::regclass::text FROM pg_inherits h WHERE h.inhparent = c.oid AND c.relkind = 'r' LIMIT 1),
      'stores', (SELECT coalesce(json_agg(json_build_object('oid', s.oid::int8,
          'born', NOT EXISTS (SELECT FROM pg_partition_ancestors(s.oid) a JOIN pg_class k ON k.oid = a.relid JOIN pg_type y ON y.oid = k.reltype
            JOIN pg_inherits h ON h.inhrelid = k.oid WHERE k.oid <> c.oid AND h.xmin <> y.xmin),
          'schema', n.nspname, 'name', s.relname, 'identity', s.relreplident,
          'index', (SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = s.oid AND i.indisreplident))
          ORDER BY n.nspname, s.relname), '[]')
        FROM pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace
        WHERE s.oid IN (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf AND c.relkind = 'p'))
    ) ORDER BY place)
    FROM json_array_elements_text($2::json) WITH ORDINALITY AS wanted (oid, place) LEFT JOIN pg_class c ON c.oid = wanted.oid::oid)
)::text`;

export async function readStanding(sql: Sql, publication: string, tables: readonly PgTable[]): Promise<Standing> {
  const [row] = await sql.query(QUERY, [publication, JSON.stringify(tables.map(({ relation }) => String(relation.oid)))]);
  const standing = JSON.parse(row?.[0] ?? '{}') as Omit<Standing, 'tables'> & { readonly tables: readonly TableStanding[] | null };
  return { ...standing, tables: standing.tables ?? [] };
}

/** Two of them differ when rows of any table may have been left out of the log in between, even if all is as before now. */
export function publicationPrint({ publication }: Standing): string {
  return JSON.stringify([publication?.oid, publication?.version]);
}

/** Two of them differ when rows of this table may have been left out in between. */
export function tablePrint({ relation }: PgTable, { persistence, member, schema }: TableStanding): string {
  return JSON.stringify([relation.oid, persistence, member, schema]);
}

/**
 * Whether a transaction that wrote to one of these tables before the publication, or its list, became what it is now is still open: the log will
 * have only half of it.
 */
export async function isHalved(sql: Sql, { publication, tables }: Standing): Promise<boolean> {
  const versions = tables.map(({ member }) => member?.version.split('/')[1]);
  const [row] = await sql.query(
    `SELECT EXISTS (
       SELECT FROM json_to_recordset($1::json) AS table_of (stores oid[], version text)
       JOIN pg_locks held ON held.relation = ANY (stores) AND held.mode = 'RowExclusiveLock' AND held.granted
       JOIN pg_locks own ON own.virtualtransaction = held.virtualtransaction AND own.locktype = 'transactionid' AND own.mode = 'ExclusiveLock'
       WHERE held.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND age(own.transactionid) > age(version::xid))`,
    [
      JSON.stringify(
        tables.map(({ stores }, place) => ({
          stores: `{${stores.map(({ oid }) => oid).join(',')}}`,
          version: versions[place] ?? publication?.version ?? null,
        })),
      ),
    ],
  );
  return row?.[0] === 't';
}

/** Rows came to a table, or went from it, with the partition that they are in: the log has no word of that. */
export function regrouped(before: readonly number[], { stores }: TableStanding): boolean {
  return before.some((oid) => !stores.some((store) => store.oid === oid)) || stores.some(({ oid, born }) => !born && !before.includes(oid));
}

/** The first server that can publish stored generated columns, and that refuses updates of tables whose full row it does not publish. */
const STORED_GENERATED = 180_000;
const PUBLISH_GENERATED = 'publish_generated_columns = stored';

/**
 * The steps that make the log tell of every row, in an order that at no moment breaks a write of the app: the publication, then each table's
 * replica identity, then the table's membership.
 *
 * @throws {RowcastError} `source_unsupported` or `setup_needed` where following a table would break the app's writes, or somebody's decision.
 */
export function publicationSteps(standing: Standing, publication: string, tables: readonly PgTable[]): readonly GuardedStep[] {
  const name = identifier(publication);
  const steps: GuardedStep[] = [];
  for (const [place, table] of tables.entries()) {
    const stands = standing.tables[place] as TableStanding;
    const refusal = refusalOf(table, stands, { name, version: standing.version, tables });
    if (refusal) throw refusal;
    steps.push(...identitySteps(stands, table));
    if (stands.member || stands.schema !== null || standing.publication?.allTables) continue;
    steps.push({
      sql: `ALTER PUBLICATION ${name} ADD TABLE ONLY ${table.sql}`,
      why: `brings the rows of ${table.id} into the log that Rowcast reads`,
      // A transaction that has written to the table already would come in half: this waits for it, and the lock timeout guards the app.
      lock: `LOCK TABLE ${table.sql} IN SHARE ROW EXCLUSIVE MODE`,
      probes: stands.stores.flatMap((store) => probes(identifier(store.schema, store.name), table)),
    });
  }
  return [...createSteps(standing, publication), ...steps];
}

function createSteps({ publication: stands, version }: Standing, publication: string): readonly GuardedStep[] {
  const name = identifier(publication);
  if (!stands) {
    const options = ['publish_via_partition_root = true', ...(version >= STORED_GENERATED ? [PUBLISH_GENERATED] : [])].join(', ');
    return [
      note(`publication:${publication}`, 'made', 'remembers that the publication is ours to remove'),
      { sql: `CREATE PUBLICATION ${name} WITH (${options})`, why: 'names the tables whose rows Rowcast reads from the log' },
    ];
  }
  const settings = [
    ...(stands.whole ? [] : [`publish = 'insert, update, delete, truncate'`]),
    ...(stands.viaRoot ? [] : ['publish_via_partition_root = true']),
    ...(stands.generated === null || stands.generated === 's' ? [] : [PUBLISH_GENERATED]),
  ];
  if (settings.length === 0) return [];
  return [{ sql: `ALTER PUBLICATION ${name} SET (${settings.join(', ')})`, why: 'makes the publication tell of every change, whole' }];
}

function identitySteps({ stores }: TableStanding, table: PgTable): readonly GuardedStep[] {
  return stores
    .filter(({ identity }) => identity !== 'f')
    .flatMap((store) => {
      const sql = identifier(store.schema, store.name);
      return [
        note(`identity:${sql}`, identityClause(store), `remembers the replica identity of ${sql}, to put it back one day`),
        {
          sql: `ALTER TABLE ${sql} REPLICA IDENTITY FULL`,
          why: `makes the log keep the row as it was before each change: who saw it is decided by that`,
          probes: probes(sql, table),
        },
      ];
    });
}

function identityClause({ identity, index }: Store): string {
  if (identity === 'i' && index !== null) return `USING INDEX ${identifier(index)}`;
  return identity === 'n' ? 'NOTHING' : 'DEFAULT';
}

/** What the server checks before an UPDATE or a DELETE, without running one: no trigger fires. */
function probes(sql: string, { relation }: PgTable): readonly string[] {
  const settable = relation.attributes.find(({ generated, identity }) => generated === '' && identity !== 'a');
  const column = settable && identifier(settable.name);
  return [
    `EXPLAIN DELETE FROM ${sql} WHERE false`,
    ...(column === undefined ? [] : [`EXPLAIN UPDATE ${sql} SET ${column} = ${column} WHERE false`]),
  ];
}

interface Around {
  /** The publication, as SQL. */
  readonly name: string;
  readonly version: number;
  readonly tables: readonly PgTable[];
}

/** The tables that cannot be followed as they stand, and why: the cure is in the message. */
export function refusals(standing: Standing, publication: string, tables: readonly PgTable[]): ReadonlyMap<PgTable, RowcastError> {
  const refused = new Map<PgTable, RowcastError>();
  for (const [place, table] of tables.entries()) {
    const around = { name: identifier(publication), version: standing.version, tables };
    const refusal = refusalOf(table, standing.tables[place] as TableStanding, around);
    if (refusal) refused.set(table, refusal);
  }
  return refused;
}

function refusalOf(table: PgTable, stands: TableStanding, { name, version, tables }: Around): RowcastError | null {
  const unsupported = (why: string): RowcastError =>
    new RowcastError('source_unsupported', `the table ${table.id} cannot be followed: ${why}`);
  if (stands.persistence === null) return unsupported('it was dropped since it was looked up; create it again and restart');
  if (stands.persistence !== 'p')
    return unsupported(`it is unlogged, so the log has nothing of it; run: ALTER TABLE ${table.sql} SET LOGGED`);
  if (stands.child !== null) {
    return unsupported(
      `${stands.child} inherits from it, and the log does not count its rows as rows of ${table.id}; run: ALTER TABLE ${stands.child} NO ` +
        `INHERIT ${table.sql}, or partition the table instead`,
    );
  }
  const root = tables.find(({ relation }) => stands.ancestors.includes(relation.oid));
  if (root) return unsupported(`it is a partition of ${root.id}, which is bound too, and a row is told once; bind ${root.id} alone`);
  if (stands.under !== null) {
    return unsupported(`it is a partition of ${stands.under}, which is followed as a whole; bind ${stands.under} instead`);
  }
  const computed = table.columns.find(
    ({ column, listed }) => listed && table.relation.attributes.some(({ name: own, generated }) => own === column && generated === 's'),
  );
  if (computed && version < STORED_GENERATED) {
    return unsupported(
      `its column "${computed.column}" is computed by the database, and servers before 18 leave such columns out of the log; leave it out of the binding, or compute it in \`serialize\``,
    );
  }
  const virtual = table.relation.attributes.find(({ generated }) => generated === 'v');
  if (virtual && version >= STORED_GENERATED) {
    return unsupported(
      `its column ${identifier(virtual.name)} is generated when read, and Postgres would refuse every UPDATE of a followed table with one; ` +
        `make the column STORED, or drop it`,
    );
  }
  if (stands.member?.restricted) {
    return new RowcastError(
      'setup_needed',
      `the publication ${name} has a row filter or a column list on ${table.id}, so rows would be missing; who sees what is the binding's to ` +
        `say. Run:\nALTER PUBLICATION ${name} DROP TABLE ${table.sql};\nALTER PUBLICATION ${name} ADD TABLE ONLY ${table.sql};`,
    );
  }
  return null;
}
