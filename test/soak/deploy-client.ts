import { WebSocket } from 'ws';
import { createClient, type AppTypes, type BindingStream, type BindingTypes, type Change, type Client } from '../../src/client/index.ts';

type Row = Readonly<Record<string, unknown>>;
type Stream = BindingStream<BindingTypes & { readonly row: Row; readonly insert: Row }>;

/** The client as it ships, and what it was told of rows that are made one after another: 1, 2, 3 … */
export class DeployClient {
  readonly violations: string[] = [];
  /** Resets of `steady`, by reason. */
  readonly resets: string[] = [];
  /** Sockets that opened, and those that were tried. */
  connections = 0;
  tries = 0;
  /** The last row that it was told. */
  last = 0;
  readonly #client: Client;
  readonly #steady: Stream;
  readonly #shifting: Stream | null;
  #isLoaded = false;

  /** `shifts`: it views what is another after a deploy, too. */
  constructor(url: string, shifts: boolean) {
    // oxlint-disable-next-line typescript/no-this-alias
    const own = this;
    const webSocket = class extends WebSocket {
      constructor(address: string, protocols: string[]) {
        own.tries++;
        super(address, protocols, { perMessageDeflate: false });
        this.on('open', () => own.connections++);
        this.on('error', () => undefined);
      }
    };
    this.#client = createClient<AppTypes>(url, { webSocket: webSocket as never, fallback: null });
    this.#steady = this.#client.stream('steady') as unknown as Stream;
    this.#shifting = shifts ? (this.#client.stream('shifting') as unknown as Stream) : null;
    this.#steady.on('commit', ({ changes }) => this.#hear(changes as readonly Change<Row>[]));
    this.#steady.on('ready', () => (this.#isLoaded = true));
    this.#steady.on('reset', (reason) => this.resets.push(reason));
  }

  get shifts(): boolean {
    return this.#shifting !== null;
  }

  /** Of `steady`, as a page would show it. */
  get standing(): string {
    return this.#steady.status;
  }

  get isLive(): boolean {
    return this.#steady.status === 'live' && (this.#shifting?.status ?? 'live') === 'live';
  }

  get status(): string {
    return `${this.#steady.status} at ${this.last}, ${this.#shifting?.status ?? 'no other'}: ${JSON.stringify(this.#shifting?.rows ?? null)}`;
  }

  /** The keys of the rows of `steady`. */
  get ids(): readonly number[] {
    return this.#steady.rows.map((row) => Number(this.#steady.pk(row as never)));
  }

  /** What each row of `shifting` has, the key left out. */
  get fields(): readonly string[] {
    return (this.#shifting?.rows ?? []).map((row) =>
      Object.keys(row)
        .filter((field) => field !== 'id')
        .sort()
        .join(),
    );
  }

  get shifted(): readonly unknown[] {
    return (this.#shifting?.rows ?? []).map((row) => (row as Row)['n']);
  }

  close(): void {
    this.#client.close();
  }

  #hear(changes: readonly Change<Row>[]): void {
    for (const { action, pk } of changes) {
      if (action === 'delete') continue;
      const id = Number(pk);
      if (!this.#isLoaded) this.last = Math.max(this.last, id);
      else if (action === 'create' && id === this.last + 1) this.last = id;
      else this.violations.push(`${action} ${id} after ${this.last}`);
    }
  }
}
