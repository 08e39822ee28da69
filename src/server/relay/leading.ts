import { freshReceipt, ORIGIN, Waker, type Bus, type Json, type Lease, type Position, type Versions } from '../../core/index.ts';
import { inTime } from '../time/deadline.ts';
import { relay, SAY, type RelayParts } from './relay.ts';

/** What the leader tells everybody, every {@link BEAT} ms, and at once when somebody asks. */
export interface Beat {
  readonly term: number;
  /** The ledger holds everything up to there. */
  readonly tail: Position;
  /** Milliseconds for which it could not read the log. */
  readonly stale: number;
  readonly version: string;
  readonly versions: Versions;
}

export interface LeadingParts {
  readonly relay: RelayParts;
  readonly lease: Lease;
  readonly bus: Bus;
  /** By which bindings this process would read, and the digest of that. */
  readonly own: { readonly version: string; readonly versions: Versions };
  heard(beat: Beat): void;
}

/** The lease is for 8 s; who leads renews it each second, who does not asks for it twice as often. */
export const LEASE = 8_000;
const BEAT = 1_000;
const ASK = 500;
/** A process with other bindings than those that are read by now lets the others go first for so long: more than two of their tries. */
const POLITE = 1_200;
/** How long who was asked for the lease keeps it for the asking one: longer than a few tries. */
const WANT = 5_000;
/** After a ledger that failed, doubled up to a time in which the lease is still renewed. */
const FIRST_WAIT = 100;
const LAST_WAIT = 2_000;
/** What does not answer for so long, ms, does not. */
const PATIENCE = 3_000;
/** Ledger terms under one lease: a ledger that lost what it had is led anew, and stays below those who lead after this one. */
const TERMS = 1_000_000;

/** The leader's own words travel in a group that no app can name. */
const GROUP = '\u0000leading';

/** `look`: who leads is to say so, and to look whether the lease is asked for. `given`: nobody has it. */
type Said = ({ readonly says: 'leads' } & Beat) | { readonly says: 'look' } | { readonly says: 'given' };

/**
 * Which of several processes reads the log for all. Whoever has the lease leads; the others ask for it, and follow. The lease keeps two from
 * reading at a time for long, and the ledger's term keeps one that was frozen meanwhile from writing. A process that begins with other bindings
 * than those the log is read by asks for the lease, and gets it: the newest reads.
 */
export class Leading {
  readonly #parts: LeadingParts;
  readonly #holder: string;
  readonly #resigned = new AbortController();
  /** Resolves once it is known by which bindings the log is read. */
  readonly introduced: Promise<void>;
  #introduce: () => void = () => undefined;
  /** The bindings that the log is read by, as far as it is known, when that was last said, and whether it was said that nobody does now. */
  #read: string | null = null;
  #heardAt = -Infinity;
  #free = false;
  /** The log has not been read by our bindings since this process began. */
  #wants = true;
  /** Of the ledger: the last one that was asked for here, and the greatest that was heard of. */
  #term = 0;
  #greatest = 0;
  /** Null: this process does not lead. */
  #tail: Position | null = null;
  /** How far the ledger has ever been said to be. */
  #furthest: Position = ORIGIN;
  /** Since when more was read than the ledger says, or it is not as far as it was; null: it says all. */
  #more: number | null = null;
  #wait = FIRST_WAIT;
  readonly #waker: Waker;

