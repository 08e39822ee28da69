import type { Lease, Log } from '../../core/index.ts';
import { LEADS } from '../setup/lease.ts';
import { sqlState, type Sql } from '../connection/sql.ts';
import { READER } from './replication.ts';

/** A lease, and the name under which it was last asked for here. */
export interface OwnLease extends Lease {
  readonly holder: string | null;
}

export function remembering(lease: Lease): OwnLease {
  let asked: string | null = null;
  return {
    ...lease,
    take(holder, ms) {
      asked = holder;
      return lease.take(holder, ms);
    },
    get holder() {
      return asked;
    },
  };
}

/**
 * Ends the reading of a process that was frozen, or cut off, while it read for all: the server would keep its slot for it, for a minute by default.
 * Only who has the lease at this very moment does: whoever reads by the slot then has it no more. Resolves to false where that is not so.
 */
export function evicting(sql: Sql, lease: OwnLease, log: Log): (pid: string) => Promise<boolean> {
  return async (pid) => {
    try {
      const [row] = await sql.query(EVICT, [lease.holder, pid, READER]);
      if (!row) return false;
      log.warn({ pid: Number(pid) }, 'the process that read the log before was frozen or cut off: the server was told to let go of it');
      return true;
    } catch (cause) {
      if (sqlState(cause) !== '42501') throw cause;
      log.warn(
        { pid: Number(pid) },
        `process ${pid} still has the slot that all share, and the database's user may not end it: until the server does, by its wal_sender_timeout, a slot ` +
          `that goes with this process is read by`,
      );
      return false;
    }
  };
}

const EVICT = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $2 AND application_name = $3 AND ${LEADS}`;
