import type { SetupStep } from '../../core/index.ts';
import { META, SCHEMA, RANDOM } from '../setup/bookkeeping.ts';
import { identifier, literal, PINNED, type Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

/** The journal as SQL: one row per changed row, and per thing that is to be told in the order of commits. */
export const JOURNAL: string = identifier(SCHEMA, 'journal');
/** The snapshots between which commits are told: what became visible from one to the next is a batch. */
export const TICK: string = identifier(SCHEMA, 'tick');
/** How the followed tables stood, by the print of it that ticks have. */
export const STANDING: string = identifier(SCHEMA, 'standing');
/** The note of the snapshot up to which the journal is empty. */
export const SWEPT = 'swept';
/** The note of the server the journal was made on: transaction ids are of no use on another. */
const SERVER = 'journal';

/** What a journal row is about. */
export const OP = {
  insert: 'I',
  update: 'U',
  delete: 'D',
  truncate: 'T',
  receipt: 'R',
  publish: 'P',
} as const;

/** The channel that wakes the reader of a PGlite. Its payload is empty always: a long one would break the app's own insert. */
export const CHANNEL = 'rowcast';

// An app's own trigger may write to the same row again, and triggers fire in the order of their names: what came first must be written first.
export const ROWS = '!rowcast_rows';
export const TRUNCATE = '!rowcast_truncate';

export interface JournalSetup {
  /** Each change wakes the reader. Only where there is one connection: elsewhere the commits of the whole server would queue for it. */
  readonly notifies?: boolean;
}

// The schema of another search path, a hostile display setting or a missing right of the writer must neither change the text nor fail the
// app's statement.
const GUARDS = `SECURITY DEFINER SET search_path = pg_catalog, pg_temp
${Object.entries(PINNED)
  .filter(([name]) => name !== 'client_encoding')
  .map(([name, value]) => `SET ${name} = ${literal(value)}`)
  .join(' ')}`;

// The whole row as one text: a column that comes or goes cannot make this fail. Nor can somebody who drops the journal by hand: the reader
// fails then, not the app.
const recordBody = ({ notifies = false }: JournalSetup): string => `
BEGIN
  IF to_regclass(${literal(JOURNAL)}) IS NULL THEN RETURN NULL; END IF;
  INSERT INTO ${JOURNAL} (rel, op, before, after) VALUES (TG_RELID, left(TG_OP, 1),
    CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN OLD::text END, CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN NEW::text END);
${notifies ? `  PERFORM pg_notify('${CHANNEL}', '');\n` : ''}  RETURN NULL;
END `;

// Whoever may connect may call it, as they may write into the server's log: it can say no more than that a write of a client is here.
const leaveBody = ({ notifies = false }: JournalSetup): string => `
BEGIN
  INSERT INTO ${JOURNAL} (op, after) VALUES (${literal(OP.receipt)}, json_build_object('client', client, 'write', write)::text);
${notifies ? `  PERFORM pg_notify('${CHANNEL}', '');\n` : ''}END `;

/** By transaction first: the one index a writer pays for finds what was committed since, and keeps each row's order. */
const CREATE_JOURNAL = `CREATE TABLE ${JOURNAL} (xid xid8 DEFAULT pg_current_xact_id(), seq bigint GENERATED ALWAYS AS IDENTITY,
  rel oid, op "char" NOT NULL, before text, after text, PRIMARY KEY (xid, seq))`;
const CREATE_TICK = `CREATE TABLE ${TICK} (n bigint PRIMARY KEY, snapshot pg_snapshot NOT NULL, rows bigint NOT NULL, print bigint NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(), at timestamptz NOT NULL DEFAULT clock_timestamp())`;
const CREATE_STANDING = `CREATE TABLE ${STANDING} (print bigint PRIMARY KEY, tables json NOT NULL)`;

/** The steps that are missing for following these tables by triggers, those of the tables last. Comes after `bookkeeping`. */
export async function journalSteps(sql: Sql, tables: Iterable<PgTable>, setup: JournalSetup = {}): Promise<readonly SetupStep[]> {
  const [row] = await sql.query(
    `SELECT to_regclass($1) IS NOT NULL, to_regclass($2) IS NOT NULL, to_regclass($3) IS NOT NULL, to_regclass($4) IS NOT NULL,
       (SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure($5)) IS NOT DISTINCT FROM $6,
       (SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure($7)) IS NOT DISTINCT FROM $8, has_schema_privilege('public', to_regnamespace($9), 'USAGE')`,
    [META, JOURNAL, TICK, STANDING, RECORD, recordBody(setup), LEAVE_TYPED, leaveBody(setup), SCHEMA],
  );
  const [meta = false, journal = false, tick = false, standing = false, record = false, leave = false, open = false] = (row ?? []).map(
    (value) => value === 't',
  );
  const server = await serverOf(sql);
  const isOurs = meta && journal && tick && standing && (await isOf(sql, server));
  const steps: SetupStep[] = isOurs ? [] : [...createSteps({ journal, tick, standing }, { meta, server })];
  if (!record) {
    steps.push({
      sql: `CREATE OR REPLACE FUNCTION ${RECORD} RETURNS trigger LANGUAGE plpgsql ${GUARDS} AS $$${recordBody(setup)}$$`,
      why: 'writes a changed row into the journal',
    });
  }
  if (!leave) {
    steps.push({
      sql: `CREATE OR REPLACE FUNCTION ${LEAVE}(client text, write bigint) RETURNS void LANGUAGE plpgsql ${GUARDS} AS $$${leaveBody(setup)}$$`,
      why: "leaves a client's receipt in the journal, for the app's own transactions",
    });
  }
  if (!open) {
    steps.push({
      sql: `GRANT USAGE ON SCHEMA ${SCHEMA} TO PUBLIC`,
      why: "so that the app's own roles may call it; they may touch no table in it",
    });
  }
  for (const table of new Map([...tables].map((each) => [each.relation.oid, each])).values()) steps.push(...(await tableSteps(sql, table)));
  return steps;
}

const RECORD = `${SCHEMA}.record()`;
/** Leaves a receipt: `rowcast.leave(client, write)`. */
export const LEAVE: string = identifier(SCHEMA, 'leave');
const LEAVE_TYPED = `${SCHEMA}.leave(text, bigint)`;

type Parts = Readonly<Record<'journal' | 'tick' | 'standing', boolean>>;

/** They are of no use without each other. */
function createSteps(there: Parts, { meta, server }: { readonly meta: boolean; readonly server: string }): readonly SetupStep[] {
  const gone = 'what is left of a former journal, or was copied from another server: it cannot be gone on with';
  const note = (key: string, value: string): string =>
    // sql: the value is an expression of ours, or what literal(…) quoted
    `INSERT INTO ${META} (key, value) VALUES (${literal(key)}, ${value}) ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
  return [
    ...(there.journal ? [{ sql: `DROP TABLE ${JOURNAL}`, why: gone }] : []),
    ...(there.tick ? [{ sql: `DROP TABLE ${TICK}`, why: gone }] : []),
    ...(there.standing ? [{ sql: `DROP TABLE ${STANDING}`, why: gone }] : []),
    { sql: CREATE_JOURNAL, why: 'the journal of changes to bound tables: triggers write it, Rowcast reads and empties it' },
    {
      sql: CREATE_TICK,
      why: 'the moments between which Rowcast reads the journal: every process tells the same commits at the same positions',
    },
    { sql: CREATE_STANDING, why: 'what columns and triggers the tables had at those moments' },
    ...(meta ? [{ sql: `UPDATE ${META} SET value = ${RANDOM} WHERE key = 'epoch'`, why: 'a new journal is a new history' }] : []),
    { sql: note(SERVER, literal(server)), why: 'the server whose transaction ids the journal has' },
    { sql: note(SWEPT, 'pg_current_snapshot()::text'), why: 'up to where the journal has been emptied' },
    { sql: `INSERT INTO ${TICK} (n, snapshot, rows, print) SELECT 1, pg_current_snapshot(), 0, 0`, why: 'where the history begins' },
  ];
}

/** Names the server; empty where it does not say so in SQL. */
export async function serverOf(sql: Sql): Promise<string> {
  try {
    const [row] = await sql.query('SELECT system_identifier FROM pg_control_system()');
    return row?.[0] ?? '';
  } catch {
    return '';
  }
}

/** A dump restored elsewhere brings a journal along whose transaction ids mean others there. */
async function isOf(sql: Sql, server: string): Promise<boolean> {
  const [row] = await sql.query(
    `SELECT (SELECT value FROM ${META} WHERE key = $1) IS NOT DISTINCT FROM $2
       AND (SELECT pg_snapshot_xmax(snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) FROM ${TICK} ORDER BY n DESC LIMIT 1)`,
    [SERVER, server],
  );
  return row?.[0] === 't';
}

// sql: the table's name as identifier() wrote it, and names of our own
async function tableSteps(sql: Sql, { relation, sql: table, id }: PgTable): Promise<readonly SetupStep[]> {
  const rows = await sql.query(`SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal`, [relation.oid]);
  const enabled = new Map(rows.map(([name, how]) => [name, how]));
  const steps: SetupStep[] = [];
  for (const [name, when, why] of [
    [ROWS, 'AFTER INSERT OR UPDATE OR DELETE', `tells the journal of changed rows of ${id}`],
    [TRUNCATE, 'AFTER TRUNCATE', `tells the journal when ${id} is emptied`],
  ] as const) {
    if (!enabled.has(name)) {
      const each = name === ROWS ? 'ROW' : 'STATEMENT';
      steps.push({ sql: `CREATE TRIGGER ${identifier(name)} ${when} ON ${table} FOR EACH ${each} EXECUTE FUNCTION ${RECORD}`, why });
    }
    if (enabled.get(name) !== 'A') {
      steps.push({
        sql: `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${identifier(name)}`,
        why: 'also for sessions that replicate, restore or import',
      });
    }
  }
  return steps;
}

/** The triggers that {@link journalSteps} ever made, on whatever table. The rest of it is in Rowcast's schema. */
export async function journalGone(sql: Sql): Promise<readonly SetupStep[]> {
  const triggers = await sql.query(
    `SELECT t.tgname, n.nspname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE t.tgfoid = to_regprocedure($1) AND t.tgparentid = 0 ORDER BY 2, 3, 1`,
    [RECORD],
  );
  return triggers.map(([name, schema, table]) => ({
    sql: `DROP TRIGGER ${identifier(name ?? '')} ON ${identifier(schema ?? '', table ?? '')}`,
    why: `${schema}.${table} is not followed by triggers any more`,
  }));
}

/** All of it, where the database is followed by its log from now on: what nobody reads would only grow. */
export async function journalLeft(sql: Sql): Promise<readonly SetupStep[]> {
  const [row] = await sql.query(
    `SELECT to_regclass($1) IS NOT NULL, to_regclass($2) IS NOT NULL, to_regclass($3) IS NOT NULL, to_regprocedure($4) IS NOT NULL,
       to_regprocedure($5) IS NOT NULL`,
    [JOURNAL, TICK, STANDING, RECORD, LEAVE_TYPED],
  );
  const why = 'the database is followed by its log from now on';
  const gone = [`TABLE ${JOURNAL}`, `TABLE ${TICK}`, `TABLE ${STANDING}`, `FUNCTION ${RECORD}`, `FUNCTION ${LEAVE_TYPED}`];
  return [...(await journalGone(sql)), ...gone.flatMap((what, at) => (row?.[at] === 't' ? [{ sql: `DROP ${what}`, why }] : []))];
}
