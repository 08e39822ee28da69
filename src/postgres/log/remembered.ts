import { RowcastError, type Position, type ResetReason } from '../../core/index.ts';
import { META } from '../setup/bookkeeping.ts';
import { sqlState, type Sql } from '../connection/sql.ts';

/** What was found the last time about what the log has for one slot: another finding means that it may lack something. */
export interface Followed {
  /** The server's, and the database in it. */
  readonly history: string;
  readonly publication: string;
  /** By the tables' names. Null: given up. */
  readonly tables: Readonly<Record<string, FollowedTable | null>>;
  /** Before it the log may lack rows, and why. */
  readonly floor: Position;
  readonly reason: ResetReason;
}

export interface FollowedTable {
  readonly print: string;
  /** Numbers of what its rows are stored in. */
  readonly stores: readonly number[];
}

/** How far the server may have been told that it need not keep the log: always written down before it is told. */
export interface Confirmed {
  readonly position: Position;
  /** The last commit before it that was given out: there is none of ours in between. */
  readonly delivered: Position;
}

export interface Remembered {
  readonly followed: Followed | null;
  readonly confirmed: Confirmed | null;
}

const FOLLOWED = 'followed:';
const CONFIRMED = 'confirmed:';

export async function recall(sql: Sql, slot: string): Promise<Remembered> {
  const rows = await sql.query(`SELECT key, value FROM ${META} WHERE key IN ($1, $2)`, [FOLLOWED + slot, CONFIRMED + slot]);
  const found = (kind: string): unknown => JSON.parse(rows.find(([key]) => key === kind + slot)?.[1] ?? 'null');
  return { followed: found(FOLLOWED) as Followed | null, confirmed: found(CONFIRMED) as Confirmed | null };
}

export function rememberFollowed(sql: Sql, slot: string, followed: Followed): Promise<void> {
  return remember(sql, FOLLOWED + slot, followed);
}

export function rememberConfirmed(sql: Sql, slot: string, confirmed: Confirmed): Promise<void> {
  return remember(sql, CONFIRMED + slot, confirmed);
}

/** Survives a crash of the server from here on, and waits for no standby: it speaks of this server's log, which no standby has. */
async function remember(sql: Sql, key: string, value: object): Promise<void> {
  try {
    await sql.query(
      `INSERT INTO ${META} (key, value) SELECT $1, $2 WHERE set_config('synchronous_commit', 'local', true) = 'local'
       ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      [key, JSON.stringify(value)],
    );
  } catch (cause) {
    if (sqlState(cause) !== '42501') throw cause;
    throw new RowcastError(
      'setup_needed',
      `the database's user may not write down how far it has read; run, with its name: GRANT SELECT, INSERT, UPDATE ON ${META} TO …`,
      { cause },
    );
  }
}
