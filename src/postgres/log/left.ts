import { RowcastError } from '../../core/index.ts';
import { identifier, literal, type Sql } from '../connection/sql.ts';
import { META } from '../setup/bookkeeping.ts';
import type { GuardedStep } from '../setup/steps.ts';

/** What a teardown does about slots, publications and identities: the latest first. There must be a bookkeeping. */
export async function logGone(sql: Sql): Promise<readonly GuardedStep[]> {
  const slots = await slotsOfLog(sql);
  return [
    ...slots.map(([name]) => ({ sql: `SELECT pg_drop_replication_slot(${literal(name ?? '')})`, why: 'the server keeps the log for it' })),
    ...(await publicationGone(sql)),
  ];
}

const LOG_NOTES = `split_part(key, ':', 1) IN ('slot', 'publication', 'identity', 'followed', 'confirmed')`;

/** What following the log left here, and goes on costing: the log that a slot keeps, and the rows that it has twice. */
export async function logLeft(sql: Sql): Promise<readonly GuardedStep[]> {
  const [row] = await sql.query('SELECT to_regclass($1) IS NOT NULL', [META]);
  if (row?.[0] !== 't') return [];
  const notes = await sql.query(`SELECT key FROM ${META} WHERE ${LOG_NOTES}`);
  if (notes.length === 0) return [];
  return [...(await logGone(sql)), { sql: `DELETE FROM ${META} WHERE ${LOG_NOTES}`, why: 'nothing of following the log is left to undo' }];
}

/**
 * Another process of the app may still follow the log: it would not know what became of its slot.
 *
 * @throws {RowcastError} `setup_needed` naming it.
 */
export async function refuseWhileRead(sql: Sql): Promise<void> {
  const [row] = await sql.query('SELECT to_regclass($1) IS NOT NULL', [META]);
  const slots = row?.[0] === 't' ? await slotsOfLog(sql) : [];
  const [name, pid] = slots.find(([, active]) => active !== null) ?? [];
  if (name == null) return;
  throw new RowcastError(
    'setup_needed',
    `process ${pid} still follows this database by its log (slot "${name}"); end every process that has no \`follow: 'triggers'\`, then start again`,
  );
}

async function slotsOfLog(sql: Sql): ReturnType<Sql['query']> {
  return sql.query(
    `SELECT slot_name, active_pid FROM pg_replication_slots JOIN ${META} ON key = 'slot:' || slot_name
     WHERE NOT temporary AND database = current_database() ORDER BY slot_name`,
  );
}

/** What was made here goes, what was changed here is put back. */
async function publicationGone(sql: Sql): Promise<readonly GuardedStep[]> {
  const notes = await sql.query(`SELECT key, value FROM ${META} WHERE key LIKE 'publication:%' OR key LIKE 'identity:%' ORDER BY key DESC`);
  const steps: GuardedStep[] = [];
  for (const [key = '', value = ''] of notes as [string, string][]) {
    const [kind, name] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
    if (kind === 'publication') {
      steps.push({ sql: `DROP PUBLICATION IF EXISTS ${identifier(name)}`, why: 'Rowcast made it' });
    } else {
      // sql: both were written into our own table by us, quoted
      steps.push({ sql: `ALTER TABLE IF EXISTS ${name} REPLICA IDENTITY ${value}`, why: 'as it was before Rowcast' });
    }
  }
  return steps;
}
