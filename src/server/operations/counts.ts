import type { AnswerCode, CloseReason, ResetReason } from '../../protocol/index.ts';

/** Milliseconds up to which a commit on its way to sockets is counted in each place of {@link Counts.lags}; the last place has the others. */
export const LAGS: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000];

const RESETS: Record<ResetReason, number> = {
  truncate: 0,
  schema: 0,
  serializer: 0,
  bulk: 0,
  retention: 0,
  slot_lost: 0,
  slot_replaced: 0,
  publication_changed: 0,
  timeline: 0,
  backplane_loss: 0,
  permission_changed: 0,
  membership: 0,
  bindings: 0,
  token_invalid: 0,
};

/** `lost`: nobody knows what became of it, and the client was sent to ask again. */
const ANSWERS: Record<AnswerCode | 'ok' | 'lost', number> = {
  ok: 0,
  lost: 0,
  bad_frame: 0,
  too_large: 0,
  rate_limited: 0,
  unknown_stream: 0,
  unknown_field: 0,
  read_only: 0,
  invalid: 0,
  forbidden: 0,
  not_found: 0,
  conflict: 0,
  key_reused: 0,
  busy: 0,
  internal: 0,
};

const ENDS: Record<CloseReason, number> = {
  badFrame: 0,
  tooLarge: 0,
  unsupported: 0,
  unauthorized: 0,
  expired: 0,
  replaced: 0,
  aged: 0,
  going: 0,
  slow: 0,
  rate: 0,
  overloaded: 0,
};

/**
 * What this process has done since it began: numbers that are added to where it is done, and read when somebody asks. Nothing is made for it, so
 * that it costs nothing to have.
 */
export class Counts {
  /** The term under which this process last read the log for all; 0: it never did. */
  term = 0;
  leads = false;
  /** Commits read from the database's log. */
  commits = 0;
  /** Of these, those that were somebody's: appended to the ledger here. */
  entries = 0;
  /** Entries that came to this gateway. */
  passed = 0;
  sessions = 0;
  /** Held now. */
  subscriptions = 0;
  /** What went to one connection: a change, an answer, a page of rows. */
  frames = 0;
  writes = 0;
  bytes = 0;
  /** Times that a connection which was behind was told what it missed as one commit. */
  merges = 0;
  readonly resets: Record<ResetReason, number> = { ...RESETS };
  readonly answers: Record<AnswerCode | 'ok' | 'lost', number> = { ...ANSWERS };
  readonly ends: Record<CloseReason, number> = { ...ENDS };
  readonly lags: number[] = new Array<number>(LAGS.length + 1).fill(0);
  /** Of all in {@link lags}, together, in ms. */
  lagSum = 0;
  /** Of the last one, in ms. */
  lag = 0;
  /** Hears of each, where there is somebody to tell. */
  onLag: ((ms: number) => void) | null = null;

  /** A commit, the oldest of those that went out together, was at the sockets so many ms after it was made. */
  reached(ms: number): void {
    // By two clocks, where the database is on another machine.
    const lag = Math.max(0, ms);
    this.lag = lag;
    this.lagSum += lag;
    let place = 0;
    while (place < LAGS.length && lag > (LAGS[place] as number)) place++;
    (this.lags[place] as number)++;
    this.onLag?.(lag);
  }
}
