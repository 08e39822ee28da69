import {
  RowcastError,
  routing,
  type ChangeSource,
  type Clock,
  type Entry,
  type Ledger,
  type Log,
  type Position,
  type Routes,
  type Stream,
} from '../core/index.ts';
import type { Counts } from './counts.ts';
import { events } from './events.ts';
import type { Traces } from './traces.ts';

export interface RelayParts {
  readonly source: ChangeSource;
  readonly ledger: Ledger;
  readonly routes: Routes;
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  readonly counts: Counts;
  readonly traces?: Traces | null;
}

/** A reading that has gone on for so long has reached its log. */
const SETTLED = 15_000;

/** Since when the log cannot be read. */
export class Health {
  #failing: number | null = null;
  #began = 0;

  began(now: number): void {
    this.#began = now;
  }

  heard(): void {
    this.#failing = null;
  }

  failed(now: number): void {
    this.#failing ??= now;
  }

  /** Milliseconds for which nothing could be read; 0: it can be. */
  staleFor(now: number): number {
    if (now - this.#began > SETTLED) this.#failing = null;
    return this.#failing === null ? 0 : now - this.#failing;
  }
}

interface Reading {
  readonly term: number;
  readonly signal: AbortSignal;
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
  const term = await parts.ledger.lead();
  parts.counts.term = term;
  parts.counts.leads = true;
  if (events.lead.hasSubscribers) events.lead.publish({ term });
  let at = await parts.ledger.tail();
  while (!signal.aborted) {
    try {
      parts.health.began(parts.clock.now());
      for await (const position of read(parts, at, { term, signal })) {
        wait = FIRST_WAIT;
        parts.health.heard();
        at = position;
        parts.source.acknowledge(position);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RowcastError && error.code === 'ledger_fenced') throw error;
      parts.health.failed(parts.clock.now());
      parts.log.error({ err: error, retryMs: wait }, 'the log could not be read; trying again');
      await pause(parts.clock, wait, signal);
      wait = Math.min(wait * 2, LAST_WAIT);
    }
  }
}

/** `after` may be past the ledger's tail: commits that concern nobody leave no entry. */
async function* read(
  { source, ledger, routes, clock, log, counts, traces }: RelayParts,
  after: Position,
  { term, signal }: Reading,
): AsyncGenerator<Position> {
  let prev = await ledger.tail();
  const said = new Set<string>();
  const failed = ({ name }: Stream, error: unknown): void => {
    if (said.has(name)) return;
    said.add(name);
    log.error(
      { stream: name, err: error },
      `"${name}": a hook failed on a row; its viewers read again, at this commit and at every other like it`,
    );
  };
  for await (const commits of source.read(after, signal)) {
    const entries: Entry[] = [];
    const now = clock.time();
    counts.commits += commits.length;
    for (const commit of commits) {
      if (commit.position <= prev) continue; // a log that crashed tells again what it was not told to forget in time
      const steps = routing(commit, routes, failed);
      let step = steps.next();
      for (; !step.done; step = steps.next()) await new Promise<void>((resolve) => clock.soon(resolve)); // nobody else waits for a large commit
      const routed = step.value;
      if (!routed) continue;
      entries.push({ ...routed, time: routed.time ?? now, prev });
      prev = routed.position;
    }
    const routed = traces?.routed(entries, now); // before a gateway has them
    await ledger.append(entries, term);
    counts.entries += entries.length;
    routed?.();
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
