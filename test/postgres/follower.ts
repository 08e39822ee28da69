import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import {
  fold,
  ORIGIN,
  rowOf,
  type Bound,
  type Clock,
  type Commit,
  type Database,
  type Log,
  type OpenDatabase,
  type Position,
  type Row,
} from '../../src/core/index.ts';

/** A real clock; `haste` makes everything that waits do so for a part of its time. */
export function testClock(haste = 1): Clock {
  return {
    now: () => performance.now(),
    time: () => Date.now(),
    id: () => randomBytes(16).toString('base64url'),
    soon: (fire) => void setImmediate(fire),
    after(ms, fire) {
      const timer = setTimeout(fire, ms / haste).unref();
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

export class TestLog implements Log {
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  info(): void {}
  warn(_about: object, message: string): void {
    this.warnings.push(message);
  }
  error(about: { readonly err?: unknown }, message: string): void {
    this.errors.push(`${message}: ${String(about.err)}`);
  }
}

export interface FollowOptions {
  readonly setup?: 'auto' | 'check';
  readonly clock?: Clock;
  /** Where it begins. Default: at the tail. */
  readonly from?: 'floor' | 'tail';
  /** Acknowledges each batch once it was taken. Default: true. */
  readonly acknowledges?: boolean;
}

/** Waits for things, never for times; twenty seconds is when it gives up. */
export async function until<T>(look: () => T | Promise<T>): Promise<NonNullable<Exclude<T, false>>> {
  const late = performance.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found) return found as NonNullable<Exclude<T, false>>;
    if (performance.now() > late) throw new Error(`it did not come: ${look.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Reads a database as the relay does: from where it stands, again when the log fails, until it is stopped. */
export class Follower implements AsyncDisposable {
  readonly open: OpenDatabase;
  readonly log: TestLog;
  readonly commits: Commit[] = [];
  /** Why reading failed, each time. */
  readonly failures: unknown[] = [];
  at: Position = ORIGIN;
  readonly #acknowledges: boolean;
  #ended = new AbortController();
  #done: Promise<void> = Promise.resolve();
  #gate: Promise<void> = Promise.resolve();

  private constructor(open: OpenDatabase, log: TestLog, acknowledges: boolean) {
    this.open = open;
    this.log = log;
    this.#acknowledges = acknowledges;
  }

  static async of(database: Database, bound: readonly Bound[], options: FollowOptions = {}): Promise<Follower> {
    const log = new TestLog();
    const open = await database.open(bound, { setup: options.setup ?? 'auto', clock: options.clock ?? testClock(), log });
    const follower = new Follower(open, log, options.acknowledges ?? true);
    follower.at = options.from === 'floor' ? (await open.source.floor()).position : await open.source.tail();
    follower.read();
    return follower;
  }

  read(): void {
    this.#ended = new AbortController();
    this.#done = this.#follow(this.#ended.signal);
  }

  /** Holds back: no batch is asked for until the returned function is called. */
  stall(): () => void {
    let go = (): void => {};
    this.#gate = new Promise((resolve) => (go = resolve));
    return go;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.open.close();
  }

  /** Everything committed before this was called has come. */
  async settled(): Promise<void> {
    // A name of its own: what an earlier life left behind is read again.
    const fence = { client: `fence ${randomBytes(8).toString('hex')}`, write: 1 };
    await until(() => this.open.source.mark(fence).then(() => true, () => false)); // prettier-ignore
    await until(() => this.commits.some(({ receipts }) => receipts.some(({ client }) => client === fence.client)));
  }

  /** What each commit with changes did, folded: `[before, after]` as code sees rows. */
  get changes(): readonly (readonly [Row | null, Row | null])[][] {
    return this.commits
      .map(({ changes }) =>
        fold(changes).map(({ table, before, after }) => [before && rowOf(table, before), after && rowOf(table, after)] as const),
      )
      .filter((changes) => changes.length > 0);
  }

  /** `table reason` of each loss. */
  get lost(): readonly string[] {
    return this.commits.flatMap(({ lost }) => lost.map(({ table, reason }) => `${table.model.table.name} ${reason}`));
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const batch of this.open.source.read(this.at, signal)) {
          await this.#gate;
          this.commits.push(...batch);
          this.at = batch.at(-1)?.position ?? this.at;
          if (this.#acknowledges) this.open.source.acknowledge(this.at);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.failures.push(error);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}
