import type { Params, Position, ReadyFrame, RowsFrame } from '../protocol/index.ts';
import { Collection } from './collection.ts';
import { Emitter } from './emitter.ts';
import { Entry, type Kinds, type Row } from './rows.ts';
import type { Change, Progress, StreamEvents, StreamStatus } from './types.ts';

type Events = StreamEvents<Row>;

interface Hears {
  emit<E extends keyof Events>(event: E, value: Events[E]): void;
}

/** The events of one handle. */
export class Ear extends Emitter<Events> {
  /** Whether it has been told the rows that were there when it came: what changes means nothing before. */
  told = false;
}

/**
 * On this connection: not asked for; asked for; its rows, or what changed in them, on their way; followed. `failed`: refused or taken away,
 * on whichever connection it was said.
 */
export type State = 'none' | 'asked' | 'loading' | 'live' | 'failed';

/** What is true of all views of a connection. */
interface ServerState {
  /** The server says that it does not know what is new. */
  readonly stale: boolean;
}

/** One view and its rows, however many handles look at it. */
export class Subscription implements Hears {
  readonly stream: string;
  readonly params: Params | undefined;
  readonly ears: Set<Ear> = new Set();
  readonly rows: Collection = new Collection();
  state: State = 'none';
  kinds: Kinds = [];
  /** Everything up to there is in the rows that are shown. */
  position: Position = '';
  /** What shows the next server that they may be gone on from. */
  token: string | undefined;
  progress: Progress = NOTHING;
  /** Another spelling of the same view, which has the rows for both. */
  same: Subscription | undefined;
  readonly #server: ServerState;
  #known = false;
  #said: StreamStatus = 'idle';

  constructor(stream: string, params: Params | undefined, server: ServerState) {
    this.stream = stream;
    this.params = params;
    this.#server = server;
  }

  /** Where the rows are. */
  get root(): Subscription {
    return this.same?.root ?? this;
  }

  get status(): StreamStatus {
    if (this.state === 'failed') return 'failed';
    if (this.state === 'live') return this.#server.stale ? 'stale' : 'live';
    if (this.#known) return 'stale';
    return this.state === 'none' ? 'idle' : 'syncing';
  }

  /** Its rows are read from the start; those it shows stay meanwhile. */
  load(): void {
    this.state = 'loading';
    this.token = undefined;
    this.progress = NOTHING;
    this.rows.load();
  }

  /** Rows that were revived otherwise are not gone on from. */
  revive(kinds: Kinds): void {
    if (JSON.stringify(kinds) === JSON.stringify(this.kinds)) return;
    this.kinds = kinds;
    this.token = undefined;
  }

  added({ rows, count, total }: RowsFrame): void {
    for (const [pk, data] of rows) this.rows.add(new Entry(pk, data, this.kinds));
    this.progress = { count, total };
    this.emit('progress', this.progress);
  }

  ready({ position, token }: ReadyFrame): void {
    this.live();
    this.position = position;
    this.token = token;
    tellRows(this, this.rows.swap());
    this.tellStatus();
    this.emit('ready', undefined);
  }

  live(): void {
    this.state = 'live';
    this.#known = true;
  }

  /** Gives what becomes of its rows: they go. */
  fail(): readonly Change[] {
    this.state = 'failed';
    this.token = undefined;
    this.#known = false;
    return this.rows.clear();
  }

  reaches(position: Position): void {
    if (position > this.position) this.position = position;
  }

  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    // Who is put among them meanwhile has been told nothing yet, and who is taken out is passed over.
    for (const ear of this.ears) if (ear.told) ear.emit(event, value);
  }

  /** Tells those who came since what they found. */
  greet(): void {
    for (const ear of this.ears) {
      if (ear.told) continue;
      ear.told = true;
      tellRows(ear, this.rows.all());
      if (this.state === 'live') ear.emit('ready', undefined);
    }
  }

  tellStatus(): void {
    const { status } = this;
    if (status === this.#said) return;
    this.#said = status;
    this.emit('status', status);
  }
}

const NOTHING: Progress = { count: 0, total: null };

/** Each change by its action, in order over all views, then each view's changes together. Everything has been applied before. */
export function tell(told: readonly (readonly [Hears, Change])[], merged: boolean): void {
  const commits = new Map<Hears, Change[]>();
  for (const [who, change] of told) {
    const changes = commits.get(who);
    if (changes) changes.push(change);
    else commits.set(who, [change]);
    who.emit(change.action, change as never);
    who.emit('change', change);
  }
  for (const [who, changes] of commits) who.emit('commit', { changes, merged });
}

/** What rows that were read make of those that were there. */
export function tellRows(who: Hears, changes: readonly Change[]): void {
  tell(
    changes.map((change) => [who, change]),
    true,
  );
}
