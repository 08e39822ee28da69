import { pause, RowcastError, type Clock, type Entry, type Ledger, type Log, type Position } from '../../core/index.ts';

export interface FollowingParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who follows. */
export interface Follower {
  /** What it has come to. */
  readonly position: Position;
  pass(entries: readonly Entry[]): void;
  /** The ledger does not have what follows its position, up to there. */
  gap(at: Position): void;
}

const FIRST_WAIT = 100;
const LAST_WAIT = 2_000;

/** Gives a follower what the ledger has after its position, until the signal aborts. A ledger that is away is gone on with when it is back. */
export async function following({ ledger, clock, log }: FollowingParts, follower: Follower, signal: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT;
  while (!signal.aborted) {
    try {
      for await (const entries of ledger.follow(follower.position, signal)) {
        wait = FIRST_WAIT;
        follower.pass(entries);
      }
      if (!signal.aborted) throw new RowcastError('ledger_lost', 'the ledger ended');
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RowcastError)) throw error;
      if (error.code === 'ledger_gap') {
        const floor = await ledger.floor().catch(() => null);
        if (floor !== null && floor > follower.position) {
          follower.gap(floor);
          continue;
        }
      } else if (error.code !== 'ledger_lost') throw error;
      log.warn({ err: error, retryMs: wait }, 'the ledger could not be followed; trying again');
      await pause(clock, wait, signal);
      wait = Math.min(wait * 2, LAST_WAIT);
    }
  }
}

/** Where the ledger begins, once it says so; null: the signal has aborted. */
export async function floorOf({ ledger, clock, log }: FollowingParts, signal: AbortSignal): Promise<Position | null> {
  for (let wait = FIRST_WAIT; !signal.aborted; wait = Math.min(wait * 2, LAST_WAIT)) {
    try {
      return await ledger.floor();
    } catch (error) {
      if (!(error instanceof RowcastError) || error.code !== 'ledger_lost') throw error;
      log.warn({ err: error, retryMs: wait }, 'the ledger could not be asked; trying again');
      await pause(clock, wait, signal);
    }
  }
  return null;
}
