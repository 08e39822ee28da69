import type { IncomingMessage, ServerResponse } from 'node:http';
import { createClient, type AppTypes, type Client, type SocketLike } from '../client/index.ts';
import {
  groupKey,
  type Binding,
  type BindingTypes,
  type Broker,
  type Bus,
  type Clock,
  type Database,
  type Group,
  type Ledger,
  type LedgerBounds,
  type Log,
} from '../core/index.ts';
import { admit, EventDoor, inProcess, WebSocketDoor, type UpgradingServer, type Visitor } from '../doors/index.ts';
import { memoryBus, memoryLedger } from '../memory/index.ts';
import {
  BULK,
  consoleLog,
  exposition,
  principalOf,
  Server,
  systemClock,
  type BulkBounds,
  type Consumers,
  type Endpoint,
  type EndpointOptions,
  type Groups,
  type HealthReport,
  type OpenEndpoint,
  type PublishedRow,
  type Telemetry,
  type StreamsOf,
} from '../server/index.ts';

export type Bindings = Readonly<Record<string, Binding>>;

type TypesOf<B> = B extends { readonly types?: infer T } ? Extract<NonNullable<T>, BindingTypes> : never;

/** What bindings call their user: that is what `authenticate` must give. */
export type UserOf<B extends Bindings> = { [K in keyof B]: TypesOf<B[K]>['user'] }[keyof B];

export interface RowcastOptions<B extends Bindings = Bindings> {
  /** The database: `sqlite('app.db')`, `postgres(url)`, `pglite(db)`, `memory()`. Nothing else changes with it. */
  readonly source: Database;
  /** Every binding, under the name of its stream. */
  readonly bindings: B;
  /** What the database lacks: `'auto'` (default) makes it, `'check'` refuses to start and says which statements are to be run. */
  readonly setup?: 'auto' | 'check';
  /**
   * What several processes on one database share: `redis(url)`, `nats(url)`, `siblings()`. One of them reads the log for all, and any client may be
   * with any of them. Left out: each process reads the log for itself.
   */
  readonly broker?: Broker;
  /**
   * Signs what clients bring back when they reconnect: the same for every process of an app. To change it, put the new one first and keep the old one
   * for a day. Default: one that was made once and is kept in the database, which always goes on being good.
   */
  readonly secret?: string | readonly string[];
  /** A pino-shaped logger. Default: one line each on stderr. */
  readonly log?: Log;
  /**
   * How much of what happened is kept, for clients that come back to be told what they missed: beyond it they read their rows again. Default:
   * 100,000 commits, 64 MiB, an hour (`age` in milliseconds), whichever is reached first.
   */
  readonly window?: Partial<LedgerBounds>;
  /** Of one commit, what one view is told row by row; over it, it reads its rows again. Default: 1,000 rows, 1 MiB. */
  readonly bulk?: Partial<BulkBounds>;
  /** Seconds between two pings, by which each side finds out that the other is gone. Default: 20. */
  readonly heartbeat?: number;
  /** What this server runs, a commit or a version: a page that was served by another hears that it is outdated. Default: a digest of what each endpoint offers. */
  readonly build?: string;
  /**
   * OpenTelemetry's API, for its meter and its tracer. Default: the package `@opentelemetry/api` where it is installed; `false`: nothing.
   * Without an SDK behind it nothing is recorded.
   */
  readonly telemetry?: Telemetry | false;
  readonly clock?: Clock;
  readonly ledger?: (start: string, options: { readonly bounds: LedgerBounds; readonly clock: Clock }) => Ledger;
  readonly bus?: Bus;
}

const WINDOW: LedgerBounds = { entries: 100_000, bytes: 64 * 1024 * 1024, age: 3_600_000 };
const HEARTBEAT = 20;
const DRAIN = 10_000;

export interface AsOptions {
  /** Makes two connections one person; default: the user's own `id`. */
  readonly id?: string;
  /** The groups to be in, as `connectionGroups` would give them. */
  readonly groups?: readonly Group[];
}

