import { toWire, type Key, type Position } from '../protocol/index.ts';
import type { Heard, Link } from './link.ts';
import { CLOSED, Pending, refusal, type Body, type Outcome, type Says } from './pending.ts';
import type { Subscription } from './subscription.ts';
import type { Complaint, Refusal } from './types.ts';

/** Writes without an answer, and messages without a connection, at most: more is a loop that has lost its brake. */
const MAX = 1_000;
const TOO_MANY: Complaint = { code: 'rate_limited', message: `more than ${MAX} wait: await some` };

/** A write as it is made. */
export interface Made {
  readonly body: Body;
  readonly view: Subscription;
  /** What a row that is made is called until the server gives it a key; left out: a key of our own. */
  readonly as?: Key | undefined;
}

/**
 * What a client may do about its own writes beside having them sent: show them, hold them back, keep them for another page. One that does nothing of it has
 * its writes in its rows when the server has told them.
 */
export interface OwnWrites {
  /** What the server calls a row that is made here, where it does by now. */
  keyOf(stream: string, pk: Key): Key;
  /** One more of what is held back: its answer is that of the other. */
  gathered(made: Made): Promise<Outcome> | undefined;
  /** It waits from here on. */
  asked(pending: Pending, made: readonly Made[]): void;
  /** Neither it nor what is behind it may be sent yet. */
  holds(pending: Pending): boolean;
  /**
   * Calls once everything is known that was made over a connection that is lost: a row that comes before the answer to its create could not be told from one
   * of somebody else.
   */
  known(then: () => void): void;
  /** It is sent, maybe again. */
  sent(pending: Pending): void;
  /** It has its outcome by the server's word. */
  answered(pending: Pending): void;
  /** It has its outcome, or its position. */
  settled(pending: Pending): void;
  /** What has no answer is another. */
  changed(): void;
  /** Goes another way: it shows until its receipt is seen. */
  follow<R>(made: Made, run: (receipt: string) => Promise<R>): Promise<R>;
}

interface Gathering {
  readonly made: Made[];
  outcome: Outcome | Promise<Outcome>;
  /** The first that could not be asked at all. */
  refused?: Refusal;
}

/**
 * What is on its way to the server. Writes stay until they have an answer: when the connection is lost they are sent again, in order and
 * under the same ids, and the server applies each once and gives the answer it gave then. Messages are sent once.
 */
export class Writes {
  readonly #link: Link;
  readonly #own: OwnWrites | undefined;
  #waiting: Pending[] = [];
  /** What was done, or is being done another way, and is not in the rows yet. */
  #unseen: Pending[] = [];
  #messages: string[] = [];
  #open = false;
  #gathering: Gathering | undefined;

  constructor(link: Link, own?: (link: Link, writes: Writes) => OwnWrites) {
    this.#link = link;
    this.#own = own?.(link, this);
  }

