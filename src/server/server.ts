import {
  freshReceipt,
  groupKey,
  RowcastError,
  type Binding,
  type Clock,
  type Group,
  type Json,
  type Log,
  type LogStanding,
  type OpenDatabase,
  type Position,
  type Revocation,
  type Row,
  type Snapshot,
  type Stream,
} from '../core/index.ts';
import { appReceipt, type Arrival, type Door } from './admission/arrival.ts';
import { admission, type Admission, type Found } from './admission/admission.ts';
import { joined, routesOf, type Joined } from './bindings/bindings.ts';
import type { BulkBounds } from './window/bulk.ts';
import { inTime } from './time/deadline.ts';
import { every } from './time/every.ts';
import { sendAway } from './draining.ts';
import { openEndpoint, type Consumers, type EndpointOptions, type OpenEndpoint } from './admission/endpoint.ts';
import { FirstRows } from './views/first-rows.ts';
import { Gateway } from './fan-out/gateway.ts';
import { jsonOf } from './fan-out/groups.ts';
import { healthOf, type HealthReport } from './operations/health.ts';
import { Memberships } from './views/memberships.ts';
import { metrics, type Metric } from './operations/metrics.ts';
import { opening, type Opening, type OpeningOptions } from './relay/opening.ts';
import { reaching, type Reach } from './relay/reach.ts';
import { alone, shared, type Reading } from './relay/reading.ts';
import { Health } from './relay/relay.ts';
import { sealing } from './relay/sealing.ts';
import type { Session } from './session/session.ts';
import { Sessions } from './session/sessions.ts';
import { metered, type Telemetry } from './operations/telemetry.ts';
import { Traces } from './operations/traces.ts';
import { versionsOf } from './bindings/versions.ts';
import { CLOSE, type CloseReason } from '../protocol/index.ts';

export interface ServerOptions extends OpeningOptions {
  readonly bulk: BulkBounds;
  /** Seconds between two pings. */
  readonly heartbeat: number;
  /** What the app says it runs; null: nothing. */
  readonly build: string | null;
  /** What signs what clients bring back: the first, and any of them will do, or the database's own. */
  readonly secrets: readonly string[];
  /** Whether a binding that says one thing twice is asked whether it says the same. */
  readonly development: boolean;
  /** OpenTelemetry's API; null: nobody measures. */
  readonly telemetry?: Telemetry | null;
}

/** A change the app itself reports: rows as `select()` gives them. */
export interface PublishedRow<R = Row> {
  readonly before: R | null;
  readonly after: R | null;
}

/** What was committed before this process began is read again for so long before anybody is let in: 10 s. */
const REFILL = 10_000;
/** How often it is looked whose time is over, and whether what is shown is old, ms. */
const LOOK = 1_000;

/** The two halves, wired: a relay from the source into the ledger, a gateway from the ledger to the sessions. */
export class Server {
  readonly clock: Clock;
  readonly log: Log;
  readonly #database: OpenDatabase;
  readonly #gateway: Gateway;
  readonly #streams: ReadonlyMap<string, Stream>;
  readonly #reading: Reading;
  readonly #release: () => Promise<void>;
  readonly #endpoints: OpenEndpoint[] = [];
  readonly #sessions: Sessions;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #reach: Reach;
  #draining = false;
  /** Clients were told that what they show may be old. */
  #saidStale = false;
  /** One of the halves failed. */
  #stopped = false;

