import { numberOf, ORIGIN, positionOf, type Position } from '../../src/core/index.ts';
import type { ClientFrame, CommitFrame, ResetReason, ServerFrame, WireChange } from '../../src/protocol/index.ts';
import type { User } from './app.ts';
import { difference, type Asked, type Expected, type History } from './history.ts';

/** A law is broken, and how. */
export class Broken extends Error {}

/** What the tap asks about everything else. */
export interface Witness {
  readonly history: History;
  /** What could be seen, moment by moment. */
  readonly shown: History;
  /** Where the log ends. */
  tail(): Position;
  /** Null: something happened that is reason enough; otherwise why not. */
  unexplained(reset: { readonly reason: ResetReason; readonly asked: Asked; readonly user: User; readonly from: Position }): string | null;
  /** Whether the commit at this position carries the receipt of this write of this client. */
  carries(position: Position, write: number): boolean;
  /** Whether the user's access was taken back after one position and before another. */
  revokedBetween(user: string, from: Position, to: Position): boolean;
  count(what: string): void;
}

interface Question {
  readonly asked: Asked;
  readonly at: Position | null;
  /** Whether the viewer might have it when they asked. */
  readonly isAllowed: boolean;
}

interface View {
  readonly asked: Asked;
  state: 'loading' | 'ready' | 'left';
  /** Null: the client is asked to go on from `rows` and nothing has reset it. */
  reading: boolean;
  rows: Map<string, string>;
  position: Position;
}

/**
 * Everything on one connection, judged as it was written: a client of the page that describes the wire, which shares nothing with the one that
 * is shipped. After every frame each view that is ready has exactly the rows of the table as of its position, and nothing was sent that the
 * viewer may not see at that position.
 */
export class Wiretap {
  readonly #user: User;
  readonly #witness: Witness;
  readonly #asked = new Map<number, Question>();
  readonly #views = new Map<number, View>();
  readonly #results = new Set<number>();
  readonly #unseen = new Set<number>();
  #position: Position = ORIGIN;
  #began: Position = ORIGIN;
  #parts: WireChange[] = [];

  constructor(user: User, witness: Witness) {
    this.#user = user;
    this.#witness = witness;
  }

  /** What the client says. */
  sent(frame: ClientFrame): void {
    switch (frame.type) {
      case 'subscribe': {
        const params = frame.params && Object.keys(frame.params).length > 0 ? (frame.params as Record<string, number>) : null;
        const asked: Asked = { stream: frame.stream as Asked['stream'], params };
        const isAllowed = this.#witness.history.view(this.#user, asked, this.#witness.tail()) !== null;
        this.#asked.set(frame.id, { asked, at: frame.at ?? null, isAllowed });
        return;
      }
      case 'unsubscribe': {
        const view = this.#views.get(frame.view);
        if (view) view.state = 'left';
        return;
      }
      case 'hello':
      case 'write':
      case 'batch':
      case 'call':
      case 'message':
      case 'at':
      case 'refresh':
        return;
    }
  }

  /** What the server says. @throws {Broken} */
  heard(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#position = this.#began = frame.position;
        return;
      case 'subscribed':
        return this.#subscribed(frame.id, frame.view);
      case 'rows': {
        const view = this.#known(frame.view, 'rows');
        if (view.state === 'left') return;
        if (view.state === 'ready' || !view.reading) throw new Broken(`rows for view ${frame.view}, which nothing has reset`);
        for (const [pk, data] of frame.rows) {
          const [key, text] = [JSON.stringify(pk), JSON.stringify(data)];
          if (view.rows.has(key)) throw new Broken(`the row ${key} comes twice among the first rows of view ${frame.view}`);
          if (!this.#ever(view, key, text))
            throw new Broken(`among the rows of view ${frame.view} is ${text}, which this viewer could never see`);
          view.rows.set(key, text);
        }
        if (frame.count !== view.rows.size)
          throw new Broken(`view ${frame.view} has ${view.rows.size} rows, and the frame counts ${frame.count}`);
        return;
      }
      case 'commit':
        this.#parts.push(...frame.changes);
        if (frame.more) return;
        return this.#commit({ ...frame, changes: this.#parts.splice(0) });
      case 'ready': {
        const view = this.#known(frame.view, 'ready');
        if (view.state === 'left') return;
        if (view.state === 'ready') throw new Broken(`view ${frame.view} is ready twice`);
        this.#witness.count(view.reading ? 'ready by rows' : 'ready by resuming');
        view.state = 'ready';
        view.position = frame.position;
        this.#fence(frame.position);
        return this.#judge(frame.view, view);
      }
      case 'reset':
        for (const number of frame.views) this.#reset(number, frame.reason);
        return;
      case 'dropped': {
        const view = this.#known(frame.view, 'dropped');
        if (view.state === 'left') return;
        view.state = 'left';
        this.#witness.count('dropped');
        if (this.#mayNever(view.asked, frame.position)) return;
        throw new Broken(`view ${frame.view} was taken away at ${frame.position}, and the viewer may have it`);
      }
      case 'result': {
        if (this.#results.has(frame.id)) throw new Broken(`write ${frame.id} has two answers on one connection`);
        this.#results.add(frame.id);
        if (!frame.ok) return;
        if (frame.position === undefined) return void this.#unseen.add(frame.id);
        return this.#answered(frame.id, frame.position);
      }
      case 'seen':
        if (!this.#unseen.delete(frame.id)) throw new Broken(`write ${frame.id} is seen and was not answered without a position before`);
        return this.#answered(frame.id, frame.position);
      case 'error': {
        const asked = frame.id === undefined ? undefined : this.#asked.get(frame.id);
        if (!asked) return;
        this.#asked.delete(frame.id as number);
        this.#witness.count(`refused ${frame.code}`);
        if (frame.code !== 'forbidden' || (asked.isAllowed && !this.#mayNever(asked.asked, this.#witness.tail()))) {
          throw new Broken(`${JSON.stringify(asked.asked)} was refused (${frame.code}), and this viewer may have it`);
        }
        return;
      }
      case 'ping':
        if (frame.position !== undefined) this.#move(frame.position);
        return;
      case 'expiring':
      case 'refreshed':
      case 'going':
      case 'message':
        return;
    }
  }

  #subscribed(id: number, number: number): void {
    const asked = this.#asked.get(id);
    if (!asked) throw new Broken(`subscribed ${id}, which was never asked`);
    this.#asked.delete(id);
    const base = asked.at === null ? null : this.#witness.history.view(this.#user, asked.asked, asked.at);
    this.#views.set(number, {
      asked: asked.asked,
      state: 'loading',
      reading: asked.at === null,
      rows: new Map(base ?? []),
      position: asked.at ?? ORIGIN,
    });
  }

  #reset(number: number, reason: ResetReason): void {
    const view = this.#known(number, 'reset');
    if (view.state === 'left') return;
    this.#witness.count(`reset ${reason}`);
    const why = this.#witness.unexplained({ reason, asked: view.asked, user: this.#user, from: view.position });
    if (why !== null) throw new Broken(`view ${number} (${JSON.stringify(view.asked)}) is reset: ${reason}, and ${why}`);
    view.state = 'loading';
    view.reading = true;
    view.rows = new Map();
    this.#parts = this.#parts.filter(([of]) => of !== number);
  }

