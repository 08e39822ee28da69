import type { Database, Entry, Log, Model, OpenDatabase, Position, Table } from '../../src/core/index.ts';
import { memoryBus, memoryLedger } from '../../src/memory/index.ts';
import { Server, type OpenEndpoint } from '../../src/server/index.ts';
import { handTable } from '../core/hand-made.ts';
import { appOf, TABLE_NAMES, USERS, type TableName, type User } from './app.ts';
import type { SimDatabase, Slot } from './database.ts';
import { farLedger } from './ledger.ts';
import type { Host } from './link.ts';
import type { Process } from './process.ts';
import { SimRows } from './rows.ts';
import type { Setting } from './setting.ts';
import { SimSource } from './source.ts';
import { SimStore } from './store.ts';
import { Broken } from './wiretap.ts';

export interface ServingParts {
  readonly database: SimDatabase;
  readonly slot: Slot;
  readonly setting: Setting;
  readonly release: number;
  /** Whether the ledger is to lose what it hands out next. */
  loses(entries: readonly Entry[]): boolean;
  /** Whether the answer to an append is to be lost. */
  forgetful(): boolean;
  broken(error: unknown): void;
}

/** One server process: everything in it is shipped but the ports, which are simulated. */
export class Serving implements Host {
  readonly process: Process;
  readonly server: Server;
  readonly #endpoint: OpenEndpoint;

  private constructor(process: Process, server: Server, setting: Setting) {
    this.process = process;
    this.server = server;
    this.#endpoint = server.endpoint('/', {
      authenticate: (request) => this.#user(request.headers.get('user'), setting.expires),
      connectionGroups: (user) => (user as User).audiences,
      refresh: (_token, user) => this.#user((user as User).id, setting.expires),
    });
  }

  static async start(process: Process, parts: ServingParts): Promise<Serving> {
    const { database, setting, release } = parts;
    const { models, bindings } = appOf({ version: release, scans: setting.scans, may: (user, blog) => database.rights.may(user, blog) });
    const log = logOf(process, parts);
    const held = { acknowledged: '' };
    const server = await Server.open({
      source: databaseOf({ ...parts, process, models, acknowledges: (position) => (held.acknowledged = position) }),
      bindings,
      setup: 'auto',
      clock: process,
      log,
      broker: null,
      bus: memoryBus(),
      ownBus: memoryBus,
      secrets: [],
      window: setting.window,
      bulk: setting.bulk,
      heartbeat: 20,
      build: null,
      development: setting.development,
      ledger: (start, options) =>
        farLedger(memoryLedger(start, options), {
          random: database.timeline.random,
          takes: (kind) => process.takes(kind),
          loses: (entries) => parts.loses(entries),
          held: (entries) => {
            const { acknowledged } = held;
            const early = entries.find(({ position }) => position <= acknowledged);
            if (early) parts.broken(new Broken(`${early.position} was acknowledged to the database before the ledger had it`));
            return parts.forgetful();
          },
        }),
    });
    return new Serving(process, server, setting);
  }

  async admit(user: string): ReturnType<Host['admit']> {
    const request = requestOf(user);
    const found = this.server.at('/');
    if (!found || this.server.full(found.endpoint)) return null;
    const admission = await this.server.admit(found, request);
    return admission.ok ? admission.arrival : null;
  }

  connect(...[arrival, door]: Parameters<Host['connect']>): ReturnType<Host['connect']> {
    return this.server.connect({ ...arrival, endpoint: this.#endpoint }, door);
  }

  disconnect(...[session, code]: Parameters<Host['disconnect']>): void {
    void this.server.disconnect(session, code);
  }

  /** Sends everybody away, then ends. */
  async close(): Promise<void> {
    await this.server.drain(500);
    await this.server.close('going', 'the server is going down');
    this.process.kill();
  }

  #user(id: string | null, expires: number | null): User | null {
    const user = USERS.find((each) => each.id === id);
    if (!user) return null;
    return expires === null ? user : ({ ...user, until: this.process.time() + expires } as User);
  }
}

const REQUESTS = new Map<string, Request>();

function requestOf(user: string): Request {
  let request = REQUESTS.get(user);
  if (!request) REQUESTS.set(user, (request = new Request('http://simulated/', { headers: { user } })));
  return request;
}

interface DatabaseParts extends ServingParts {
  acknowledges(position: Position): void;
  readonly process: Process;
  readonly models: Readonly<Record<TableName, Model>>;
}

function databaseOf({ database, slot, process, models, setting, acknowledges }: DatabaseParts): Database {
  const nothing = (): Promise<readonly []> => Promise.resolve([]);
  return {
    name: 'simulated',
    plan: nothing,
    teardown: nothing,
    async open(): Promise<OpenDatabase> {
      await process.takes('quick');
      const named = new Map<TableName, Table>(TABLE_NAMES.map((name) => [name, { ...handTable(models[name] as never) }]));
      return {
        tables: new Map([...named].map(([name, table]) => [models[name], table])),
        source: new SimSource({ database, slot, process, tables: named, confirmAfter: setting.confirmAfter, acknowledges }),
        store: new SimStore(database, process, named),
        rows: new SimRows(database, process, named),
        secret: database.secret,
        leave: () => {
          throw new Error('this app has no transactions of its own');
        },
        close: () => process.takes('quick'),
      };
    },
  };
}

function logOf(process: Process, { broken }: ServingParts): Log {
  const line =
    (level: string) =>
    (about: object, message: string): void => {
      const { err } = about as { err?: unknown };
      process.timeline.note(() => `${process.name}: ${level}: ${message}${err === undefined ? '' : ` (${String(err)})`}`);
      if (level === 'error' && message.startsWith('Rowcast has stopped')) broken(err);
    };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}
