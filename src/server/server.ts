import {
  groupKey,
  RowcastError,
  streamOf,
  type Binding,
  type Bound,
  type Bus,
  type Clock,
  type Database,
  type Group,
  type Json,
  type Ledger,
  type Log,
  type Model,
  type OpenDatabase,
  type Row,
  type Stream,
  type Table,
} from '../core/index.ts';
import { admission, type Admission, type Found } from './admission.ts';
import { within } from './deadline.ts';
import { openEndpoint, type Consumers, type EndpointOptions, type OpenEndpoint } from './endpoint.ts';
import { Gateway } from './gateway.ts';
import { jsonOf } from './groups.ts';
import { relay } from './relay.ts';
import { Session, type Arrival, type Door, type SessionParts } from './session.ts';
import { CLOSE, type CloseReason } from '../protocol/index.ts';

export interface ServerOptions {
  readonly source: Database;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly setup: 'auto' | 'check';
  readonly clock: Clock;
  readonly log: Log;
  readonly bus: Bus;
  ledger(tail: string): Ledger;
}

/** A change the app itself reports: rows as `select()` gives them. */
export interface PublishedRow<R = Row> {
  readonly before: R | null;
  readonly after: R | null;
}

/** The two halves, wired: a relay from the source into the ledger, a gateway from the ledger to the sessions. */
export class Server {
  readonly clock: Clock;
  readonly log: Log;
  readonly #database: OpenDatabase;
  readonly #gateway: Gateway;
  readonly #parts: SessionParts;
  readonly #streams: ReadonlyMap<string, Stream>;
  readonly #endpoints: OpenEndpoint[] = [];
  readonly #sessions = new Map<Session<unknown>, OpenEndpoint>();
  readonly #counts = new Map<OpenEndpoint, number>();
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  /** Opens the database, checks every binding against it, and starts to follow its log. @throws {RowcastError} */
  static async open(options: ServerOptions): Promise<Server> {
    const { source, bindings, setup, clock, log } = options;
    const database = await source.open(boundOf(bindings), { setup, clock, log });
    try {
      const streams = joined(bindings, database.tables);
      const tail = await database.source.tail();
      return new Server(options, database, { streams, ledger: options.ledger(tail), tail });
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  private constructor(options: ServerOptions, database: OpenDatabase, started: Started) {
    const { clock, log, bus } = options;
    const { streams, ledger, tail } = started;
    this.clock = clock;
    this.log = log;
    this.#database = database;
    this.#streams = streams;
    this.#gateway = new Gateway({ ledger, bus, clock, log });
    this.#parts = { gateway: this.#gateway, store: database.store, clock, log, epoch: database.source.epoch };
    const { signal } = this.#stop;
    const following = this.#gateway.follow(tail, signal);
    const relaying = relay({ source: database.source, ledger, streams: byTable(streams), clock, log }, signal);
    this.#running = Promise.all([following, relaying]).catch((error: unknown) => {
      if (signal.aborted) return;
      log.error({ err: error }, 'Rowcast has stopped: restart it');
      for (const session of this.#sessions.keys()) session.end('going', 'the server has stopped');
      this.#gateway.close();
    });
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
    return admission(found, request, { clock: this.clock, log: this.log });
  }

  /** As many connections as the endpoint takes, or this server is going down. */
  full(endpoint: OpenEndpoint): boolean {
    return this.#stop.signal.aborted || (this.#counts.get(endpoint) ?? 0) >= endpoint.limits.connections;
  }

  /** A door has let somebody in. It reports what comes in by `receive`, and the end by {@link disconnect}. @throws {RowcastError} `closed`. */
  connect<B>(arrival: Arrival, door: Door<B>): Session<B> {
    if (this.#stop.signal.aborted) throw new RowcastError('closed', 'Rowcast has been closed');
    const session = new Session(this.#parts, arrival, door);
    this.#sessions.set(session as Session<unknown>, arrival.endpoint);
    this.#count(arrival.endpoint, 1);
    session.open();
    return session;
  }

  disconnect<B>(session: Session<B>, code: number): Promise<void> {
    const endpoint = this.#sessions.get(session as Session<unknown>);
    if (endpoint) {
      this.#sessions.delete(session as Session<unknown>);
      this.#count(endpoint, -1);
    }
    return session.closed(code);
  }

  #count(endpoint: OpenEndpoint, more: 1 | -1): void {
    this.#counts.set(endpoint, (this.#counts.get(endpoint) ?? 0) + more);
  }

  /** Resolves once everything committed before this call has gone out to every session here. */
  async settled(): Promise<void> {
    if (this.#stop.signal.aborted) throw new RowcastError('closed', 'Rowcast has been closed');
    const receipt = { client: this.clock.id(), write: 1 };
    const passed = this.#gateway.passed(receipt);
    try {
      await Promise.all([this.#database.source.mark(receipt), passed.done]);
    } finally {
      passed.forget();
    }
  }

  async publish(binding: Binding, changes: readonly PublishedRow[]): Promise<void> {
    const table = [...this.#streams.values()].find((stream) => stream.binding === binding)?.table;
    if (!table) throw new RowcastError('publish_invalid', `"${binding.model.table.name}" has no binding here; add it to \`bindings\``);
    if (changes.some(({ before, after }) => !before && !after))
      throw new RowcastError('publish_invalid', 'a change has a row before it, after it, or both');
    await this.#database.source.publish(
      changes.map((change) => ({ table, ...change })),
      { client: this.clock.id(), write: 1 },
    );
  }

  send(group: Group, payload: Json, stream: string | null): Promise<void> {
    return this.#gateway.send(groupKey(group), jsonOf(payload), { stream, except: null });
  }

  /** Ends every session, lets what they had begun come to its end, then stops the halves, then the database. */
  async close(why: CloseReason, message: string): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    const sessions = [...this.#sessions.keys()];
    for (const session of sessions) session.end(why, message);
    const ended = Promise.all(sessions.map((session) => this.disconnect(session, CLOSE[why])));
    await this.#orGoOn(ended);
    this.#gateway.close();
    await this.#orGoOn(this.#running);
    await this.#orGoOn(this.#database.close());
  }

  /** A database that does not answer must not keep the process. */
  async #orGoOn(step: Promise<unknown>): Promise<void> {
    await within(this.clock, GRACE, step).catch((error: unknown) => this.log.error({ err: error }, 'closing without waiting any longer'));
  }
}

/** Each step of closing may take so long to end: 5 s. */
const GRACE = 5_000;

interface Started {
  readonly streams: ReadonlyMap<string, Stream>;
  readonly ledger: Ledger;
  readonly tail: string;
}

/** The tables that bindings name, each by one model, and the columns that each must find in the database. */
export function boundOf(bindings: Readonly<Record<string, Binding>>): readonly Bound[] {
  const tables = new Map<string, { readonly model: Model; readonly listed: Set<string>; readonly grouped: (readonly string[])[] }>();
  for (const { model, fields, writable, groupBy } of Object.values(bindings)) {
    const id = tableName(model);
    let bound = tables.get(id);
    if (!bound) tables.set(id, (bound = { model, listed: new Set(), grouped: [] }));
    if (!sameColumns(bound.model, model)) {
      throw new RowcastError(
        'binding_invalid',
        `two bindings have different models of the table "${model.table.name}"; declare it once and use that in both`,
      );
    }
    for (const name of [...model.key, ...fields, ...writable, ...(groupBy ?? [])]) bound.listed.add(name);
    if (groupBy) bound.grouped.push(groupBy);
  }
  return [...tables.values()];
}

const tableName = ({ table }: Model): string => JSON.stringify([table.schema ?? null, table.name]);

function sameColumns(one: Model, other: Model): boolean {
  return one === other || JSON.stringify(one.columns) === JSON.stringify(other.columns);
}

function joined(bindings: Readonly<Record<string, Binding>>, tables: ReadonlyMap<Model, Table>): ReadonlyMap<string, Stream> {
  const byName = new Map([...tables].map(([model, table]) => [tableName(model), table]));
  const streams = new Map<string, Stream>();
  for (const [name, binding] of Object.entries(bindings)) {
    if (!/^[A-Za-z0-9_.-]{1,80}$/.test(name)) {
      throw new RowcastError('binding_invalid', `"${name}" is no stream name; use letters, digits, ".", "_" and "-", 80 at most`);
    }
    streams.set(name, streamOf(name, binding, byName.get(tableName(binding.model)) as Table));
  }
  return streams;
}

function byTable(streams: ReadonlyMap<string, Stream>): ReadonlyMap<Table, readonly Stream[]> {
  const tables = new Map<Table, Stream[]>();
  for (const stream of streams.values()) {
    const others = tables.get(stream.table);
    if (others) others.push(stream);
    else tables.set(stream.table, [stream]);
  }
  return tables;
}
