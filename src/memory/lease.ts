import { leaseGiven, leaseTaken, leaseWanted, NO_LEASE, type Clock, type Lease } from '../core/index.ts';

/** A lease in this process: for those that read one memory, and for tests. */
export function memoryLease(clock: Pick<Clock, 'now'>): Lease {
  let state = NO_LEASE;
  return {
    async take(holder, ms) {
      const taken = leaseTaken(state, { holder, ms, now: clock.now() });
      if (!taken) return null;
      ({ state } = taken);
      return taken.leading;
    },
    async want(holder, ms) {
      state = leaseWanted(state, { holder, ms, now: clock.now() });
    },
    async give(holder) {
      state = leaseGiven(state, holder);
    },
  };
}