  /** What is done about what the server says of writes. */
  readonly heard: Pick<Heard, 'result' | 'seen'> = {
    result: ({ type: _, id, client, ...said }) => {
      for (const each of this.#waiting) if (each.is(id, client)) return this.answer(each, said);
    },
    seen: ({ id, client, position }) => {
      for (const each of this.#unseen) if (each.is(id, client)) this.settle(each, position);
    },
  };

  /** Those without an answer. */
  get waiting(): readonly Pending[] {
    return this.#waiting;
  }

  /** Those that show, or may. */
  get shown(): readonly Pending[] {
    return [...this.#unseen, ...this.#waiting];
  }

  keyOf(stream: string, pk: Key): Key {
    return this.#own?.keyOf(stream, pk) ?? pk;
  }

  /** @param made one that is refused here already is refused with all that it was to be done with */
  async write(made: Made | Refusal): Promise<Outcome> {
    const gathering = this.#gathering;
    if (!gathering) return 'ok' in made ? made : (this.#own?.gathered(made) ?? this.#ask({ type: 'write', ...made.body }, [made]));
    const at = gathering.made.length;
    if ('ok' in made) gathering.refused ??= { ...made, at };
    else gathering.made.push(made);
    await null; // until all of it is there
    const outcome = await gathering.outcome;
    return 'pks' in outcome ? { ok: true, pk: outcome.pks[at] ?? null } : outcome;
  }

  batch(work: () => void): Promise<Outcome> {
    return this.#gather(work, async ({ made, refused }) => {
      if (refused) return refused;
      return made.length > 0 ? this.#ask({ type: 'batch', writes: made.map(({ body }) => body) }, made) : { ok: true, pks: [] };
    });
  }

  /** @param optimistic its writes are never sent: they show what the command is going to do. One that cannot be shown is not. */
  call(stream: string, input: unknown, optimistic: () => void = () => undefined): Promise<Outcome> {
    return this.#gather(optimistic, ({ made }) => this.#ask({ type: 'call', stream, input: toWire(input) ?? null }, made));
  }

  async follow<R>(made: Made, run: (receipt: string) => Promise<R>): Promise<R> {
    return this.#own ? this.#own.follow(made, run) : run(`${this.#link.name}.${this.#link.id()}`);
  }

  send(stream: string, payload: unknown): void {
    const text = JSON.stringify({ type: 'message', stream, payload: toWire(payload) ?? null });
    const complaint = this.#link.tooLarge(text) ?? (!this.#open && this.#messages.length >= MAX && TOO_MANY);
    if (complaint) return this.#link.events.emit('error', { ...complaint, stream });
    if (this.#open) this.#link.send(text);
    else this.#messages.push(text);
  }

  /** What another page left: before anything of this one's. */
  adopt(pendings: readonly Pending[]): void {
    this.#waiting.unshift(...pendings);
    this.pump();
  }

  /** Is shown, and not asked: its receipt says where it is. */
  watch(pending: Pending): void {
    this.#unseen.push(pending);
  }

  forget(pending: Pending): void {
    this.#unseen = this.#unseen.filter((each) => each !== pending);
  }

  answer(pending: Pending, { position, ...outcome }: Outcome & { readonly position?: Position }): void {
    this.#waiting = this.#waiting.filter((each) => each !== pending);
    pending.position = position ?? null;
    if (outcome.ok) {
      pending.outcome = outcome;
      this.#unseen.push(pending);
      this.#own?.answered(pending);
      this.#own?.settled(pending);
      // Where a position came, what it did comes next.
      if (position === undefined) pending.resolve(outcome);
    } else {
      // It goes at once, whatever rests on it: that is answered next.
      this.#refuse(pending, outcome);
      this.#own?.answered(pending);
    }
    this.pump();
  }

  /** The log has it there. */
  settle(pending: Pending, position: Position): void {
    pending.position = position;
    this.#own?.settled(pending);
  }

  /** The rows are those of there: who waits for one of these sees it now. */
  reached(reached: Position): void {
    this.#unseen = this.#unseen.filter(({ position, outcome, resolve }) => {
      if (position === null || position > reached) return true;
      if (outcome) resolve(outcome);
      return false;
    });
  }

  /** @param then when views may be asked for */
  opened(then: () => void): void {
    this.#open = true;
    for (const text of this.#messages.splice(0)) this.#link.send(text);
    this.pump();
    if (this.#own) this.#own.known(then);
    else then();
  }

  lost(): void {
    this.#open = false;
    for (const each of this.#waiting) {
      each.again ||= each.sent;
      each.sent = false;
    }
    this.#own?.changed();
    // It will not be said any more where it is. It was committed: the rows that come next have it.
    for (const each of this.#unseen) {
      if (!each.outcome) continue;
      if (each.position === null) this.settle(each, '');
      each.resolve(each.outcome);
    }
  }

  /** Positions count from somewhere else. */
  restart(): void {
    for (const each of this.#unseen) if (each.position !== null) this.settle(each, '');
  }

  /** There will be no connection any more, or it will be another user's. */
  end(): void {
    this.#messages = [];
    for (const each of this.#unseen.splice(0)) {
      this.settle(each, '');
      if (each.outcome) each.resolve(each.outcome);
    }
    for (const each of this.#waiting.splice(0)) {
      each.held?.cancel();
      this.#refuse(each, CLOSED);
    }
    this.#own?.changed();
  }

  /** Sends what may be sent, in order: what is held back is waited for by those behind it. */
  pump(): void {
    for (const pending of this.#open ? this.#waiting : []) {
      if (pending.sent) continue;
      if (this.#own?.holds(pending)) break;
      pending.sent = true;
      this.#own?.sent(pending);
      this.#link.send(pending.text);
    }
    this.#own?.changed();
  }

  /** What `work` writes is gathered, and asked as one. */
  #gather(work: () => void, ask: (gathering: Gathering) => Promise<Outcome>): Promise<Outcome> {
    const outer = this.#gathering;
    const gathering: Gathering = { made: [], outcome: refusal('invalid', 'not sent: its batch threw') };
    this.#gathering = gathering;
    try {
      work();
    } finally {
      this.#gathering = outer;
    }
    return (gathering.outcome = ask(gathering));
  }

  async #ask(says: Says, made: readonly Made[]): Promise<Outcome> {
    const { status } = this.#link;
    if (status === 'failed' || status === 'closed') return refusal('closed', `not sent: the client is ${status}`);
    if (this.#waiting.length >= MAX) return { ok: false, ...TOO_MANY };
    const pending = new Pending(this.#link.id(), says);
    const complaint = this.#link.tooLarge(pending.text);
    if (complaint) return { ok: false, ...complaint };
    this.#waiting.push(pending);
    this.#own?.asked(pending, made);
    this.pump();
    return pending.done;
  }

  #refuse(pending: Pending, answer: Refusal): void {
    pending.outcome = answer;
    this.#own?.settled(pending);
    this.#link.events.emit('refused', { write: pending.public, answer });
    pending.resolve(answer);
  }
}
