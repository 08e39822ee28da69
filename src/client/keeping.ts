import type { ClientClock } from './clock.ts';
import { keptView, type KeptView } from './kept.ts';
import type { Laid } from './overlay.ts';
import { Pending, type Says } from './pending.ts';
import type { ClientStorage } from './storage.ts';
import type { Subscription } from './subscription.ts';

/** What outlives the page. */
export interface KeepOptions {
  readonly in: ClientStorage;
  /** Whose it is, as the app knows before there is a connection; null: an app without users. Nobody else is shown or sends anything of it. */
  readonly user: string | number | null;
  /** Streams whose rows are shown at once the next time, and gone on from; `true`: all. Default: none, only writes without an answer are kept. */
  readonly rows?: readonly string[] | true;
}

/** A write without an answer. */
interface KeptWrite {
  readonly client: string;
  readonly id: number;
  readonly says: Says;
  readonly laid: readonly Laid[];
  /** When it was made, and when it was sent first, ms since 1970; null: it never was. */
  readonly made: number;
  readonly asked: number | null;
}

/** Rows are written down so long after they changed, ms: each time all of a view's. */
const REST = 2_000;
/** A storage that says nothing for so long, ms, is gone on without: a database may wait for another page. */
const PATIENCE = 5_000;
/** Servers know for a day which writes they have done. One that was sent longer ago might be done twice: 20 h. */
const SURE = 72_000_000;

const NOTHING: { readonly writes: readonly Pending[]; readonly views: readonly KeptView[] } = { writes: [], views: [] };

const page = globalThis as { readonly addEventListener?: Listening; readonly removeEventListener?: Listening };
type Listening = (type: string, heard: () => void) => void;

/** What of a client is in its storage. */
export class Keeping {
  readonly #options: KeepOptions;
  readonly #scope: string;
  readonly #client: string;
  readonly #clock: ClientClock;
  /** The version of the rows that are in there. */
  readonly #saved = new WeakMap<Subscription, number>();
  #timer: { cancel(): void } | undefined;
  /** Whose it is by the server's word; undefined: there was nothing of anybody's. */
  #whose: string | null | undefined;
  /** It could not be read: whose it is, nobody knows. */
  #isLost = false;
  #wipes = 0;
  #views: () => Iterable<Subscription> = () => [];
  #failed: ((error: unknown) => void) | undefined;
  readonly #hidden = (): void => this.#save();

  constructor(options: KeepOptions, at: { readonly endpoint: string; readonly client: string; readonly clock: ClientClock }) {
    this.#options = options;
    this.#scope = JSON.stringify([at.endpoint, options.user]);
    this.#client = at.client;
    this.#clock = at.clock;
  }

  /**
   * @param views are written down when they rest, and when the page goes.
   * @param failed is told once, whatever fails how often.
   */
  async load(views: () => Iterable<Subscription>, failed: (error: unknown) => void): Promise<typeof NOTHING> {
    this.#views = views;
    this.#failed = failed;
    page.addEventListener?.('pagehide', this.#hidden);
    const wipes = this.#wipes;
    try {
      const all = Promise.all(['w', 'v', 'u'].map((what) => this.#options.in.all(this.#scope + what)));
      const [writes, kept, [whose]] = (await this.#soon(all)) as [readonly KeptWrite[], readonly KeptView[], readonly (string | null)[]];
      if (wipes !== this.#wipes) return NOTHING;
      this.#whose = whose;
      // By one page after another: those of one page have their order in their numbers, too.
      const inOrder = [...writes].sort((one, other) => one.made - other.made || one.id - other.id);
      return { writes: inOrder.map(adopted), views: kept };
    } catch (error) {
      this.#isLost = true;
      this.#fail(error);
      return NOTHING;
    }
  }

  /** Whether it is this user's, by the server's word. Where nothing was kept yet, it is from here on. */
  isOf(user: string | null): boolean {
    if (this.#whose === undefined) this.#set('u', (this.#whose = user));
    return this.#whose === user;
  }

  /** Nobody may know any more whether it was done. */
  doubts({ asked }: Pending): boolean {
    return asked !== null && this.#clock.now() - asked > SURE;
  }

  keep({ id, client = this.#client, says, laid, made, asked }: Pending): void {
    this.#set(writeName(client, id), { client, id, says, laid, made, asked } satisfies KeptWrite);
  }

  drop({ id, client = this.#client }: Pending): void {
    this.#do((storage) => storage.delete(this.#scope + writeName(client, id)));
  }

  /** Rows may have changed. */
  touch(): void {
    if (this.#options.rows) this.#timer ??= this.#clock.after(REST, () => this.#save());
  }

  /** Its last word. */
  close(): void {
    page.removeEventListener?.('pagehide', this.#hidden);
    this.#save();
  }

  #save(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { rows = [] } = this.#options;
    for (const view of this.#views()) {
      if (rows !== true && !rows.includes(view.stream)) continue;
      const kept = keptView(view);
      if (!kept || this.#saved.get(view) === view.rows.version) continue;
      this.#saved.set(view, view.rows.version);
      this.#set(`v${view.name}`, kept);
    }
  }

  /** Leaves nothing. */
  async wipe(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#whose = undefined;
    this.#wipes++;
    await this.#soon(this.#options.in.delete(this.#scope)).catch((error: unknown) => this.#fail(error));
  }

  #soon<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = this.#clock.after(PATIENCE, () => reject(new Error('the storage does not answer')));
      work.then(resolve, reject).finally(() => late.cancel());
    });
  }

  #set(name: string, value: unknown): void {
    this.#do((storage) => storage.set(this.#scope + name, value));
  }

  #do(act: (storage: ClientStorage) => Promise<void>): void {
    if (!this.#isLost) void act(this.#options.in).catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failed?.(error);
    this.#failed = undefined;
  }
}

function writeName(client: string, id: number): string {
  return `w${client} ${String(id).padStart(16, '0')}`;
}

function adopted({ id, client, says, laid, made, asked }: KeptWrite): Pending {
  return Object.assign(new Pending(id, says, client), { laid, made, asked });
}
