import type { Position } from '../../protocol/index.ts';
import type { Clock, Log } from '../../core/index.ts';
import type { Counts } from '../operations/counts.ts';
import type { Outbox } from './outbox.ts';
import type { ChangeItem, PlainFrame, RowsItem, Wire } from './wire.ts';

/** A change, in the commit of its position. */
export interface Told {
  readonly position: Position;
  readonly change: ChangeItem;
}

/** Something on its way to a client, shared by everyone it is on its way to. `past`: commits of before, for one who was away. */
export type Item =
  | Told
  | { readonly position: null; readonly frame: PlainFrame }
  | { readonly position: null; readonly page: RowsItem }
  | { readonly position: null; readonly past: readonly Told[] };

export interface TickParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly counts: Counts;
  position(): Position;
  behind(outbox: Outbox<unknown>): void;
  /** There is something to flush. */
  waits(tick: { flush(most?: number): boolean }): void;
}

/** Sessions that get the same, above which they are a crowd: whoever is told by itself goes before them. */
const CROWD = 200;
/** Bytes on their way to one session, about, and things to all, after which they are written, whatever else is at hand. */
const LONG = 131_072;
const MANY = 262_144;
/** Bytes of a frame beside a row's fields, about. */
const AROUND = 100;

/**
 * What is written to many sessions in one turn, made once where it is the same. A session's place in the tick is a path: the items it gets,
 * in order. Sessions that get the same items walk the same path and meet at the same node, and a node's bytes are made once: so equal
 * verdicts share bytes, whatever groups led to them, and many frames to one socket are one write.
 */
export class Tick<B> {
  readonly #wire: Wire<B>;
  #root: Node<B> = new Node<B>(null, null);
  #touched: Outbox<B>[] = [];
  #singles = new Map<Item, B | null>();
  #pushed = 0;
  #longest = 0;
  /** Of rows, and of what was missed: written at many moments, for as long as somebody may come for it. */
  readonly #lasting = new WeakMap<Item, { readonly bytes: B | null }>();

  readonly #parts: TickParts;

  constructor(wire: Wire<B>, parts: TickParts) {
    this.#wire = wire;
    this.#parts = parts;
  }

  get counts(): Counts {
    return this.#parts.counts;
  }

  now(): number {
    return this.#parts.clock.now();
  }

  /** Everything up to there is in what was pushed. */
  get position(): Position {
    return this.#parts.position();
  }

  /** A connection does not keep up. */
  behind(outbox: Outbox<B>): void {
    this.#parts.behind(outbox as Outbox<unknown>);
  }

  /** A wire or a transport of the app's own: whoever it fails for comes back, nobody else notices. */
  failed(error: unknown): void {
    this.#parts.log.error({ err: error, wire: this.#wire.name }, 'a door failed; its connection is closed');
  }

  push(outbox: Outbox<B>, item: Item): void {
    const at = outbox.node;
    this.#pushed++;
    if (at !== null && at.came === 1) at.add(item);
    else {
      if (at === null) {
        if (this.#touched.length === 0) this.#parts.waits(this);
        this.#touched.push(outbox);
      }
      const node = (at ?? this.#root).next(item);
      node.came++;
      outbox.node = node;
    }
    const { length } = outbox.node as Node<B>;
    if (length > this.#longest) this.#longest = length;
  }

  /** So much is on its way that it is to be written before more is. */
  get isFull(): boolean {
    return this.#longest > LONG || this.#pushed > MANY;
  }

  /**
   * Writes what is on its way, to about so many sessions: those first who share it with few, and of a crowd half as many at least. What is
   * pushed meanwhile for one that waits goes in the same write, so each gets everything in order. @returns whether others wait.
   */
  flush(most: number = Infinity): boolean {
    const waiting = this.#touched.length > most ? this.#turns(most) : [];
    const touched = this.#touched;
    this.#touched = waiting;
    this.#root = new Node<B>(null, null);
    this.#parts.counts.frames += this.#pushed;
    this.#pushed = this.#longest = 0;
    for (const outbox of touched) this.write(outbox);
    this.#singles = new Map();
    return waiting.length > 0;
  }

  /** What is on its way to this one. */
  write(outbox: Outbox<B>): void {
    const { node } = outbox;
    if (node === null) return; // it was written by itself
    outbox.node = null;
    try {
      let { bytes, size } = node;
      if (bytes === undefined) {
        bytes = this.#make(node.items());
        size = bytes === null ? 0 : this.#wire.sizeOf(bytes);
        // What is one session's alone is let go of as soon as it is written.
        if (node.came > 1) {
          node.bytes = bytes;
          node.size = size;
        }
      }
      if (bytes !== null) outbox.write(bytes, size);
    } catch (error) {
      this.failed(error);
      outbox.end('overloaded', 'come back');
    }
  }

  /** Leaves those to be written now. @returns the others, in their order. */
  #turns(most: number): Outbox<B>[] {
    const now: Outbox<B>[] = [];
    const crowd: Outbox<B>[] = [];
    const later: Outbox<B>[] = [];
    for (const outbox of this.#touched) {
      if (outbox.node === null) continue;
      if (outbox.node.came > CROWD) crowd.push(outbox);
      else if (now.length < most) now.push(outbox);
      else later.push(outbox);
    }
    const room = Math.max(most - now.length, Math.floor(most / 2));
    this.#touched = [...now, ...crowd.slice(0, room)];
    return [...later, ...crowd.slice(room)];
  }

  #make(items: readonly Item[]): B | null {
    if (items.length === 1) return this.#single(items[0] as Item);
    const parts: B[] = [];
    for (let from = 0; from < items.length;) {
      const first = items[from] as Item;
      let to = from + 1;
      if (first.position !== null) while (items[to]?.position === first.position) to++;
      const bytes = to - from === 1 ? this.#single(first) : this.#commit(items.slice(from, to) as readonly Told[]);
      if (bytes !== null) parts.push(bytes);
      from = to;
    }
    if (parts.length < 2) return parts[0] ?? null;
    return this.#wire.join(parts);
  }

  #single(item: Item): B | null {
    if ('page' in item || 'past' in item) return this.#lasts(item);
    let bytes = this.#singles.get(item);
    if (bytes === undefined) {
      bytes = item.position === null ? this.#wire.frame(item.frame) : this.#commit([item]);
      this.#singles.set(item, bytes);
    }
    return bytes;
  }