  #commit({ position, changes, merged }: CommitFrame): void {
    const moved = new Set<string>();
    const ready = [...this.#views].filter(([, { state }]) => state === 'ready');
    const forReady = changes.some(([number]) => this.#views.get(number)?.state === 'ready');
    if (forReady && position <= this.#position) throw new Broken(`a commit at ${position} after everything up to ${this.#position}`);
    // Nothing between was left out: what the views have is the table just before.
    if (!merged && forReady) {
      const before = positionOf(numberOf(position) - 1n);
      for (const [number, view] of ready) if (before > view.position) this.#judge(number, { ...view, position: before });
    }
    if (merged) this.#witness.count(forReady ? 'caught up' : 'merged commit');
    this.#fence(position);
    for (const [number, action, pk, data] of changes) {
      const view = this.#known(number, 'commit');
      const key = JSON.stringify(pk);
      if (moved.has(`${number} ${key}`)) throw new Broken(`the row ${key} changes twice in the commit at ${position}`);
      moved.add(`${number} ${key}`);
      const expected = this.#witness.history.view(this.#user, view.asked, position);
      const text = data === undefined ? undefined : JSON.stringify(data);
      if (text !== expected?.get(key)) {
        throw new Broken(
          `the commit at ${position} tells view ${number} ${action} ${key} ${text ?? ''}, and there it is ${expected?.get(key) ?? 'nothing'}`,
        );
      }
      if (view.state === 'left') continue;
      const had = view.rows.has(key);
      const verb = text === undefined ? 'delete' : had ? 'update' : 'create';
      if (action !== verb || (verb === 'delete' && !had)) {
        throw new Broken(`the commit at ${position} tells view ${number} ${action} of ${key}, and it is a ${verb}`);
      }
      if (text === undefined) view.rows.delete(key);
      else view.rows.set(key, text);
    }
    if (position > this.#position) this.#move(position);
  }

  #move(position: Position): void {
    if (position < this.#position) throw new Broken(`back to ${position}, after ${this.#position}`);
    this.#position = position;
    for (const [number, view] of this.#views) {
      if (view.state !== 'ready' || position < view.position) continue;
      view.position = position;
      this.#judge(number, view);
    }
  }

  #judge(number: number, { asked, rows, position }: View): void {
    const expected = this.#witness.history.view(this.#user, asked, position);
    if (!expected) throw new Broken(`view ${number} (${JSON.stringify(asked)}) is held at ${position}, and the viewer may not have it`);
    const wrong = difference(rows, expected);
    if (wrong) throw new Broken(`view ${number} (${JSON.stringify(asked)}) at ${position} ${wrong}`);
  }

  #answered(write: number, position: Position): void {
    if (position <= this.#position)
      throw new Broken(`the answer to write ${write} names ${position}, which has been passed: ${this.#position}`);
    if (!this.#witness.carries(position, write))
      throw new Broken(`the answer to write ${write} names ${position}, which has no receipt of it`);
  }

  /** Nothing that came after access was taken back goes to a connection of before. */
  #fence(position: Position): void {
    if (!this.#witness.revokedBetween(this.#user.id, this.#began, position)) return;
    throw new Broken(`something of ${position} is sent, and access was taken back between ${this.#began} and there`);
  }

  #known(number: number, what: string): View {
    const view = this.#views.get(number);
    if (!view) throw new Broken(`${what} for view ${number}, which is not subscribed`);
    return view;
  }

  /** Could this viewer ever see such a row? What is read is what could be seen, which is not the order of the log. */
  #ever({ asked }: View, key: string, text: string): boolean {
    const { shown } = this.#witness;
    const seen = (expected: Expected | null): boolean => expected?.get(key) === text;
    for (const { position } of shown.since(ORIGIN, shown.position)) if (seen(shown.view(this.#user, asked, position))) return true;
    return false;
  }

  /** There is a moment around here when this may not be had. */
  #mayNever(asked: Asked, until: Position): boolean {
    const { history } = this.#witness;
    if (!history.view(this.#user, asked, this.#position)) return true;
    for (const { position } of history.since(this.#position, until)) if (!history.view(this.#user, asked, position)) return true;
    return false;
  }
}
