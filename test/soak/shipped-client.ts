import { WebSocket } from 'ws';
import { createClient, type BindingStream, type BindingTypes, type Change, type Client } from '../../src/client/index.ts';
import type { Random } from './random.ts';
import { canonical, digest, type StreamName } from './rules.ts';
import type { ClientOptions, Params, SoakClient, WriteAbout } from './soak-client.ts';
import { signIn, type Person } from './tables.ts';

type Stream = BindingStream<BindingTypes & { readonly row: Row; readonly insert: Row }>;
type Row = Readonly<Record<string, unknown>>;

/** A handle on a view, and its rows as its events tell them. */
interface Followed {
  readonly stream: StreamName;
  readonly params: Params;
  handle: Stream;
  told: Map<string, string>;
}

/** What the client shows of a view. `shown` and `told` must be the same, and both what the database has. */
export interface Collected {
  readonly stream: StreamName;
  readonly params: Params;
  readonly status: string;
  readonly shown: ReadonlyMap<string, string>;
  readonly told: ReadonlyMap<string, string>;
}

/** The client as it ships, on sockets that tell what goes through them. Beside what it heard, what it made of it is looked at. */
export class ShippedClient implements SoakClient {
  readonly name: string;
  readonly person: Person;
  connections = 0;
  waiting = 0;
  readonly #client: Client;
  readonly #random: Random;
  readonly #views: Followed[] = [];
  #socket: WebSocket | null = null;
  #left: ((code: number) => void) | null = null;
  #awake = false;
  #marks = 0;

  constructor({ name, person, url, random, hear }: ClientOptions) {
    this.name = name;
    this.person = person;
    this.#random = random;
    this.#client = createClient(url, { delay: () => random.between(20, 400), webSocket: this.#sockets(hear) as never, fallback: null });
  }

  get awake(): boolean {
    return this.#awake;
  }

  get port(): number | null {
    return (this.#socket as unknown as { _socket?: { localPort?: number } } | null)?._socket?.localPort ?? null;
  }

  get mark(): string {
    return `~w${this.name}x${++this.#marks}~`;
  }

  wake(): void {
    this.#awake = true;
  }

  sleep(): void {
    this.#awake = false;
    this.drop();
  }

  drop(): void {
    this.#socket?.terminate();
  }

  leave(): void {
    this.#client.reconnect();
  }

  close(): void {
    this.#client.close();
  }

  follow(stream: StreamName, params: Params = {}): void {
    if (this.#views.some((view) => view.stream === stream && canonical(view.params) === canonical(params))) return;
    this.#views.push(this.#open(stream, params));
  }

  unfollow(random: Random): (() => void) | null {
    if (this.#views.length < 2) return null;
    const view = random.pick(this.#views);
    view.handle.close();
    this.#views.splice(this.#views.indexOf(view), 1);
    return () => this.follow(view.stream, view.params);
  }

  /** It has no way to say anything but what it was given. */
  forge(): void {
    this.drop();
  }

  write({ stream, action, pk = 0, params = {} }: WriteAbout, data: object = {}): void {
    const own = this.#views.find((view) => view.stream === stream && canonical(view.params) === canonical(params))?.handle;
    const handle = own ?? (this.#client.stream(stream, params as never) as unknown as Stream);
    this.waiting++;
    const answer =
      action === 'create' ? handle.create(data as never) : action === 'update' ? handle.update(pk, data as never) : handle.delete(pk);
    void answer.then(() => this.waiting--);
    if (!own) handle.close();
  }

  get collections(): readonly Collected[] {
    return this.#views.map(({ stream, params, handle, told }) => {
      const shown = new Map(
        handle.rows.map((row) => [canonical(handle.pk(row as never)), digest(canonical(plain(handle.pk(row as never), row as Row)))]),
      );
      return { stream, params, status: handle.status, shown, told };
    });
  }

  #open(stream: StreamName, params: Params): Followed {
    const view: Followed = { stream, params, handle: this.#client.stream(stream, params as never) as unknown as Stream, told: new Map() };
    this.#listen(view);
    return view;
  }

  #listen(view: Followed): void {
    const { handle } = view;
    const told = new Map<string, string>();
    view.told = told;
    handle.on('commit', ({ changes }) => {
      for (const { action, pk, data } of changes as readonly Change<Row>[]) {
        if (action === 'delete') told.delete(canonical(pk));
        else told.set(canonical(pk), digest(canonical(plain(pk, data))));
      }
    });
    // Refused, or taken away: it is asked for again after a while.
    handle.on('error', () => {
      setTimeout(
        () => {
          if (view.handle !== handle || !this.#views.includes(view)) return;
          handle.close();
          view.handle = this.#client.stream(view.stream, view.params as never) as unknown as Stream;
          this.#listen(view);
        },
        this.#random.between(300, 2_000),
      ).unref();
    });
  }

  #sockets(hear: ClientOptions['hear']) {
    // oxlint-disable-next-line typescript/no-this-alias
    const client = this;
    const lose = (code = 1006): void => {
      client.#left?.(code);
      client.#left = null;
      client.#socket = null;
    };
    return class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        const headers = { authorization: `Bearer ${signIn(client.person.name)}` };
        super(client.#awake ? url : 'ws://127.0.0.1:1/', protocols, { headers, handshakeTimeout: 4_000, perMessageDeflate: false });
        lose();
        client.#socket = this;
        // One that was left has nothing to say any more: who left it may have another by the time it is gone.
        const current = (): boolean => client.#socket === this;
        this.on('open', () => {
          if (!current()) return;
          client.connections++;
          client.#left = (code) => hear({ at: performance.now(), type: 'close', code });
          hear({ at: performance.now(), type: 'open' });
        });
        this.on('message', (bytes) => current() && hear({ at: performance.now(), type: 'in', text: String(bytes) }));
        this.on('error', () => undefined);
        this.on('close', (code) => current() && lose(code));
      }

      override send(text: string): void {
        if (this.readyState !== WebSocket.OPEN || client.#socket !== this) return;
        hear({ at: performance.now(), type: 'out', text });
        super.send(text);
      }
    };
  }
}

/** A row as the wire has it: without the key that is no field of it, and what its model made of some values taken back. */
function plain(pk: unknown, row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).flatMap(([field, value]) => {
      if (field === 'id' && value === pk) return [];
      if (typeof value === 'bigint') return [[field, String(value)]];
      // Postgres leaves out what is zero at the end of a second's parts.
      if (value instanceof Date) return [[field, value.toISOString().replace(/\.?0+Z$/, 'Z')]];
      return [[field, value]];
    }),
  );
}
