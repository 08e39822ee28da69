import {
  RowcastError,
  route,
  type ChangeSource,
  type Clock,
  type Entry,
  type Ledger,
  type Log,
  type Position,
  type Streams,
} from '../core/index.ts';
import { Standing } from './standing.ts';

export interface RelayParts {
  readonly source: ChangeSource;
  readonly ledger: Ledger;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two tries to read a log that failed: 100 ms, doubled up to 5 s. */
const FIRST_WAIT = 100;
const LAST_WAIT = 5_000;

/**
 * Source → route → ledger, in order, one commit at a time; acknowledged to the database only once the ledger holds it. Ends when the signal
 * aborts. A log that fails is read again from there, for as long as it takes.
 */
export async function relay(parts: RelayParts, signal: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT;
  let at = await parts.ledger.tail();
  while (!signal.aborted) {
    try {
      for await (const position of read(parts, at, signal)) {
        wait = FIRST_WAIT;
        at = position;
        parts.source.acknowledge(position);
      }
    } catch (error) {
      if (signal.aborted) return;
      parts.log.error({ err: error, retryMs: wait }, 'the log could not be read; trying again');
      await pause(parts.clock, wait, signal);
      wait = Math.min(wait * 2, LAST_WAIT);
    }
  }
}

/** `after` may be past the ledger's tail: commits that concern nobody leave no entry. */
async function* read({ source, ledger, streams, log }: RelayParts, after: Position, signal: AbortSignal): AsyncGenerator<Position> {
  let prev = await ledger.tail();
  const standing = new Standing(log);
  for await (const commits of source.read(after, signal)) {
    const entries: Entry[] = [];
    for (const commit of commits) {
      const routed = standing.after(route(commit, streams, (stream, error) => standing.failed(stream, error)));
      if (!routed) continue;
      entries.push({ ...routed, prev });
      prev = routed.position;
    }
    await ledger.append(entries);
    const last = commits.at(-1);
    if (last) yield last.position;
  }
  if (!signal.aborted) throw new RowcastError('source_lost', 'the log ended');
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve);
    signal.addEventListener(
      'abort',
      () => {
        timer.cancel();
        resolve();
      },
      { once: true },
    );
  });
}