  /** Opens the database, checks every binding against it, and starts to follow its log. @throws {RowcastError} */
  static async open(options: ServerOptions): Promise<Server> {
    const opened = await opening(options);
    try {
      const server = new Server(options, opened, joined(options.bindings, opened.database.tables));
      await server.#refilled(opened.tail);
      return server;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  private constructor(options: ServerOptions, opened: Opening, { streams, members }: Joined) {
    const { clock, log, window, bulk, heartbeat, build, secrets, development } = options;
    const { database, ledger, bus, leading, floor } = opened;
    const { source, rows, secret, store } = database;
    this.clock = clock;
    this.log = log;
    this.#database = database;
    this.#release = () => opened.close();
    this.#streams = streams;
    const traces = options.telemetry ? new Traces(options.telemetry) : null;
    this.#gateway = new Gateway({ ledger, bus, clock, log, window, bulk, traces });
    const gateway = this.#gateway;
    const reach = reaching({ gateway, source, clock, log }, this.#stop.signal);
    this.#reach = reach;
    const covers = (stream: Stream, snapshot: Snapshot): boolean => {
      const start = gateway.window.startOf(snapshot);
      return start !== null && gateway.window.resetSince(start, stream.name, snapshot) === null;
    };
    const firstRows = new FirstRows({ rows, clock, log, reach, covers, development });
    const memberships = new Memberships({ members, rows, window: gateway.window, clock, log, reach });
    gateway.tellFirst(memberships);
    this.#sessions = new Sessions({
      gateway,
      store: traces?.store(store) ?? store,
      firstRows,
      memberships,
      clock,
      log,
      epoch: source.epoch,
      secret,
      secrets: [...secrets.filter((each) => each !== ''), secret], // by an empty one anybody could sign
      heartbeat,
      build,
      reach,
    });
    const { signal } = this.#stop;
    signal.addEventListener('abort', () => {
      firstRows.close();
      memberships.close();
    });
    gateway.tellGap(sealing({ gateway, source, clock, log }, signal));
    const health = new Health();
    const parts = {
      gateway,
      relay: { source, ledger, routes: routesOf({ streams, members }), clock, log, health, counts: gateway.observed.counts, traces },
    };
    this.#reading = leading ? shared({ ...parts, ...leading, versions: versionsOf({ streams, members }) }, signal) : alone(parts, floor);
    this.#running = this.#reading.run(signal).catch((error: unknown) => {
      if (signal.aborted) return;
      this.#stopped = true;
      log.error({ err: error }, 'Rowcast has stopped: restart it');
      for (const session of this.#sessions.all()) session.end('going', 'the server has stopped');
      gateway.close();
    });
    if (options.telemetry)
      signal.addEventListener(
        'abort',
        metered(options.telemetry, gateway.observed.counts, () => this.metrics()),
      );
    const beat = (): void => {
      this.#ping(this.#stale);
      gateway.window.trim();
      memberships.sweep();
    };
    const look = (): void => {
      this.#sessions.checkTime(clock.time());
      const stale = this.#stale;
      if (stale > 0 !== this.#saidStale) this.#ping(stale);
    };
    every(clock, heartbeat * 1_000, { signal, act: beat });
    every(clock, LOOK, { signal, act: look });
  }

  /** Whole seconds for which nothing new could be told. */
  get #stale(): number {
    return Math.floor(this.#reading.staleFor(this.clock.now()) / 1_000);
  }

  #ping(stale: number): void {
    this.#saidStale = stale > 0;
    this.#gateway.ping(stale);
    this.#gateway.outgoing.touch();
  }

