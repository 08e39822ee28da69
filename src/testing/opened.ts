import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Bound, Clock, Commit, Log, Model, OpenDatabase, Position, Row, Table } from '../core/index.ts';
import { rowOf } from '../core/index.ts';
import type { DatabaseFixture, World, WorldChange } from './fixture.ts';
import { sqlOf } from './plain-sql.ts';
import { boundOf, suiteTables, type SuiteTables } from './tables.ts';

/** A real clock. Suites wait for things, never for times. */
export const suiteClock: Clock = {
  now: () => performance.now(),
  time: () => Date.now(),
  id: () => randomBytes(16).toString('base64url'),
  soon: (fire) => void setImmediate(fire),
  after(ms, fire) {
    const timer = setTimeout(fire, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** How long something may take to come before a suite says that it does not, ms. */
const PATIENCE = 20_000;

/** Keeps what was logged, so that a law can ask for it. */
export class SuiteLog implements Log {
  readonly errors: string[] = [];
  info(): void {}
  warn(): void {}
  error(about: object, message: string): void {
    this.errors.push(`${message} ${JSON.stringify(about)}`);
  }
}

/** A fresh world with the suite's tables, opened. Everything ends with `end`. */
export class Opened {
  readonly world: World;
  readonly models: SuiteTables;
  readonly log: SuiteLog = new SuiteLog();
  readonly #readers: LogReader[] = [];
  readonly #open: OpenDatabase[] = [];

  private constructor(world: World, models: SuiteTables) {
    this.world = world;
    this.models = models;
  }

  static async in(fixture: DatabaseFixture): Promise<Opened> {
    const world = await fixture.fresh();
    const opened = new Opened(world, suiteTables(fixture.dialect));
    try {
      if (!world.write) for (const statement of opened.models.ddl) await world.app.run(statement);
    } catch (error) {
      await opened.end();
      throw error;
    }
    return opened;
  }

  bound(): readonly Bound[] {
    return [this.models.blog, this.models.post, this.models.member].map(boundOf);
  }

  /** Another opening of the same database: the first, a restart, or a second process. */
  async open(bound: readonly Bound[] = this.bound(), setup: 'auto' | 'check' = 'auto'): Promise<OpenDatabase> {
    const open = await this.world.database().open(bound, { setup, clock: suiteClock, log: this.log });
    this.#open.push(open);
    return open;
  }

  async close(open: OpenDatabase): Promise<void> {
    const at = this.#open.indexOf(open);
    if (at >= 0) this.#open.splice(at, 1);
    await open.close();
  }

  /** Begins to read: from now on, unless told another position. */
  async read(open: OpenDatabase, after?: Position): Promise<LogReader> {
    const reader = new LogReader(open, after ?? (await open.source.tail()));
    this.#readers.push(reader);
    return reader;
  }

  async run(...statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.world.app.run(statement);
  }

  /** Changes rows of the suite's tables, in one commit: by SQL, where there is any. */
  async write(...changes: readonly WorldChange[]): Promise<void> {
    if (this.world.write) return this.world.write(changes);
    await this.run('BEGIN', ...changes.map(sqlOf), 'COMMIT');
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.#readers.map((reader) => reader.stop()));
    await Promise.allSettled(this.#open.map((open) => open.close()));
    await this.world.close();
  }
}

export function tableOf(open: OpenDatabase, model: Model): Table {
  const table = open.tables.get(model);
  if (!table) throw new Error(`${model.name} was not joined`);
  return table;
}

/** A change in short, as code sees the rows. */
export interface SeenChange {
  readonly table: string;
  readonly before: Row | null;
  readonly after: Row | null;
}

/** What a source yields, collected. */
export class LogReader {
  readonly commits: Commit[] = [];
  readonly #open: OpenDatabase;
  readonly #ended = new AbortController();
  readonly #done: Promise<void>;
  #failure: unknown = null;
  #wake: () => void = () => {};
  #fences = 0;

  constructor(open: OpenDatabase, after: Position) {
    this.#open = open;
    this.#done = this.#collect(after);
  }

  /** In order, without those of fences. */
  get changes(): readonly SeenChange[] {
    return this.commits.flatMap(({ changes }) =>
      changes.map(({ table, before, after }) => ({
        table: table.model.name,
        before: before && rowOf(table, before),
        after: after && rowOf(table, after),
      })),
    );
  }

  get receipts(): readonly string[] {
    return this.commits
      .flatMap(({ receipts }) => receipts.map(({ client, write }) => `${client}:${write}`))
      .filter((name) => !name.startsWith(FENCE));
  }

  /** Resolves when `there` is; rejects when the source ended or failed before, or after twenty seconds. */
  async until(there: (reader: LogReader) => boolean): Promise<void> {
    const late = performance.now() + PATIENCE;
    while (!there(this)) {
      if (this.#failure) throw this.#failure;
      if (performance.now() > late) throw new Error(`it did not come; so far: ${JSON.stringify(this.changes)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 250);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Everything committed so far has come: what is not here now will not come. */
  async settled(): Promise<void> {
    const fence = { client: `${FENCE}${suiteClock.id()}`, write: ++this.#fences };
    await this.#open.source.mark(fence);
    await this.until(({ commits }) => commits.some(({ receipts }) => receipts.some(({ client }) => client === fence.client)));
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#done;
  }

  async #collect(after: Position): Promise<void> {
    try {
      for await (const batch of this.#open.source.read(after, this.#ended.signal)) {
        this.commits.push(...batch);
        this.#wake();
      }
      if (!this.#ended.signal.aborted) this.#failure = new Error('the source ended though nobody asked it to');
    } catch (error) {
      this.#failure = error;
    }
    this.#wake();
  }
}

const FENCE = 'fence ';
