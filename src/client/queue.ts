import type { AnswerCode, BatchOk, CallOk, Data, Json, Key, Ok, Position, ResultFrame, WriteBody } from '../protocol/index.ts';
import type { Op } from './collection.ts';
import { keyOf } from './rows.ts';
import type { PendingWrite, Refusal } from './types.ts';

/** Writes without an answer, and messages without a connection, at most: more is a loop that has lost its brake. */
const MAX = 1_000;

/** What is asked of the server, as the wire has it; null: it goes another way, and only its receipt is waited for. */
export type Says =
  | { readonly type: 'write'; readonly write: WriteBody }
  | { readonly type: 'batch'; readonly writes: readonly WriteBody[] }
  | { readonly type: 'call'; readonly stream: string; readonly input: Json }
  | null;

export type Outcome = Ok | BatchOk | CallOk | Refusal;

/** A write as it shows in a view: in one alone where it makes a row, else wherever the row is. */
export interface Laid {
  readonly op: Op;
  readonly stream: string;
  readonly view: string | null;
  /** Which of the answer's keys is the row's. */
  readonly at: number;
}

/** Something asked once, until it is answered and the rows have it. */
export class Pending {
  readonly id: number;
  /** The page that asked it, where it was another. */
  readonly client: string | undefined;
  says: Says;
  laid: readonly Laid[];
  sent = false;
  /** It may have been sent by a connection that is gone, or by another page: it may have been done. */
  again: boolean;
  /** When it was made, and when it was sent first, ms since 1970. */
  readonly made: number;
  asked: number | null = null;
  /** More may be added to it for a moment. */
  held: { cancel(): void } | undefined;
  outcome: Outcome | null = null;
  position: Position | null = null;
  readonly done: Promise<Outcome>;
  readonly #resolve: (outcome: Outcome) => void;

  constructor(id: number, says: Says, { made, laid = [], client }: Pick<Pending, 'made'> & Partial<Pick<Pending, 'laid' | 'client'>>) {
    this.id = id;
    this.says = says;
    this.laid = laid;
    this.client = client;
    this.again = client !== undefined;
    this.made = made;
    let resolve: (outcome: Outcome) => void = () => undefined;
    this.done = new Promise((settle) => (resolve = settle));
    this.#resolve = resolve;
  }

  get writes(): readonly WriteBody[] {
    if (this.says?.type === 'write') return [this.says.write];
    return this.says?.type === 'batch' ? this.says.writes : [];
  }

  get public(): PendingWrite {
    const { says, sent } = this;
    const state = { sent, kept: this.client !== undefined };
    switch (says?.type) {
      case 'write': {
        const { stream, action, pk, data } = says.write;
        return { stream, action, ...(pk !== undefined && { pk }), ...(data && { data }), ...state };
      }
      case 'batch':
        return { stream: says.writes[0]?.stream ?? '', action: 'batch', data: says.writes as unknown as Json, ...state };
      case 'call':
        return { stream: says.stream, action: 'call', data: says.input, ...state };
      default:
        return { stream: this.laid[0]?.stream ?? '', action: 'update', ...state };
    }
  }

  /** As it is sent. */
  get text(): string {
    const { id, client, says } = this;
    // The server reads the type and the id of a frame that it cannot take where it begins with them.
    if (says?.type === 'write') return JSON.stringify({ type: 'write', id, client, ...says.write });
    return JSON.stringify({ ...(says && { type: says.type }), id, client, ...says });
  }

  isAt(position: Position): boolean {
    return this.position !== null && this.position <= position;
  }

  /** More fields of the same row. */
  add(data: Data, laid: Laid | undefined): void {
    if (this.says?.type !== 'write') return;
    const { write } = this.says;
    this.says = { type: 'write', write: { ...write, data: { ...write.data, ...data } } };
    if (laid) this.laid = [...this.laid, laid];
  }

  /** The row has another key now. */
  rename({ stream, pk }: { readonly stream: string; readonly pk: Key }, key: Key): void {
    const renamed = (write: WriteBody): WriteBody =>
      write.stream === stream && write.pk !== undefined && keyOf(write.pk) === keyOf(pk) ? { ...write, pk: key } : write;
    if (this.says?.type === 'write') this.says = { type: 'write', write: renamed(this.says.write) };
    else if (this.says?.type === 'batch') this.says = { type: 'batch', writes: this.says.writes.map(renamed) };
  }