/** Rowcast, running. */
export interface Live<B extends Bindings = Bindings> {
  /**
   * Declares a path, what it offers and to whom. Its value is what a client's types come from.
   *
   * @example
   * ```ts
   * export const app = live.endpoint('/binding/', { connectionGroups: () => ['intval-updates'] })
   * live.attach(httpServer)
   * ```
   * @throws {RowcastError} `endpoint_invalid`.
   */
  endpoint<const C extends Consumers = B>(path: string, options?: EndpointOptions<C, UserOf<B>>): Endpoint<C>;
  /** Answers WebSocket upgrades on the endpoints' paths, and touches no other. Express and Hono: what `listen` and `serve` give; Fastify: `app.server`. */
  attach(server: UpgradingServer): void;
  /**
   * The same over plain HTTP, for where WebSockets are blocked: answers Server-Sent Events and their posts on the endpoints' paths. False: the
   * request is not one of these, and is the app's own to answer.
   *
   * @example
   * ```ts
   * app.use((request, response, next) => live.handle(request, response) || next()) // Express; before anything that reads the body
   * ```
   */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /**
   * The client, as this user, in this process: the same streams, checks and answers, no network. For tests, jobs and scripts. Close it; one that gave a
   * `snapshot` and nothing else has closed itself: `await live.as(user).snapshot([['posts', { blogId: 7 }]])` is what a page is rendered from.
   *
   * It has all bindings; with an `endpoint`, what that one offers, its commands and consumers among it.
   *
   * @example const answer = await live.as(user, { endpoint: app }).call('publish', { id: 3 })
   */
  as<C extends Consumers>(user: UserOf<B>, options: AsOptions & { readonly endpoint: Endpoint<C> }): Client<Endpoint<C>>;
  as(user: UserOf<B>, options?: AsOptions): Client<{ readonly types?: { readonly streams: StreamsOf<B> } }>;
  /**
   * For a door of your own (docs/doors.md): asks the endpoint at the request's path who this is and where they start. The door makes the
   * request from what it knows; what a browser's page could forge (Origin) it has to look at itself.
   */
  admit(request: Request): Promise<Visitor>;
  readonly groups: Groups;
  /** Changes from somewhere that the log does not see, in the log's own order. Rows are what `select()` gives. */
  publish<T extends BindingTypes>(binding: Binding<T>, changes: readonly PublishedRow<T['row']>[]): Promise<void>;
  /**
   * Inside a transaction of the app's own: says in it what a client is waiting for. A page that shows a change before your own HTTP endpoint has
   * made it, sends the text that it got for that (`<client>.<number>`) with its request; left here, the page hears when what the transaction did
   * is before it, and not at all where it is rolled back.
   *
   * `tx` is what you write with: Drizzle's transaction, or the driver's own client. It is done at once on SQLite, and awaited elsewhere.
   *
   * @example await db.transaction(async (tx) => { await live.receipt(tx, request.headers['rowcast-receipt']); await tx.update(…) })
   * @throws {RowcastError} `receipt_invalid` for a text that no client makes, or what is no transaction of this database.
   */
  receipt(tx: unknown, id: string): void | Promise<void>;
  /** How it is, at this moment. Costs nothing and asks nobody: for `/health` and `/ready`, see {@link probes}. */
  health(): HealthReport;
  /**
   * What it has done and how it stands, in Prometheus' text format. Asks the database how its log stands, for 2 s at most.
   *
   * @example http.get('/metrics', async (request, response) => response.type('text/plain').send(await live.metrics()))
   */
  metrics(): Promise<string>;
  /** Resolves once everything committed before the call has gone out to every connection of this process. */
  settled(): Promise<void>;
  /**
   * Ends a user's connections, or those of one of the app's own sessions (`authenticate` gives it with the user), in every process that follows
   * this database. Nothing that is committed later reaches them. Whoever may still come in, `authenticate` decides.
   */
  revoke(whose: { readonly user: string | number | bigint } | { readonly session: string }): Promise<void>;
  /**
   * Before going down: takes no new connection, and sends those there are away over so many milliseconds (default 10,000), each to come back
   * after a time of its own. Then {@link close}.
   *
   * @example process.once('SIGTERM', () => void live.drain().then(() => live.close()))
   */
  drain(ms?: number): Promise<void>;
  /** Ends every connection (clients come back after a moment), stops following the log and lets go of the database. */
  close(): Promise<void>;
}

