import { RowcastError, type SetupStep } from '../../core/index.ts';
import { sqlState, type Sessions, type Sql } from '../connection/sql.ts';

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
