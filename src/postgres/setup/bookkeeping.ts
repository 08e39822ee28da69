import type { SetupStep } from '../../core/index.ts';
import { identifier, literal, type Sql } from '../connection/sql.ts';

/** Where Rowcast keeps what it must remember in a database. Nothing of it is ever anywhere else. */
export const SCHEMA = 'rowcast';

/** A table of the bookkeeping, as SQL. */
export const WRITES: string = identifier(SCHEMA, 'write');
export const META: string = identifier(SCHEMA, 'meta');

/**
 * The steps that are missing for what every way of following a Postgres needs: Rowcast's own schema, the identity of this history, the
 * secret that signs, and the outcomes of clients' writes. A part of the setup is a function like this one: it looks, and says what is
 * missing, in order.
 */
export async function bookkeeping(sql: Sql): Promise<readonly SetupStep[]> {
  const [row] = await sql.query(`SELECT to_regnamespace($1) IS NOT NULL, to_regclass($2) IS NOT NULL, to_regclass($3) IS NOT NULL`, [
    SCHEMA,
    META,
    WRITES,
  ]);
  const [schema, meta, writes] = (row ?? []).map((value) => value === 't');
  const missing = meta ? await missingNotes(sql) : NOTES;
  return [
    ...(schema ? [] : [{ sql: `CREATE SCHEMA ${SCHEMA}`, why: "Rowcast's own schema: all that it keeps is in here" }]),
    ...(meta
      ? []
      : [{ sql: `CREATE TABLE ${META} (key text PRIMARY KEY, value text NOT NULL)`, why: 'what Rowcast remembers about this database' }]),
    ...missing.map(({ key, why }) => ({
      sql: `INSERT INTO ${META} (key, value) VALUES (${literal(key)}, ${RANDOM}) ON CONFLICT DO NOTHING`,
      why,
    })),
    ...(writes ? [] : [{ sql: CREATE_WRITES, why: 'answers already given to clients, so that a repeated write is applied once' }]),
  ];
}

interface Note {
  readonly key: string;
  readonly why: string;
}

const NOTES: readonly Note[] = [
  { key: 'epoch', why: 'names this history, so that a client of another one starts anew' },
  { key: 'secret', why: 'signs what clients bring back' },
];

// 244 random bits, by a function every supported server has.
export const RANDOM: string = `replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')`;

const CREATE_WRITES = `CREATE TABLE ${WRITES} (principal text, client text, write bigint, hash text NOT NULL, answer json,
  at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (principal, client, write))`;

async function missingNotes(sql: Sql): Promise<readonly Note[]> {
  const rows = await sql.query(`SELECT key FROM ${META}`);
  const there = new Set(rows.map(([key]) => key));
  return NOTES.filter(({ key }) => !there.has(key));
}

/** What {@link bookkeeping} left to remember. */
export async function readNotes(sql: Sql): Promise<{ readonly epoch: string; readonly secret: string }> {
  const notes = new Map((await sql.query(`SELECT key, value FROM ${META}`)) as [string, string][]);
  return { epoch: notes.get('epoch') ?? '', secret: notes.get('secret') ?? '' };
}

/** The last step of every teardown. */
export async function bookkeepingGone(sql: Sql): Promise<readonly SetupStep[]> {
  const [row] = await sql.query(`SELECT to_regnamespace($1) IS NOT NULL`, [SCHEMA]);
  return row?.[0] === 't' ? [{ sql: `DROP SCHEMA ${SCHEMA} CASCADE`, why: 'all that Rowcast kept' }] : [];
}

/** A step of the bookkeeping: what a teardown must know. The first value stays. */
export function note(key: string, value: string, why: string): SetupStep {
  return { sql: `INSERT INTO ${META} (key, value) VALUES (${literal(key)}, ${literal(value)}) ON CONFLICT DO NOTHING`, why };
}