  /** Tells who asked. */
  resolve(): void {
    if (this.outcome) this.#resolve(this.outcome);
  }
}

export interface QueueParts {
  /** Milliseconds since 1970. */
  now(): number;
  send(text: string): void;
  /** It was answered, or is in the log there: what it showed stays until the rows have it, or goes. */
  settled(pending: Pending): void;
  /** A row that was being made has its key. */
  keyed(row: Making, key: Key): void;
  /** What has no answer is another. */
  changed(): void;
  /** For whichever page comes next: it is to be asked again, or not any more. */
  keep(pending: Pending): void;
  drop(pending: Pending): void;
}

/** A row that has no key yet but one of our own. */
export interface Making {
  readonly stream: string;
  readonly pk: Key;
}

/**
 * What is on its way to the server. Writes stay until they have an answer: when the connection is lost they are sent again, in order and
 * under the same ids, and the server applies each once and gives the answer it gave then. Messages are sent once.
 */
export class Queue {
  readonly #parts: QueueParts;
  #waiting: Pending[] = [];
  /** What was done, or is being done another way, and is not in the rows yet. */
  #unseen: Pending[] = [];
  /** The keys that rows have got, by those of our own; null: they were not made; undefined: they are being made. */
  readonly #keys = new Map<string, Key | null | undefined>();
  #messages: string[] = [];
  #open = false;
  #then: (() => void) | undefined;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** Those without an answer. */
  get waiting(): readonly Pending[] {
    return this.#waiting;
  }

