import type { Params, Position, ReadyFrame, RowsFrame, StreamInfo } from '../protocol/index.ts';
import { Collection } from './collection.ts';
import { Emitter } from './emitter.ts';
import { formOf, type Row } from './rows.ts';
import type { Change, Current, Progress, Status, StreamEvents, StreamStatus } from './types.ts';

type Events = StreamEvents<Row>;

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

/** What the server said of a stream, as far as its views go by it. */
export type Info = Pick<StreamInfo, 'key' | 'fields' | 'writable'>;

/** What is true of all views of a connection. */
interface ServerState {
  readonly connection: Status;
  /** The first try is over, whatever became of it. */
  readonly tried: boolean;
  /** The server says that it does not know what is new. */
  readonly stale: boolean;
}

const NOTHING: Progress = { count: 0, total: null };
export const IDLE: Current<Row> = { rows: [], status: 'idle', progress: NOTHING };

/** One view and its rows, however many handles look at it. */
export class Subscription {
  /** Says which view it is: params that mean the same are the same. */
  readonly name: string;
  readonly stream: string;
  readonly params: Params | undefined;
  readonly ears: Set<Ear> = new Set();
  readonly rows: Collection = new Collection();
  state: State = 'none';
  info: Info | undefined;
  /** Everything up to there is in the rows that are shown. */
  position: Position = '';
  /** What shows the next server that they may be gone on from: also while others are read in their place, which may never come. */
  token: string | undefined;
  /** Its rows were the table's, on this connection or on one before. */
  known = false;
  progress: Progress = NOTHING;
  /** Another spelling of the same view, which has the rows for both. */
  same: Subscription | undefined;
  /** It is let go of when this fires. */
  lingers: { cancel(): void } | undefined;
  readonly #server: ServerState;
  #current = IDLE;
  /** What was told of it last. */
  #said: Pick<Current<Row>, 'status' | 'progress'> = IDLE;

  constructor({ name, stream, params }: Pick<Subscription, 'name' | 'stream' | 'params'>, server: ServerState) {
    this.name = name;
    this.stream = stream;
    this.params = params;
    this.#server = server;
  }

  /** Where the rows are. */
  get root(): Subscription {
    return this.same?.root ?? this;
  }

  get status(): StreamStatus {
    const { connection, stale, tried } = this.#server;
    if (this.state === 'failed') return 'failed';
    if (connection === 'signed-out') return 'signed-out';
    if (connection !== 'open' && (this.known || tried)) return 'offline';
    if (this.state === 'live') return stale ? 'stale' : 'live';
    if (this.known) return 'stale';
    if (this.state !== 'none') return 'syncing';
    // It is asked for at once, or when what was kept is known to be of this user.
    return this.#said.status === 'offline' ? 'offline' : 'idle';
  }

  get current(): Current<Row> {
    const { status, progress } = this;
    const { rows } = this.rows;
    const was = this.#current;
    if (rows !== was.rows || status !== was.status || progress !== was.progress) this.#current = { rows, status, progress };
    return this.#current;
  }

  /** Its rows are read from the start; those it shows stay meanwhile. */
  load(): void {
    this.state = 'loading';
    this.progress = NOTHING;
    this.rows.load();
  }

  /** Rows that were revived otherwise are not gone on from. */
  learn({ fields, key, writable }: Info): void {
    const info = { fields, key, writable };
    if (JSON.stringify(info) === JSON.stringify(this.info)) return;
    this.info = info;
    this.rows.form = formOf(info);
    this.rows.layer?.renew();
    this.token = undefined;
  }

  added({ rows, count, total }: RowsFrame): void {
    for (const [pk, data] of rows) this.rows.add(pk, data);
    this.progress = { count, total };
    this.emit('progress', this.progress);
    this.tell();
  }

  ready({ position, token }: ReadyFrame): void {
    this.live();
    this.token = token;
    this.rows.swap();
    this.position = ''; // whatever it was before: these rows are those of `position`
    this.reaches(position);
    tell([this], { merged: true });
    this.emit('ready', undefined);
  }

  live(): void {
    this.state = 'live';
    this.known = true;
  }

  /** Its rows go. */
  fail(state: State = 'failed'): void {
    this.state = state;
    this.token = undefined;
    this.known = false;
    this.rows.clear();
  }

  reaches(position: Position): void {
    if (position > this.position) this.position = position;
    this.rows.layer?.reach(this.position, this.state === 'live');
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
      const changes = this.rows.greeting();
      for (const change of changes) tellChange(ear, change);
      if (changes.length > 0) ear.emit('commit', { changes, merged: true, position: this.position });
      if (this.state === 'live') ear.emit('ready', undefined);
      if (changes.length > 0 || this.status !== 'idle') ear.emit('current', undefined);
    }
  }

  /** @param changed its rows are others, too */
  tell(changed: boolean = false): void {
    const { status, progress } = this;
    const was = this.#said;
    this.#said = { status, progress };
    if (status !== was.status) this.emit('status', status);
    if (changed || status !== was.status || progress !== was.progress) this.emit('current', undefined);
  }
}

/**
 * What was done to these views: each change by its action, then each view's changes together, then what each says of itself. Everything has been applied
 * before.
 */
export function tell(views: readonly Subscription[], how: How): void {
  if (telling) return void telling.push(() => tellNow(views, how));
  telling = [() => tellNow(views, how)];
  for (const next of telling) next();
  telling = null;
}

interface How {
  readonly merged: boolean;
  readonly local?: true;
}

/** A handler that writes, or signs out, has that told when everybody has been told what came before; null: nobody is being told anything. */
let telling: (() => void)[] | null = null;

function tellNow(views: readonly Subscription[], how: How): void {
  const all = views.map((view) => [view, view.rows.changes()] as const);
  const told = all.filter(([, changes]) => changes.length > 0);
  // A row that goes from one view to another is never told as gone after it was told as there.
  for (const gone of told.length > 1 ? [true, false] : [null])
    for (const [view, changes] of told)
      for (const change of changes) if (gone === null || gone === (change.action === 'delete')) tellChange(view, change);
  for (const [view, changes] of told) view.emit('commit', { changes, ...how, position: view.position });
  for (const [view, changes] of all) view.tell(changes.length > 0);
}

function tellChange(who: { emit<E extends keyof Events>(event: E, value: Events[E]): void }, change: Change): void {
  who.emit(change.action, change as never);
  who.emit('change', change);
}
