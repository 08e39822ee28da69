import { RowcastError, type SetupStep } from '../../core/index.ts';
import { identifier, literal, sqlState, type Sessions, type Sql } from '../connection/sql.ts';

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

/** @throws {RowcastError} `setup_needed`: the message holds the statements, ready to be run. */
export function refuseMissing(steps: readonly SetupStep[]): void {
  if (steps.length === 0) return;
  const script = steps.map(({ sql, why }) => `-- ${why}\n${sql};`).join('\n');
  throw new RowcastError(
    'setup_needed',
    `the database is not set up; run \`rowcast setup\`, set \`setup: 'auto'\`, or run this:\n${script}`,
  );
}

/** Processes that start at the same time set up one after the other. */
export function setUpAlone<T>(sessions: Sessions, setUp: () => Promise<T>): Promise<T> {
  return sessions.transaction(async (lock) => {
    await lock.query(`SELECT set_config('lock_timeout', '1min', true)`);
    await lock.query(`SELECT pg_advisory_xact_lock(hashtextextended('rowcast setup', 0))`);
    return setUp();
  });
}

/** A step, and what goes around it in its transaction. */
export interface GuardedStep extends SetupStep {
  /** Taken before the step. */
  readonly lock?: string;
  /** Asked after the step: where one fails, the app's own statements would fail too, and the step is undone. */
  readonly probes?: readonly string[];
}

/** How long a step waits for a lock: 2 s. Behind it the app's own statements would wait as long. */
const LOCK_TIMEOUT = '2s';

/**
 * Runs steps, each in a transaction of its own: a step that waits must not hold what an earlier one locked.
 *
 * @throws {RowcastError} `setup_needed` naming the sessions that are in the way, when a lock is not to be had in time, or what the user may
 * not do; `source_unsupported` where a probe failed. Steps before are done.
 */
export async function applySteps(sessions: Sessions, steps: readonly GuardedStep[]): Promise<void> {
  for (const step of steps) {
    try {
      await sessions.transaction(async (sql) => {
        await sql.query(`SELECT set_config('lock_timeout', $1, true)`, [LOCK_TIMEOUT]);
        if (step.lock !== undefined) await sql.query(step.lock);
        await sql.query(step.sql);
        for (const probe of step.probes ?? []) await sql.query(probe);
      });
    } catch (error) {
      throw await explained(sessions, step, error);
    }
  }
}

async function explained(sql: Sql, step: GuardedStep, cause: unknown): Promise<unknown> {
  switch (sqlState(cause)) {
    case '55P03':
      return new RowcastError('setup_needed', `${await blockers(sql)}; end that transaction, or try again later:\n${step.sql};`, { cause });
    case '42501':
      return new RowcastError(
        'setup_needed',
        `the database's user may not do this (it must own the tables, and have CREATE on the database); run \`npx rowcast setup\` as one who may, which ` +
          `does this and what follows it (\`--sql\` prints it):\n${step.sql};`,
        { cause },
      );
    case '42P10':
    case '55000':
      return new RowcastError(
        'source_unsupported',
        `this would make the app's own writes fail, so it was not done: ${step.sql}; the server says: ${(cause as Error).message}. A column list ` +
          `in another publication of the table, or a generated column that one does not publish, is the usual reason`,
        { cause },
      );
    default:
      return cause;
  }
}

async function blockers(sql: Sql): Promise<string> {
  const rows = await sql.query(
    `SELECT pid, coalesce(nullif(application_name, ''), usename), to_char(now() - xact_start, 'HH24:MI:SS') FROM pg_stat_activity
     WHERE xact_start < now() - interval '1 second' AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND datname = current_database()
     ORDER BY xact_start LIMIT 5`,
  );
  const who = rows.map(([pid, name, since]) => `process ${pid} (${name}, open for ${since})`).join(', ');
  return `a step could not get its lock within ${LOCK_TIMEOUT}: ${who === '' ? 'another transaction' : who} is in the way`;
}