  /** Those that show, or may. */
  get shown(): readonly Pending[] {
    return [...this.#unseen, ...this.#waiting];
  }

  get full(): boolean {
    return this.#waiting.length >= MAX;
  }

  /** As the server knows the row, where it does by now. */
  keyOf(row: Making): Key {
    return this.#keys.get(nameOf(row)) ?? row.pk;
  }

  push(pending: Pending): void {
    this.#waiting.push(pending);
    this.#make(pending);
    this.#parts.keep(pending);
    this.#parts.changed();
    this.#pump();
  }

  /** What another page left: before anything of this one's. */
  adopt(pendings: readonly Pending[]): void {
    this.#waiting.unshift(...pendings);
    for (const each of pendings) this.#make(each);
    this.#parts.changed();
    this.#pump();
  }

  /** The last one, where it is an update of this row that waits for more fields. */
  held(row: Making): Pending | undefined {
    const last = this.#waiting.at(-1);
    const [write] = last?.writes ?? [];
    return last?.held && write?.stream === row.stream && nameOf({ stream: write.stream, pk: write.pk as Key }) === nameOf(row)
      ? last
      : undefined;
  }

  /** It takes no more. */
  release(pending: Pending): void {
    pending.held = undefined;
    this.#pump();
  }

  /** Goes another way: it is shown until its receipt is seen. */
  follow(pending: Pending): void {
    this.#unseen.push(pending);
  }

  forget(pending: Pending): void {
    this.#unseen = this.#unseen.filter((each) => each !== pending);
  }

  /** False: too many wait already. */
  say(text: string): boolean {
    if (this.#open) this.#parts.send(text);
    else if (this.#messages.push(text) > MAX) return this.#messages.pop() === undefined;
    return true;
  }

  result({ type: _, id, client, ...said }: ResultFrame): void {
    const pending = this.#waiting.find((each) => each.id === id && each.client === client);
    if (pending) this.#answer(pending, said);
  }

  seen(id: number, client: string | undefined, position: Position): void {
    const pending = this.#unseen.find((each) => each.id === id && each.client === client);
    if (pending) this.settle(pending, position);
  }

  /** The log has it there. */
  settle(pending: Pending, position: Position): void {
    pending.position = position;
    this.#parts.settled(pending);
  }

  /** The rows are those of there: who waits for one of these sees it now. */
  reached(position: Position): void {
    if (this.#unseen.length === 0) return;
    for (const each of this.#unseen) if (each.isAt(position)) each.resolve();
    this.#unseen = this.#unseen.filter((each) => !each.isAt(position));
  }

  /**
   * @param then is called once everything is known that was made over a connection that is lost: a row that comes before the answer to its create could
   * not be told from one of somebody else.
   */
  opened(then: () => void): void {
    this.#open = true;
    this.#then = then;
    for (const text of this.#messages.splice(0)) this.#parts.send(text);
    this.#pump();
    this.#goOn();
  }

  lost(): void {
    this.#open = false;
    this.#then = undefined;
    for (const each of this.#waiting) {
      each.again ||= each.sent;
      each.sent = false;
    }
    this.#parts.changed();
    // It will not be said any more where it is. It was committed: the rows that come next have it.
    for (const each of this.#unseen) {
      if (!each.outcome) continue;
      if (each.position === null) this.settle(each, '');
      each.resolve();
    }
  }

  /** Positions count from somewhere else. */
  restart(): void {
    for (const each of this.#unseen) if (each.position !== null) this.settle(each, '');
  }

  /** There will be no connection any more, or it will be another user's. */
  end(answer: Refusal): void {
    this.#messages = [];
    for (const each of this.#unseen.splice(0)) each.resolve();
    for (const each of this.#waiting.splice(0)) {
      each.held?.cancel();
      each.outcome = answer;
      each.resolve();
      this.#parts.settled(each);
    }
    this.#parts.changed();
  }

  #answer(pending: Pending, { position, ...outcome }: Outcome & { readonly position?: Position }): void {
    this.#waiting = this.#waiting.filter((each) => each !== pending);
    pending.outcome = outcome;
    pending.position = position ?? null;
    this.#parts.drop(pending);
    if (outcome.ok) this.#unseen.push(pending);
    // A row that is not made goes at once, whatever rests on it: that is answered next.
    else this.#parts.settled(pending);
    for (const { op, stream, at } of pending.laid)
      if (op.creates) this.#keyed({ stream, pk: op.pk }, outcome.ok ? keyAt(outcome, at) : null);
    if (outcome.ok) this.#parts.settled(pending);
    // Where a position came, what it did comes next.
    if (!outcome.ok || position === undefined) pending.resolve();
    this.#goOn();
    this.#parts.changed();
    this.#pump();
  }

  #make({ laid }: Pending): void {
    for (const { op, stream } of laid) if (op.creates) this.#keys.set(nameOf({ stream, pk: op.pk }), undefined);
  }

  /** What was asked of a row in the making is asked of the row, or of nothing. */
  #keyed(row: Making, key: Key | null): void {
    const name = nameOf(row);
    this.#keys.set(name, key);
    if (key !== null) this.#parts.keyed(row, key);
    for (const each of [...this.#waiting]) {
      if (!each.writes.some(({ stream, pk }) => pk !== undefined && nameOf({ stream, pk }) === name)) continue;
      if (key === null) this.#answer(each, { ok: false, code: 'not_found', message: 'the row was not created' });
      else if (nameOf({ ...row, pk: key }) !== name) {
        each.rename(row, key);
        this.#parts.keep(each);
      }
    }
  }

  /** Nothing was heard of it, nor will be. */
  refuse(pending: Pending, answer: Refusal): void {
    this.#answer(pending, answer);
  }

  /** In order: what waits for a key, or for more fields, is waited for by those behind it. */
  #pump(): void {
    if (!this.#open) return;
    let sent = false;
    for (const pending of this.#waiting) {
      if (pending.sent) continue;
      const waits = pending.writes.some(({ stream, pk }) => {
        const name = pk !== undefined && nameOf({ stream, pk });
        return name !== false && this.#keys.has(name) && this.#keys.get(name) === undefined;
      });
      if (pending.held || waits) break;
      pending.sent = sent = true;
      if (pending.asked === null) {
        pending.asked = this.#parts.now();
        this.#parts.keep(pending);
      }
      this.#parts.send(pending.text);
    }
    if (sent) this.#parts.changed();
  }

  #goOn(): void {
    if (!this.#then || this.#waiting.some(({ again, laid }) => again && laid.some(({ op }) => op.creates))) return;
    const then = this.#then;
    this.#then = undefined;
    then();
  }
}

function nameOf({ stream, pk }: Making): string {
  return `${stream} ${keyOf(pk)}`;
}

function keyAt(outcome: Ok | BatchOk | CallOk, at: number): Key | null {
  if ('pk' in outcome) return outcome.pk;
  return 'pks' in outcome ? (outcome.pks[at] ?? null) : null;
}

export function refusal(code: AnswerCode | 'closed', message: string): Refusal {
  return { ok: false, code, message };
}
