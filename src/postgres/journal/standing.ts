import type { ResetReason } from '../../core/index.ts';
import { ROWS, TRUNCATE } from './setup.ts';
import { SCHEMA } from '../setup/bookkeeping.ts';
import { literal } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

/** How one table with our triggers stood at a moment. Every part that somebody may alter has a version: one put back is another one. */
export interface Followed {
  readonly rel: number;
  /** Itself, and the tables that it is a partition of. */
  readonly under: readonly number[];
  /** It was made as a partition, so it came empty; one that was attached may have brought rows. */
  readonly born: boolean;
  /** Where a partition's rows are stored: elsewhere after it was emptied at a stroke, which no trigger on it tells. */
  readonly file: number | null;
  /** Attributes ever made, those that were dropped included. */
  readonly made: number;
  /** A table that inherits from it and is no partition: its rows are rows of this one, and its triggers are not. */
  readonly child: string | null;
  /** `p`; anything else is emptied by a crash, without a word. */
  readonly persistence: string;
  /** The triggers' versions; null where one is not there, or does not always fire. */
  readonly rows: string | null;
  readonly truncate: string | null;
  readonly attributes: readonly Attribute[];
}

export interface Attribute {
  readonly number: number;
  readonly name: string;
  readonly type: number;
  readonly modifier: number;
  readonly version: string;
}

export type Standing = readonly Followed[];

/** Tables under our triggers, by the statement's own snapshot: for {@link PRINT} and {@link TABLES}. */
export const FOLLOWED: string = `trigger AS MATERIALIZED (
  SELECT t.oid, t.xmin, t.tgrelid, t.tgname, t.tgenabled FROM pg_depend d JOIN pg_trigger t ON t.oid = d.objid
  WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = to_regprocedure('${SCHEMA}.record()') AND d.classid = 'pg_trigger'::regclass
), followed AS MATERIALIZED (SELECT DISTINCT tgrelid AS oid FROM trigger)`;

/** One number for how all of them stand: cheap enough to be asked at every look. */
export const PRINT: string = `(SELECT coalesce(bit_xor(hash), 0) FROM (
  SELECT hash_record_extended(ROW(oid, xmin, tgenabled), 1) FROM trigger
  UNION ALL
  SELECT hash_record_extended(ROW(a.attrelid, a.attnum, a.xmin), 2) FROM followed f JOIN pg_attribute a ON a.attrelid = f.oid WHERE a.attnum > 0
  UNION ALL
  SELECT hash_record_extended(ROW(c.oid, c.relpersistence, CASE WHEN c.relispartition THEN c.relfilenode END), 3)
  FROM followed f JOIN pg_class c ON c.oid = f.oid
  UNION ALL
  SELECT hash_record_extended(ROW(i.inhrelid, i.inhparent, i.xmin), 4) FROM followed f JOIN pg_inherits i ON i.inhparent = f.oid
) hashed (hash))`;

const triggerVersion = (name: string): string =>
  `(SELECT oid::text || '/' || xmin::text FROM trigger WHERE tgrelid = f.oid AND tgname = ${literal(name)} AND tgenabled = 'A')`;

/** The {@link Standing} itself, as JSON. */
export const TABLES: string = `(WITH RECURSIVE up (rel, oid, born) AS (
  SELECT oid, oid, true FROM followed
  UNION ALL
  SELECT up.rel, i.inhparent, i.xmin = y.xmin FROM up JOIN pg_class k ON k.oid = up.oid AND k.relispartition
  JOIN pg_type y ON y.oid = k.reltype JOIN pg_inherits i ON i.inhrelid = k.oid
) SELECT coalesce(json_agg(json_build_object('rel', f.oid::int8, 'made', c.relnatts,
    'file', CASE WHEN c.relispartition THEN c.relfilenode::int8 END,
    'under', (SELECT json_agg(up.oid::int8) FROM up WHERE up.rel = f.oid), 'born', (SELECT bool_and(born) FROM up WHERE up.rel = f.oid),
    'child', (SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = f.oid AND c.relkind = 'r' LIMIT 1), 'persistence', c.relpersistence,
    'rows', ${triggerVersion(ROWS)}, 'truncate', ${triggerVersion(TRUNCATE)},
    'attributes', (SELECT coalesce(json_agg(json_build_object('number', attnum, 'name', attname, 'type', atttypid::int8, 'modifier', atttypmod,
        'version', a.xmin::text) ORDER BY attnum), '[]') FROM pg_attribute a WHERE a.attrelid = f.oid AND attnum > 0 AND NOT attisdropped)
  ) ORDER BY f.oid), '[]') FROM followed f JOIN pg_class c ON c.oid = f.oid)`;

/** Why the rows of a table cannot be told one by one from one moment to another, whatever the journal has; null: they can. */
export function lossBetween(table: PgTable, before: Standing, after: Standing): ResetReason | null {
  const [were, are] = [before, after].map((standing) => storesOf(table, standing)) as [Standing, Standing];
  const [was, is] = [were, are].map((stores) => stores.find(({ rel }) => rel === table.relation.oid));
  if (tellerOf(was) !== tellerOf(is)) return 'publication_changed';
  const [known, now] = [were, are].map((stores) => new Map(stores.map((store) => [store.rel, store])));
  for (const store of were) {
    const still = now?.get(store.rel);
    // Rows go with their partition, and come with one that is attached.
    if (!still) return 'schema';
    if (still.rows !== store.rows) return 'publication_changed';
    if (still.file !== store.file) return 'truncate';
  }
  for (const store of are) {
    if (known?.has(store.rel)) continue;
    if (!store.born) return 'schema';
    if (store.rows === null) return 'publication_changed';
  }
  return was && is && !sameKinds(table, was, is) ? 'schema' : null;
}

/** Whether changes of the table are told at that moment. */
export function isFollowed(table: PgTable, standing: Standing): boolean {
  return tellerOf(standing.find(({ rel }) => rel === table.relation.oid)) !== null;
}

/** A table and the partitions that its rows are stored in. */
export function storesOf(table: PgTable, standing: Standing): Standing {
  return standing.filter(({ under }) => under.includes(table.relation.oid));
}

/** What tells of a table's changes: another one after it was away. Null: nothing does. */
function tellerOf(store: Followed | undefined): string | null {
  if (!store || store.rows === null || store.truncate === null || store.child !== null || store.persistence !== 'p') return null;
  return `${store.rows} ${store.truncate}`;
}

/** What rows hold in listed columns may have been changed with the columns, and no trigger fires for that. */
function sameKinds(table: PgTable, was: Followed, is: Followed): boolean {
  return table.columns.every(({ column, listed }) => {
    if (!listed) return true;
    const [one, other] = [was, is].map(({ attributes }) => attributes.find(({ name }) => name === column));
    return one?.number === other?.number && one?.type === other?.type && one?.modifier === other?.modifier;
  });
}
