import { databases, type Kind, type TestDatabase } from './databases.ts';
import { Notes, world, type World } from './world.ts';
import {
  RowcastError,
  type Bindings,
  type Broker,
  type Bus,
  type Database,
  type Ledger,
  type OpenDatabase,
  type RowcastOptions,
} from '../../src/main/index.ts';
import type { Entry, GroupMessage, OpenBroker } from '../../src/core/index.ts';
import { memoryBus, memoryLedger } from '../../src/memory/index.ts';

/** What a fleet shares: it can be cut off from one process or from all, and lose what it has. */
export class FaultyBroker {
  /** Everything that was ever appended, and under which term. */
  readonly appended: { readonly entry: Entry; readonly term: number }[] = [];
  readonly #bus = memoryBus();
  readonly #links = new Set<Link>();
  #make: (() => Ledger) | null = null;
  #ledger: Ledger | null = null;

  /** One process's way to it. */
  link(): Link {
    const link = new Link(this);
    this.#links.add(link);
    return link;
  }

  get bus(): Bus {
    return this.#bus;
  }

  get ledger(): Ledger {
    return this.#ledger as Ledger;
  }

  open({ start, bounds, clock }: Parameters<Broker['open']>[0]): void {
    this.#make ??= () => memoryLedger(start, { bounds, clock });
    this.#ledger ??= this.#make();
  }

  /** The last so many entries are gone, or all; the terms too, and whoever reads finds it away for a moment. */
  async lose(count: number = Infinity): Promise<void> {
    const kept: Entry[] = [];
    const ended = new AbortController();
    const before = this.ledger;
    const [floor, tail] = [await before.floor(), await before.tail()];
    if (floor < tail) {
      for await (const entries of before.follow(floor, ended.signal)) {
        kept.push(...entries);
        if (kept.at(-1)?.position === tail) break;
      }
    }
    const after = (this.#make as () => Ledger)();
    const left = kept.slice(0, Math.max(0, kept.length - count));
    if (left[0]) await after.append(left, await after.lead(1, left[0].prev));
    this.#ledger = after;
    for (const link of this.#links) link.jolt();
  }
}

const away = (): RowcastError => new RowcastError('ledger_lost', 'the broker is away: its link was cut');

export class Link implements Broker {
  readonly name = 'a broker of this test';
  readonly #broker: FaultyBroker;
  #cut = false;
  #jolts = new AbortController();
  #frozen: Promise<void> | null = null;
  #thaw: () => void = () => undefined;

  constructor(broker: FaultyBroker) {
    this.#broker = broker;
  }

  cut(): void {
    this.#cut = true;
    this.jolt();
  }

  heal(): void {
    this.#cut = false;
  }

  /** Nothing that is asked from here on is answered, until it is thawed: then it is asked. */
  freeze(): void {
    this.#frozen = new Promise((resolve) => (this.#thaw = resolve));
  }

  thaw(): void {
    this.#frozen = null;
    this.#thaw();
  }

  jolt(): void {
    this.#jolts.abort();
    this.#jolts = new AbortController();
  }

  /** As this process has it, frozen with it. */
  through(database: Database): Database {
    return {
      ...database,
      open: async (bound, options): Promise<OpenDatabase> => {
        const opened = await database.open(bound, options);
        const { lease } = opened;
        if (!lease) return opened;
        return {
          ...opened,
          lease: {
            take: async (holder, ms) => (await this.#frozen, lease.take(holder, ms)),
            want: async (holder, ms) => (await this.#frozen, lease.want(holder, ms)),
            give: async (holder) => (await this.#frozen, lease.give(holder)),
          },
        };
      },
    };
  }

  examine(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }

  open(options: Parameters<Broker['open']>[0]): Promise<OpenBroker> {
    this.#broker.open(options);
    return Promise.resolve({ ledger: this.#ledger(), bus: this.#bus(), close: () => Promise.resolve() });
  }

  #ledger(): Ledger {
    const broker = this.#broker;
    const asked = async <T>(ask: (ledger: Ledger) => Promise<T>): Promise<T> => {
      await this.#frozen;
      if (this.#cut) throw away();
      return ask(broker.ledger);
    };
    // oxlint-disable-next-line typescript/no-this-alias -- a generator has no arrow
    const link = this;
    return {
      floor: () => asked((ledger) => ledger.floor()),
      tail: () => asked((ledger) => ledger.tail()),
      lead: (least, start) => asked((ledger) => ledger.lead(least, start)),
      append: (entries, term) =>
        asked(async (ledger) => {
          await ledger.append(entries, term);
          for (const entry of entries) broker.appended.push({ entry, term });
        }),
      async *follow(after, signal) {
        if (link.#cut) throw away();
        const jolt = link.#jolts.signal;
        for await (const entries of broker.ledger.follow(after, AbortSignal.any([signal, jolt]))) {
          await link.#frozen;
          yield entries;
        }
        if (!signal.aborted) throw away();
      },
    };
  }

  #bus(): Bus {
    const { bus } = this.#broker;
    return {
      send: (message) => (this.#cut ? Promise.reject(away()) : bus.send(message)),
      listen: (hear: (message: GroupMessage) => void) => bus.listen((message) => void (!this.#cut && !this.#frozen && hear(message))),
    };
  }
}

export interface Node<B extends Bindings> extends World<B> {
  readonly link: Link;
}

/** Processes of one fleet, in this one: over one database, SQLite's, and one broker. */
export class Fleet implements AsyncDisposable {
  readonly broker: FaultyBroker = new FaultyBroker();
  readonly database: TestDatabase;
  readonly #kept: boolean;
  readonly #nodes: World<Bindings>[] = [];

  private constructor(database: TestDatabase, kept: boolean) {
    this.database = database;
    this.#kept = kept;
  }

  static async open(kind: Kind = databases[0] as Kind): Promise<Fleet> {
    const database = await kind.open();
    // Without a limit the server keeps its log for nobody who is away, and who takes over finds a gap.
    const isPostgres = kind.name === 'Postgres';
    if (isPostgres) await database.run(`ALTER SYSTEM SET max_slot_wal_keep_size = '1GB'; SELECT pg_reload_conf()`);
    return new Fleet(database, isPostgres);
  }

  async node<const B extends Bindings>(bindings: B, options: Pick<RowcastOptions<B>, 'secret' | 'bus'> = {}): Promise<Node<B>> {
    const link = this.broker.link();
    const node = await world({ source: link.through(this.database.source), bindings, broker: link, ...options });
    this.#nodes.push(node as unknown as World<Bindings>);
    return Object.assign(node, { link });
  }

  /** Of those that run. */
  leaders<N extends { readonly live: { health(): { readonly leads: boolean } } }>(nodes: readonly N[]): readonly N[] {
    return nodes.filter(({ live }) => live.health().leads);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await node[Symbol.asyncDispose]();
    if (this.#kept) {
      // The slot is the server's, and the next database of this file is on the same one.
      const readers = `FROM pg_replication_slots WHERE database = current_database()`;
      await until(async () => (await this.database.all(`SELECT 1 ${readers} AND active`)).length === 0);
      await this.database.run(`SELECT pg_drop_replication_slot(slot_name) ${readers}`);
    }
    await this.database[Symbol.asyncDispose]();
  }
}

/** Resolves once it is so, looked at again and again: for what nobody tells. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise<void>((resolve) => setTimeout(resolve, 5));
}

export { Notes };