/**
 * Starts Rowcast: checks every binding against the database, follows its log, and is ready to serve.
 *
 * @example
 * ```ts
 * const live = await rowcast({ source: sqlite('app.db'), bindings: { intval, posts } })
 * ```
 * @throws {RowcastError} whose message says what to do.
 */
export async function rowcast<const B extends Bindings>(options: RowcastOptions<B>): Promise<Live<B>> {
  const { source, bindings, setup = 'auto', log = consoleLog, clock = systemClock } = options;
  const telemetry = options.telemetry === undefined ? await installed() : options.telemetry || null;
  const server = await held(() =>
    Server.open({
      source,
      bindings,
      setup,
      log,
      clock,
      broker: options.broker ?? null,
      bus: options.bus ?? null,
      ownBus: memoryBus,
      secrets: options.secret === undefined ? [] : [options.secret].flat(),
      ledger: options.ledger ?? memoryLedger,
      window: { ...WINDOW, ...options.window },
      bulk: { ...BULK, ...options.bulk },
      heartbeat: options.heartbeat ?? HEARTBEAT,
      build: options.build ?? null,
      telemetry,
      development: process.env['NODE_ENV'] !== 'production',
    }),
  );
  const door = new WebSocketDoor(server);
  const events = new EventDoor(server);
  const clients = new Set<{ close(): void }>();
  let inner: OpenEndpoint | undefined;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    for (const client of clients) client.close();
    const gone = Promise.all([door.close(), events.close()]);
    await server.close('going', 'the server is going down');
    await gone;
  };
  return {
    endpoint(path, declared) {
      return server.endpoint(path, (declared ?? {}) as EndpointOptions<Consumers, unknown>) as never;
    },
    attach: (http) => door.attach(http),
    handle: (request, response) => events.handle(request, response),
    as(user: UserOf<B>, { id, groups = [], endpoint: at }: AsOptions & { readonly endpoint?: Endpoint } = {}) {
      // An endpoint's value is the open one: its types say less of it.
      const endpoint = (at as OpenEndpoint | undefined) ?? (inner ??= server.inner());
      const principal = principalOf(id === undefined ? user : { id });
      for (const group of groups) groupKey(group); // one that is none is found here
      const socket = (): SocketLike => inProcess(server, { endpoint, user, principal, groups });
      const client = createClient<AppTypes>('in-process:', { socket, brief: true });
      clients.add(client);
      client.on('status', (status) => status === 'closed' && clients.delete(client));
      return client as never;
    },
    admit: (request) => admit(server, request),
    groups: { send: (group, payload, { stream } = {}) => server.send(group, payload, stream ?? null) },
    publish: (binding, changes) => server.publish(binding as unknown as Binding, changes as readonly PublishedRow[]),
    receipt: (tx, id) => server.receipt(tx, id),
    health: () => server.health(),
    metrics: async () => exposition(await server.metrics()),
    settled: () => server.settled(),
    revoke: (whose) => server.revoke('user' in whose ? { user: principalOf({ id: whose.user }) as string } : whose),
    drain: (ms = DRAIN) => server.drain(ms),
    close: () => (closing ??= close()),
  };
}

/** Telemetry is the app's to install. */
async function installed(): Promise<Telemetry | null> {
  try {
    return await import('@opentelemetry/api');
  } catch {
    return null;
  }
}

/** A process that does nothing else yet must not end while it waits: no timer of Rowcast's own keeps it. */
async function held<T>(work: () => Promise<T>): Promise<T> {
  const hold = setInterval(() => undefined, 2 ** 30);
  try {
    return await work();
  } finally {
    clearInterval(hold);
  }
}
