import type { Log } from '../../core/index.ts';
import type { Sql } from '../connection/sql.ts';

const LEVELS = [0.5, 0.8] as const;
/** Below it what was said has passed, and is said again when it comes again. */
const PASSED = 0.4;

/** How near a slot is to being cut off: the server keeps so much for it, and no more. Says so at half of that and at four fifths, once each. */
export class Retention {
  readonly #slot: string;
  readonly #log: Log;
  #said = 0;

  constructor(slot: string, log: Log) {
    this.#slot = slot;
    this.#log = log;
  }

  async look(sql: Sql): Promise<void> {
    const [row] = await sql.query(
      `SELECT safe_wal_size, kept, pg_current_wal_lsn() - restart_lsn
       FROM pg_replication_slots, pg_size_bytes(current_setting('max_slot_wal_keep_size')) kept WHERE slot_name = $1 AND safe_wal_size IS NOT NULL AND kept > 0`,
      [this.#slot],
    );
    if (!row) return;
    const [safe, kept, retained] = row.map(Number) as [number, number, number];
    const used = 1 - safe / kept;
    if (used < PASSED) this.#said = 0;
    const level = LEVELS.filter((each) => used >= each).length;
    if (level <= this.#said) return;
    this.#said = level;
    const about = { slot: this.#slot, retainedBytes: retained, safeBytes: safe };
    const message = `the server keeps ${Math.round(used * 100)} % of what it may keep of the log for this process; at 100 % it cuts it off, and every viewer reads again`;
    if (level === 1) this.#log.warn(about, message);
    else this.#log.error(about, message);
  }
}
