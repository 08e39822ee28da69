import { RowcastError } from '../core/index.ts';

/** A connection as a driver has it: one that is lost stays lost. */
export interface Wire {
  /** @param key what the command is about, which says which node of a cluster gets it; null: any */
  send(command: readonly string[], key: string | null): Promise<unknown>;
  hear(channel: string, hear: (message: string) => void): Promise<unknown>;
  destroy(): void;
}

/** Connects once. `lost` may be called more than once, and after `destroy`. */
export type Dial = (lost: (cause: unknown) => void, signal: AbortSignal) => Promise<Wire>;

interface Events {
  on(event: string, listener: (about: unknown, more: unknown) => void): unknown;
}

/** A client of `redis`, as `createClient()` makes it. */
export interface NodeRedis {
  readonly options?: unknown;
  duplicate(overrides: Record<string, unknown>): unknown;
  sendCommand(command: readonly string[]): Promise<unknown>;
}

/** A cluster of `redis`, as `createCluster()` makes it. */
export interface NodeRedisCluster {
  readonly slots: unknown;
  duplicate(overrides: Record<string, unknown>): unknown;
  sendCommand(key: string | undefined, isReadonly: boolean, command: string[]): Promise<unknown>;
}

/** A client of `ioredis`: `new Redis()`, or `new Cluster()`. */
export interface IORedis {
  readonly isCluster: boolean;
  readonly options?: unknown;
  duplicate(...overrides: never[]): unknown;
  call(...command: never[]): unknown;
}

/** Never used itself: what Rowcast sends goes over connections of its own, made as this one was. */
export type RedisClient = NodeRedis | NodeRedisCluster | IORedis;

/** How to connect as this client does. */
export function dialBy(client: RedisClient, timeout: number): Dial {
  if ('isCluster' in client) return client.isCluster ? dialCluster(client, timeout) : dialOther(client, timeout);
  return 'slots' in client ? dialNodeCluster(client, timeout) : dialNode(client, timeout);
}

/** How to connect by URL, with whichever driver is installed. @throws {RowcastError} `driver_missing`, at the first use. */
export function dialTo(url: string, timeout: number, load: Record<'redis' | 'ioredis', () => Promise<unknown>> = DRIVERS): Dial {
  let dial: Promise<Dial> | undefined;
  const find = async (): Promise<Dial> => {
    try {
      const { createClient } = (await load.redis()) as { createClient(options: object): NodeRedis };
      return dialBy(createClient({ url }), timeout);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    try {
      const { Redis } = (await load.ioredis()) as { Redis: new (url: string, options: object) => IORedis };
      return dialBy(new Redis(url, { lazyConnect: true }), timeout);
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      throw new RowcastError('driver_missing', 'redis(…) needs a driver, either of two: npm install redis, or npm install ioredis', {
        cause,
      });
    }
  };
  return async (lost, signal) => (await (dial ??= find()))(lost, signal);
}

const DRIVERS = { redis: () => import('redis'), ioredis: () => import('ioredis') };

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}

interface NodeLine extends Events {
  connect(): Promise<unknown>;
  subscribe(channel: string, hear: (message: string) => void): Promise<unknown>;
  destroy(): void;
}

/** The older protocol, in which both drivers and all servers give the same replies. What needs the newer one is not for these connections. */
const PLAIN = { RESP: 2, commandOptions: {}, maintNotifications: 'disabled', clientSideCache: undefined, emitInvalidate: false };

function dialNode(client: NodeRedis, timeout: number): Dial {
  return async (lost, signal) => {
    const { socket } = (client.options ?? {}) as { readonly socket?: object };
    const line = client.duplicate({
      ...PLAIN,
      disableOfflineQueue: true,
      socket: { ...socket, reconnectStrategy: false, connectTimeout: timeout },
    }) as NodeLine & NodeRedis;
    await connect(line, { lost, signal, begin: () => line.connect(), destroy: () => line.destroy() });
    return {
      send: (command) => line.sendCommand(command),
      hear: (channel, hear) => line.subscribe(channel, hear),
      destroy: () => line.destroy(),
    };
  };
}

function dialNodeCluster(client: NodeRedisCluster, timeout: number): Dial {
  return async (lost, signal) => {
    const { defaults } = ((client as { readonly _options?: unknown })._options ?? {}) as {
      readonly defaults?: { readonly socket?: object };
    };
    const socket = { ...defaults?.socket, connectTimeout: timeout };
    const line = client.duplicate({ ...PLAIN, defaults: { ...defaults, ...PLAIN, socket } }) as NodeLine & NodeRedisCluster;
    await connect(line, { lost, signal, begin: () => line.connect(), destroy: () => line.destroy() });
    return {
      send: (command, key) => line.sendCommand(key ?? undefined, false, [...command]),
      hear: (channel, hear) => line.subscribe(channel, hear),
      destroy: () => line.destroy(),
    };
  };
}

interface OtherLine extends Events {
  call(command: string, args: readonly string[]): Promise<unknown>;
  connect(): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  disconnect(): void;
}

/** Nothing waits for a connection that is not there, and nothing is sent again by itself. */
function once(timeout: number): Record<string, unknown> {
  return {
    lazyConnect: true,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: null,
    reconnectOnError: null,
    keyPrefix: '',
    protocol: 2,
    connectTimeout: timeout,
  };
}

function dialOther(client: IORedis, timeout: number): Dial {
  return (lost, signal) => wired(client.duplicate(once(timeout) as never) as OtherLine, { lost, signal });
}

function dialCluster(client: IORedis, timeout: number): Dial {
  return (lost, signal) => {
    const { redisOptions } = (client.options ?? {}) as { readonly redisOptions?: object };
    const { lazyConnect, enableOfflineQueue, enableAutoPipelining, keyPrefix, ...each } = once(timeout);
    const overrides = { lazyConnect, enableOfflineQueue, enableAutoPipelining, keyPrefix, clusterRetryStrategy: () => null };
    const line = client.duplicate([] as never, { ...overrides, redisOptions: { ...redisOptions, ...each } } as never);
    return wired(line as OtherLine, { lost, signal });
  };
}

async function wired(line: OtherLine, { lost, signal }: Pick<Beginning, 'lost' | 'signal'>): Promise<Wire> {
  await connect(line, { lost, signal, begin: () => line.connect(), destroy: () => line.disconnect() });
  return {
    send: ([name, ...args]) => line.call(name as string, args),
    hear(channel, hear) {
      line.on('message', (from, message) => {
        if (from === channel) hear(String(message));
      });
      return line.subscribe(channel);
    },
    destroy: () => line.disconnect(),
  };
}

interface Beginning {
  lost(cause: unknown): void;
  readonly signal: AbortSignal;
  begin(): Promise<unknown>;
  destroy(): void;
}

async function connect(line: Events, { lost, signal, begin, destroy }: Beginning): Promise<void> {
  let why: unknown;
  line.on('error', (error) => lost((why = error)));
  line.on('end', () => lost(why ?? new Error('the connection has ended')));
  signal.addEventListener('abort', destroy, { once: true });
  try {
    signal.throwIfAborted();
    await begin();
    signal.throwIfAborted();
  } catch (error) {
    destroy();
    // ioredis says no more than that it is closed: the event before said why.
    throw why ?? error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}
