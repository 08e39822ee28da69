import type { Model } from '../../core/index.ts';
import type { Sql } from '../connection/sql.ts';
import type { PgType } from '../values/types.ts';

/** A table as the database has it. */
export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `r` a table, `p` a partitioned one; anything else has no rows of its own to follow. */
  readonly kind: string;
  /** `d` the primary key, `f` the full row, `i` an index, `n` nothing. */
  readonly replicaIdentity: 'd' | 'f' | 'i' | 'n';
  /** Attributes ever made, those that were dropped included: with how many there are now, it names a state of the table's shape. */
  readonly made: number;
  readonly attributes: readonly CatalogAttribute[];
  /** The primary key's columns, in key order; empty when there is none. */
  readonly primaryKey: readonly string[];
  readonly constraints: readonly Constraint[];
  /** What a partitioned table's rows are stored in, by their own numbers: their attributes may stand in another order. */
  readonly partitions: readonly Shape[];
}

/** What the log of one table is read by. */
export interface Shape {
  readonly oid: number;
  readonly made: number;
  readonly attributes: readonly { readonly name: string; readonly type: number }[];
}

export interface CatalogAttribute {
  readonly name: string;
  readonly type: number;
  readonly modifier: number;
  /** As `format_type` says it: `character varying(10)`. */
  readonly declared: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** `a` always, `d` by default, empty: no identity column. */
  readonly identity: string;
  /** `s` stored, `v` virtual, empty: not computed. */
  readonly generated: string;
}

export interface Constraint {
  readonly name: string;
  /** `u` unique (a bare unique index too), `p` primary key, `f` foreign key, `c` check, `x` exclusion, `n` not null. */
  readonly type: string;
  readonly columns: readonly string[];
  /** Every row has one, and no two the same: it could stand for a primary key. */
  readonly identifies: boolean;
}

export interface Catalog {
  /** In the order asked for; null where there is no such table. */
  readonly relations: readonly (Relation | null)[];
  readonly types: ReadonlyMap<number, PgType>;
}

const QUERY = `
WITH RECURSIVE wanted AS (
  SELECT place, to_regclass(concat_ws('.', quote_ident(schema), quote_ident(name))) AS oid
  FROM ROWS FROM (json_to_recordset($1::json) AS (schema text, name text)) WITH ORDINALITY AS w (schema, name, place)
), attribute AS (
  SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated
  FROM pg_attribute a JOIN (SELECT DISTINCT oid FROM wanted) w ON w.oid = a.attrelid
  WHERE a.attnum > 0 AND NOT a.attisdropped
), type (oid) AS (
  SELECT atttypid FROM attribute
  UNION
  SELECT of.oid FROM type JOIN pg_type t ON t.oid = type.oid
  LEFT JOIN pg_type element ON element.typarray = t.oid
  CROSS JOIN LATERAL (VALUES (t.typbasetype), (element.oid)) AS of (oid)
  WHERE of.oid <> 0
)
SELECT json_build_object(
  'types', (SELECT json_agg(json_build_object(
      'oid', t.oid::int8, 'name', t.typname, 'category', t.typcategory, 'base', nullif(t.typbasetype, 0)::int8, 'modifier', t.typtypmod,
      'element', element.oid::int8, 'delimiter', coalesce(element.typdelim, ','),
      'labels', CASE WHEN t.typtype = 'e' THEN (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) END))
    FROM type JOIN pg_type t USING (oid) LEFT JOIN pg_type element ON element.typarray = t.oid),
  'relations', (SELECT json_agg(CASE WHEN c.oid IS NOT NULL THEN json_build_object(
      'oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'replicaIdentity', c.relreplident, 'made', c.relnatts,
      'attributes', (SELECT coalesce(json_agg(json_build_object(
          'name', a.attname, 'type', a.atttypid::int8, 'modifier', a.atttypmod, 'declared', format_type(a.atttypid, a.atttypmod),
          'notNull', a.attnotnull, 'hasDefault', a.atthasdef, 'identity', a.attidentity, 'generated', a.attgenerated) ORDER BY a.attnum), '[]')
        FROM attribute a WHERE a.attrelid = c.oid),
      'primaryKey', (SELECT coalesce(json_agg(a.attname ORDER BY k.place), '[]')
        FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k (attnum, place)
        JOIN attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts),
      'constraints', (SELECT coalesce(json_agg(json_build_object('name', r.name, 'type', r.type, 'identifies', r.identifies,
          'columns', (SELECT coalesce(json_agg(a.attname ORDER BY k.place), '[]') FROM unnest(r.columns) WITH ORDINALITY k (attnum, place)
            JOIN attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum))), '[]')
        FROM (
          SELECT conname AS name, contype::text AS type, coalesce(conkey, '{}') AS columns, false AS identifies
          FROM pg_constraint WHERE conrelid = c.oid AND contype NOT IN ('p', 'u')
          UNION ALL
          SELECT x.relname, CASE WHEN i.indisprimary THEN 'p' ELSE 'u' END, (i.indkey::int2[])[0:i.indnkeyatts - 1],
            i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS (
              SELECT FROM attribute a WHERE a.attrelid = c.oid AND NOT a.attnotnull AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
          FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisunique
        ) r),
      'partitions', (SELECT coalesce(json_agg(json_build_object('oid', leaf.oid::int8, 'made', leaf.relnatts, 'attributes', (
          SELECT json_agg(json_build_object('name', a.attname, 'type', a.atttypid::int8) ORDER BY a.attnum)
          FROM pg_attribute a WHERE a.attrelid = leaf.oid AND a.attnum > 0 AND NOT a.attisdropped))), '[]')
        FROM pg_partition_tree(c.oid) t JOIN pg_class leaf ON leaf.oid = t.relid
        WHERE c.relkind = 'p' AND t.isleaf)
    ) END ORDER BY w.place)
    FROM wanted w LEFT JOIN pg_class c ON c.oid = w.oid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace)
)::text`;

interface RawType extends Omit<PgType, 'base' | 'element'> {
  readonly base: number | null;
  readonly element: number | null;
}

/** All that Rowcast knows of a database's tables and their types, in one query. A table without a schema is found as the app's own SQL finds it. */
export async function readCatalog(sql: Sql, models: readonly Pick<Model, 'table'>[]): Promise<Catalog> {
  const names = models.map(({ table }) => ({ schema: table.schema ?? null, name: table.name }));
  const [row] = await sql.query(QUERY, [JSON.stringify(names)]);
  const raw = JSON.parse(row?.[0] ?? '{}') as { types: RawType[] | null; relations: (Relation | null)[] | null };
  return { relations: raw.relations ?? [], types: joinTypes(raw.types ?? []) };
}

function joinTypes(raw: readonly RawType[]): ReadonlyMap<number, PgType> {
  const byOid = new Map(raw.map((type) => [type.oid, type]));
  const joined = new Map<number, PgType>();
  const join = (oid: number | null): PgType | null => {
    const type = oid === null ? undefined : byOid.get(oid);
    if (!type) return null;
    let made = joined.get(type.oid);
    if (!made) joined.set(type.oid, (made = { ...type, base: join(type.base), element: join(type.element) }));
    return made;
  };
  for (const { oid } of raw) join(oid);
  return joined;
}