  constructor(parts: LeadingParts) {
    this.#parts = parts;
    this.#holder = parts.relay.clock.id();
    this.#waker = new Waker(parts.relay.clock);
    this.introduced = new Promise((resolve) => (this.#introduce = resolve));
  }

  /** Leads and follows in turn until it has resigned, and hears who leads until it is aborted. What it had is given back by then. */
  async run(signal: AbortSignal): Promise<void> {
    const ends = AbortSignal.any([signal, this.#resigned.signal]);
    const deaf = this.#parts.bus.listen(({ group, payload }) => {
      if (group === GROUP) this.#hear(payload as unknown as Said);
    });
    ends.addEventListener('abort', () => this.#waker.wake(), { once: true });
    this.#say({ says: 'look' });
    try {
      while (!ends.aborted) {
        const since = this.#now;
        const term = await this.#ask();
        if (term === null) await this.#waker.sleep(ASK);
        else if (ends.aborted) await this.#give();
        else await this.#lead(term, since + LEASE, ends);
      }
      // Who has resigned has clients for a while, and tells them how old it is by what the next one says.
      if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    } finally {
      deaf();
    }
  }

  /** Somebody else is to read from now on. */
  resign(): void {
    this.#resigned.abort();
  }

  get #now(): number {
    return this.#parts.relay.clock.now();
  }

  async #ask(): Promise<number | null> {
    const { lease, own, relay: parts } = this.#parts;
    try {
      if (this.#read !== null && this.#read !== own.version) {
        if (this.#wants) {
          await this.#timed(lease.want(this.#holder, WANT));
          this.#say({ says: 'look' });
        } else if (this.#now - this.#heardAt < (this.#free ? POLITE : LEASE + POLITE)) return null;
      }
      return (await this.#timed(lease.take(this.#holder, LEASE)))?.term ?? null;
    } catch (error) {
      parts.log.warn({ err: error }, 'the lease could not be asked for; trying again');
      return null;
    }
  }

  async #lead(term: number, until: number, ends: AbortSignal): Promise<void> {
    const { own, relay: parts } = this.#parts;
    this.#term = Math.max(term * TERMS, this.#term + 1);
    const stop = new AbortController();
    let failed: unknown = null;
    const lead = {
      ...own,
      least: this.#term,
      limit: (term + 1) * TERMS,
      held: (tail: Position, more: boolean): void => {
        if (stop.signal.aborted) return;
        if (this.#tail === null) this.#waker.wake(); // everybody is told at once
        this.#tail = tail;
        this.#more = more || tail < this.#furthest ? (this.#more ?? this.#now) : null;
      },
    };
    const reading = relay(parts, stop.signal, lead).catch((error: unknown) => {
      failed = error;
      this.#waker.wake();
    });
    const kept = await this.#keep(term, until, () => ends.aborted || failed !== null);
    stop.abort();
    await this.#timed(reading).catch(() => undefined);
    this.#tail = this.#more = null;
    parts.counts.leads = false;
    if (kept === 'lost') return parts.log.warn({ term }, 'the lease was lost: another process may read the log now, and this one follows');
    if (kept === 'wanted' || ends.aborted) return this.#give();
    const err: unknown = failed ?? 'the ledger does not have any more what it held';
    parts.log.error({ err, retryMs: this.#wait }, 'what was read could not be told: it is read again, from where the ledger ends');
    await this.#waker.sleep(this.#wait);
    this.#wait = Math.min(this.#wait * 2, LAST_WAIT);
  }

  /** Renews the lease and tells everybody, until it is over. */
  async #keep(term: number, end: number, over: () => boolean): Promise<'lost' | 'wanted' | 'over'> {
    for (let until = end; !over(); await this.#waker.sleep(BEAT)) {
      const since = this.#now;
      if (!(await this.#beat())) return 'over';
      if (over()) break;
      try {
        const held = await this.#timed(this.#parts.lease.take(this.#holder, LEASE));
        if (!held) return 'lost';
        if (held.term !== term || held.wanted) return 'wanted'; // it had lapsed, and is anew: as if it were another's
        until = since + LEASE;
      } catch (error) {
        this.#parts.relay.log.warn({ err: error }, 'the lease could not be renewed; trying again');
        if (this.#now >= until) return 'lost';
      }
    }
    return 'over';
  }

  /** False: the ledger has lost what it held. */
  async #beat(): Promise<boolean> {
    const { own, relay: parts } = this.#parts;
    const held = this.#tail;
    if (held === null) return true;
    const tail = await this.#timed(parts.ledger.tail()).catch(() => null); // away: whoever appends finds out
    if (tail !== null && tail < held) return false;
    if (tail !== null) this.#wait = FIRST_WAIT;
    this.#saySo();
    const beat: Beat = { ...own, term: parts.counts.term, tail: held, stale: Math.round(parts.health.staleFor(this.#now)) };
    this.#say({ says: 'leads', ...beat });
    this.#told(beat);
    return true;
  }

  /** The database keeps its log from where the ledger ends: a log in which nothing follows what is nobody's would be kept for ever. */
  #saySo(): void {
    const { clock, source, log } = this.#parts.relay;
    if (this.#more === null || this.#now - this.#more < SAY) return;
    this.#more = this.#now;
    source.mark(freshReceipt(clock)).catch((error: unknown) => log.warn({ err: error }, 'a mark could not be left in the log'));
  }

  async #give(): Promise<void> {
    await this.#timed(this.#parts.lease.give(this.#holder)).catch((error: unknown) =>
      this.#parts.relay.log.warn({ err: error }, 'the lease could not be given back; it lapses'),
    );
    this.#say({ says: 'given' });
  }

  #say(what: Said): void {
    const payload = { ...what, from: this.#holder } as unknown as Json;
    this.#parts.bus.send({ group: GROUP, stream: null, payload, except: null }).catch(() => undefined); // it is said again
  }

  #hear(said: Said & { readonly from?: string }): void {
    if (said.from === this.#holder) return;
    switch (said.says) {
      case 'leads':
        return this.#told(said);
      case 'look':
        if (this.#tail !== null) this.#waker.wake();
        return;
      case 'given':
        this.#free = true;
        this.#heardAt = this.#now;
        if (this.#tail === null) this.#waker.wake();
    }
  }

  #told(beat: Beat): void {
    if (beat.term < this.#greatest) return; // of one that another has taken over from
    this.#greatest = beat.term;
    if (beat.tail > this.#furthest) this.#furthest = beat.tail;
    const isNew = this.#read !== beat.version;
    this.#read = beat.version;
    this.#heardAt = this.#now;
    this.#free = false;
    if (beat.version === this.#parts.own.version) this.#wants = false;
    else if (isNew && this.#wants) this.#waker.wake();
    this.#parts.heard(beat);
    this.#introduce();
  }

  #timed<T>(work: Promise<T>): Promise<T> {
    return inTime(this.#parts.relay.clock, PATIENCE, work);
  }
}
