import {
  pause,
  RowcastError,
  routing,
  type ChangeSource,
  type Clock,
  type Commit,
  type Entry,
  type Ledger,
  type Log,
  type Position,
  type Routed,
  type Routes,
  type Stream,
  type Versions,
} from '../../core/index.ts';
import type { Counts } from '../operations/counts.ts';
import { events } from '../operations/events.ts';
import type { Traces } from '../operations/traces.ts';

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

/** Who reads for all, under which term, and by which bindings: the others have to know. */
export interface Lead {
  /** The ledger's term is to be one of these: greater than all that were led under an earlier lease, and less than those under later ones. */
  readonly least: number;
  readonly limit: number;
  readonly version: string;
  readonly versions: Versions;
  /** The ledger holds everything up to there. `more`: commits after it were read that nobody is told of, and that are not acknowledged yet. */
  held(tail: Position, more: boolean): void;
}

interface Reading {
  readonly term: number;
  readonly lead: Lead | null;
  readonly signal: AbortSignal;
}

/** Between two tries to read a log that failed: 100 ms, doubled up to 5 s. */
const FIRST_WAIT = 100;
const LAST_WAIT = 5_000;
/** A log in which there is nothing for anybody is told about so often, ms: the place it was read to, and by which bindings. */
export const SAY = 5_000;

/**
 * Source → route → ledger, in order, one commit at a time; acknowledged to the database only once the ledger holds it. Ends when the signal
 * aborts. A log that fails is read again from there, for as long as it takes. Null: the ledger is this process's own.
 *
 * @throws {RowcastError} `ledger_fenced`; and, where the ledger is not this process's own, `ledger_conflict` and `ledger_lost`: whoever leads then
 * reads again from its tail, under another term.
 */
export async function relay(parts: RelayParts, signal: AbortSignal, lead: Lead | null = null): Promise<void> {
  const { ledger, source, clock, health, log, counts } = parts;
  const term = await begin(parts, lead);
  if (signal.aborted) return; // the ledger took its time, and another may lead by now
  counts.term = term;
  counts.leads = true;
  if (events.lead.hasSubscribers) events.lead.publish({ term });
  let wait = FIRST_WAIT;
  let at = await ledger.tail();
  while (!signal.aborted) {
    try {
      health.began(clock.now());
      for await (const position of read(parts, at, { term, lead, signal })) {
        wait = FIRST_WAIT;
        health.heard();
        at = position;
        source.acknowledge(position);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RowcastError && (error.code === 'ledger_fenced' || (lead && LEDGER.has(error.code)))) throw error;
      health.failed(clock.now());
      log.error({ err: error, retryMs: wait }, 'the log could not be read; trying again');
      await pause(clock, wait, signal);
      wait = Math.min(wait * 2, LAST_WAIT);
    }
  }
}

const LEDGER: ReadonlySet<string> = new Set(['ledger_conflict', 'ledger_lost']);

async function begin({ ledger, source }: RelayParts, lead: Lead | null): Promise<number> {
  const term = lead ? await ledger.lead(lead.least, (await source.floor()).position) : await ledger.lead();
  // The lease was another's by the time the ledger heard of it: that one has been fenced by this, and leads again under a term of its own.
  if (lead && term >= lead.limit) throw new RowcastError('ledger_fenced', `somebody leads under a later lease than this one's: ${term}`);
  return term;
}

/** `after` may be past the ledger's tail where the ledger is this process's own: commits that concern nobody leave no entry. */
async function* read(
  { source, ledger, routes, clock, log, counts, traces }: RelayParts,
  after: Position,
  { term, lead, signal }: Reading,
): AsyncGenerator<Position> {
  let prev = await ledger.tail();
  lead?.held(prev, false);
  const said = new Set<string>();
  const failed = ({ name }: Stream, error: unknown): void => {
    if (said.has(name)) return;
    said.add(name);
    log.error(
      { stream: name, err: error },
      `"${name}": a hook failed on a row; its viewers read again, at this commit and at every other like it`,
    );
  };
  let told = -Infinity;
  for await (const commits of source.read(lead ? prev : after, signal)) {
    const entries: Entry[] = [];
    const now = clock.time();
    // The first commit that is read is an entry, whatever is in it: nothing is passed over by other bindings than the ledger says.
    let says = lead !== null && clock.now() - told >= SAY;
    counts.commits += commits.length;
    for (const commit of commits) {
      if (commit.position <= prev) continue; // a log that crashed tells again what it was not told to forget in time
      const steps = routing(commit, routes, failed);
      let step = steps.next();
      for (; !step.done; step = steps.next()) await new Promise<void>((resolve) => clock.soon(resolve)); // nobody else waits for a large commit
      const routed = step.value ?? (says ? nothingOf(commit) : null);
      if (!routed) continue;
      const entry = { ...routed, time: routed.time ?? now, prev };
      if (lead) entries.push({ ...entry, version: lead.version, ...(says && { versions: lead.versions }) });
      else entries.push(entry);
      if (says) told = clock.now();
      says = false;
      prev = routed.position;
    }
    const routed = traces?.routed(entries, now);
    if (entries.length > 0) await ledger.append(entries, term);
    lead?.held(prev, (commits.at(-1)?.position ?? prev) > prev);
    counts.entries += entries.length;
    routed?.();
    const last = commits.at(-1);
    // What is in no entry is not acknowledged before an entry that comes after it is: whoever leads next reads from the ledger's tail.
    if (last) yield lead ? prev : last.position;
  }
  if (!signal.aborted) throw new RowcastError('source_lost', 'the log ended');
}

const nothingOf = ({ position, xid }: Commit): Routed => ({
  position,
  xid: xid === null ? null : xid.toString(),
  receipts: [],
  deliveries: [],
  resets: [],
  members: [],
});