  #lasts(item: Extract<Item, { page: RowsItem } | { past: readonly Told[] }>): B | null {
    let made = this.#lasting.get(item);
    if (!made) this.#lasting.set(item, (made = { bytes: 'page' in item ? this.#wire.rows(item.page) : this.#past(item.past) }));
    return made.bytes;
  }

  #past(past: readonly Told[]): B {
    const parts: B[] = [];
    for (let from = 0; from < past.length;) {
      let to = from + 1;
      while (past[to]?.position === past[from]?.position) to++;
      parts.push(this.#commit(past.slice(from, to)));
      from = to;
    }
    return parts.length === 1 ? (parts[0] as B) : this.#wire.join(parts);
  }

  #commit(items: readonly Told[]): B {
    return this.#wire.commit(
      (items[0] as Told).position,
      items.map(({ change }) => change),
    );
  }
}

/**
 * A place in a tick: the items on the way to it from the root. Each item is given to all who get it before the next one is. So where only one
 * came nobody follows, and what that one gets further is kept in a list: no two sessions in the same groups would otherwise be a place for each
 * item of each.
 */
export class Node<B> {
  readonly #parent: Node<B> | null;
  readonly #item: Item | null;
  #more: Item[] | null = null;
  /** How many there are from the root. */
  readonly #depth: number;
  /** Bytes of the rows on the way, about. */
  length: number;
  /** Sessions that ever got here. */
  came = 0;
  bytes: B | null | undefined;
  size = 0;
  /** The way most sessions went last: in a broadcast all of them. */
  #last: Node<B> | null = null;
  #others: Map<Item, Node<B>> | null = null;

  constructor(parent: Node<B> | null, item: Item | null) {
    this.#parent = parent;
    this.#item = item;
    this.#depth = parent === null ? 0 : parent.#depth + 1;
    this.length = parent === null || item === null ? 0 : parent.length + lengthOf(item);
  }

  /** The last of the items. */
  get item(): Item | null {
    return this.#more === null ? this.#item : (this.#more.at(-1) as Item);
  }

  items(): Item[] {
    const items = new Array<Item>(this.#depth);
    let [item, parent] = [this.#item, this.#parent];
    for (let place = this.#depth - 1; place >= 0; place--) {
      items[place] = item as Item;
      [item, parent] = [(parent as Node<B>).#item, (parent as Node<B>).#parent];
    }
    if (this.#more !== null) for (const item of this.#more) items.push(item);
    return items;
  }

  /** One more, for the only one who came. */
  add(item: Item): void {
    (this.#more ??= []).push(item);
    this.length += lengthOf(item);
  }

  next(item: Item): Node<B> {
    const last = this.#last;
    if (last !== null && last.#item === item && last.#more === null) return last;
    let node = this.#others?.get(item);
    if (node === undefined || node.#more !== null) {
      node = new Node<B>(this, item);
      if (last !== null) (this.#others ??= new Map([[last.#item as Item, last]])).set(item, node);
      else this.#others?.set(item, node);
    }
    this.#last = node;
    return node;
  }
}

const lengthOf = (item: Item): number => AROUND + (item.position === null ? 0 : item.change.delivery.fields.length);
