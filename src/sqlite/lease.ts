import { leaseGiven, leaseTaken, leaseWanted, NO_LEASE, type Clock, type Lease, type LeaseState } from '../core/index.ts';
import type { Connection } from './connection.ts';
import type { WriteLock } from './lock.ts';

export interface LeaseParts {
  readonly connection: Connection;
  readonly lock: WriteLock;
  /** All processes on one file are on one machine: its time of day is the same for all. */
  readonly clock: Pick<Clock, 'time'>;
}

/** The lease as one row among what Rowcast remembers in the file. */
export function sqliteLease({ connection, lock, clock }: LeaseParts): Lease {
  return {
    take: (holder, ms) =>
      lock.transaction(() => {
        const taken = leaseTaken(kept(connection), { holder, ms, now: clock.time() });
        if (taken) keep(connection, taken.state);
        return taken && taken.leading;
      }),
    want: (holder, ms) => lock.transaction(() => keep(connection, leaseWanted(kept(connection), { holder, ms, now: clock.time() }))),
    give: (holder) => lock.transaction(() => keep(connection, leaseGiven(kept(connection), holder))),
  };
}

function kept(connection: Connection): LeaseState {
  const [row] = connection.all("SELECT value FROM _rowcast_meta WHERE name = 'lease'");
  return row ? (JSON.parse(row[0] as string) as LeaseState) : NO_LEASE;
}

function keep(connection: Connection, state: LeaseState): void {
  connection.run("INSERT OR REPLACE INTO _rowcast_meta(name, value) VALUES ('lease', ?)", JSON.stringify(state));
}