  get #isOver(): boolean {
    return this.#stopped || this.#stop.signal.aborted;
  }

  /** Clients that come back find what they missed only once it has been read again. */
  async #refilled(tail: Position): Promise<void> {
    const late = new AbortController();
    const timer = this.clock.after(REFILL, () => late.abort());
    try {
      await this.#reach(tail, late.signal);
      await inTime(this.clock, REFILL, this.#reading.whole());
    } catch {
      this.log.warn({}, 'what happened before is still being read; clients that come back meanwhile read their rows again');
    } finally {
      timer.cancel();
    }
  }

  endpoint(path: string, options: EndpointOptions<Consumers, unknown>): OpenEndpoint {
    if (this.#endpoints.some((other) => other.path === path))
      throw new RowcastError('endpoint_invalid', `the endpoint "${path}" is declared twice`);
    const endpoint = openEndpoint(path, options, this.#streams);
    this.#endpoints.push(endpoint);
    this.#gateway.open(endpoint.audience);
    return endpoint;
  }

  /** An endpoint that no path leads to: for code of the app's own. */
  inner(): OpenEndpoint {
    const endpoint = openEndpoint('/', {}, this.#streams);
    this.#gateway.open(endpoint.audience);
    return endpoint;
  }

  /** The endpoint at a path and what the path captured. */
  at(pathname: string): Found | null {
    for (const endpoint of this.#endpoints) {
      const params = endpoint.match(pathname);
      if (params) return { endpoint, params };
    }
    return null;
  }

  /** Whether somebody may come in, by the endpoint's own functions. What is particular to a door, it has to ask itself: Origin, `full`. */
  admit(found: Found, request: Request): Promise<Admission> {
    return admission(found, request, { clock: this.clock, log: this.log, position: () => this.#gateway.position });
  }

  /** As many connections as the endpoint takes, or this server is going down. */
  full(endpoint: OpenEndpoint): boolean {
    return this.#draining || this.#isOver || this.#sessions.isFull(endpoint);
  }

  /** A door has let somebody in. It reports what comes in by `receive`, and the end by {@link disconnect}. @throws {RowcastError} `closed`. */
  connect<B>(arrival: Arrival, door: Door<B>): Session<B> {
    if (this.#isOver) throw new RowcastError('closed', 'Rowcast has been closed, or has stopped');
    return this.#sessions.begin(arrival, door);
  }

  disconnect<B>(session: Session<B>, code: number): Promise<void> {
    return this.#sessions.end(session, code);
  }

  /** Resolves once everything committed before this call has gone out to every session here. */
  async settled(): Promise<void> {
    await this.#marked(null);
  }

  health(): HealthReport {
    const { observed, position } = this.#gateway;
    const { counts } = observed;
    return healthOf({
      stopped: this.#stopped,
      closed: this.#stop.signal.aborted,
      draining: this.#draining,
      staleMs: Math.round(this.#reading.staleFor(this.clock.now())),
      lagMs: Math.round(counts.lag),
      position,
      sessions: this.#sessions.size,
      leads: counts.leads,
      elsewhere: this.#reading.elsewhere(),
      term: counts.term === 0 ? null : counts.term,
    });
  }

  /** A database that does not answer leaves its part out. */
  async metrics(): Promise<readonly Metric[]> {
    const { observed, window } = this.#gateway;
    const { counts } = observed;
    const standing = async (): Promise<LogStanding | null> => (this.#isOver ? null : ((await this.#database.source.standing?.()) ?? null));
    const log = await inTime(this.clock, STANDING, standing()).catch(() => null);
    return metrics(counts, { ...this.health(), subscriptions: counts.subscriptions, log, kept: window.depth });
  }

  /** Leaves a mark in the log and waits until it has come back: again, where the log lost it. */
  async #marked(revokes: Revocation | null): Promise<void> {
    for (;;) {
      if (this.#isOver) throw new RowcastError('closed', 'Rowcast has been closed, or has stopped');
      const receipt = { ...freshReceipt(this.clock), ...(revokes && { revokes }) };
      const passed = this.#gateway.passed(receipt);
      try {
        await Promise.all([this.#database.source.mark(receipt), passed.done]);
        return;
      } catch (error) {
        if (!(error instanceof RowcastError && error.code === 'source_lost')) throw error;
      } finally {
        passed.forget();
      }
    }
  }

  async publish(binding: Binding, changes: readonly PublishedRow[]): Promise<void> {
    const table = [...this.#streams.values()].find((stream) => stream.binding === binding)?.table;
    if (!table) throw new RowcastError('publish_invalid', `"${binding.model.table.name}" has no binding here; add it to \`bindings\``);
    if (changes.some(({ before, after }) => !before && !after))
      throw new RowcastError('publish_invalid', 'a change has a row before it, after it, or both');
    await this.#database.source.publish(
      changes.map((change) => ({ table, ...change })),
      freshReceipt(this.clock),
    );
  }

  /** Leaves what a client called `id` in a transaction of the app's own: it hears when that is in the log. @throws {RowcastError} `receipt_invalid`. */
  receipt(tx: unknown, id: string): void | Promise<void> {
    return this.#database.leave(tx, appReceipt(id));
  }

  send(group: Group, payload: Json, stream: string | null): Promise<void> {
    return this.#gateway.send(groupKey(group), jsonOf(payload), { stream, except: null });
  }

  /** From its position in the log on, nothing more goes to these connections, and they end. Resolves when that is so here. */
  async revoke(revocation: Revocation): Promise<void> {
    await this.#marked(revocation);
  }

  /**
   * Takes nobody in any more and sends everybody away, spread over so many milliseconds, each with a time of their own to come back after, so
   * that whoever takes over is not asked by all of them at once.
   */
  async drain(ms: number): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.#reading.resign(); // who comes back elsewhere finds that somebody reads
    await sendAway(this.#sessions.all(), ms, this.clock);
  }

  /** Ends every session, lets what they had begun come to its end, then stops the halves, then the database. */
  async close(why: CloseReason, message: string): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    const sessions = this.#sessions.all();
    for (const session of sessions) session.end(why, message);
    const ended = Promise.all(sessions.map((session) => this.disconnect(session, CLOSE[why])));
    await this.#orGoOn(ended);
    this.#gateway.close();
    await this.#orGoOn(this.#running);
    await this.#orGoOn(this.#release());
  }

  /** A database that does not answer must not keep the process. */
  async #orGoOn(step: Promise<unknown>): Promise<void> {
    await inTime(this.clock, GRACE, step).catch((error: unknown) => this.log.error({ err: error }, 'closing without waiting any longer'));
  }
}

/** How long the database may take to say how its log stands. */
const STANDING = 2_000;
/** Each step of closing may take so long to end: 5 s. */
const GRACE = 5_000;
