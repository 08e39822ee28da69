import type { StreamInfo } from '../protocol/index.ts';
import { verdictOf, type Delivery, type GroupMessage, type Position, type Stream } from '../core/index.ts';
import { encoded, type Consumer } from './consumer.ts';
import type { Outbox } from './outbox.ts';
import type { Item } from './tick.ts';

/** A stream with its params: what a frame is about. Numbered once for everybody, so that a frame is the same bytes for all. */
export interface View {
  readonly number: number;
  readonly stream: Stream;
  /** The one group of its params; null: whatever groups a connection holds. */
  readonly group: string | null;
}

type Box = Outbox<unknown>;

/** Who of one endpoint is to hear what: connections by group, and subscribers by view. */
export class Audience {
  readonly #base = new Map<string, View>();
  readonly #groups = new Map<string, Members>();
  readonly #views = new Map<string, { readonly view: View; readonly members: Members }>();
  readonly #consumers: ReadonlyMap<string, Consumer>;
  #numbers = 0;
  #judgement = 0;

  constructor(streams: readonly Stream[], consumers: ReadonlyMap<string, Consumer>) {
    this.#consumers = consumers;
    for (const stream of streams) this.#base.set(stream.name, { number: ++this.#numbers, stream, group: null });
  }

  base(stream: string): View | undefined {
    return this.#base.get(stream);
  }

  streams(): Iterable<string> {
    return this.#base.keys();
  }

  join(group: string, box: Box): void {
    let members = this.#groups.get(group);
    if (!members) this.#groups.set(group, (members = new Members()));
    members.add(box);
  }

  leave(group: string, box: Box): void {
    if (this.#groups.get(group)?.remove(box) === 0) this.#groups.delete(group);
  }

  members(group: string): readonly Box[] {
    return this.#groups.get(group)?.list ?? NOBODY;
  }

  /** Numbers the view when it is new. */
  subscribe(stream: Stream, group: string, box: Box): View {
    const key = viewKey(stream.name, group);
    let seat = this.#views.get(key);
    if (!seat) this.#views.set(key, (seat = { view: { number: ++this.#numbers, stream, group }, members: new Members() }));
    seat.members.add(box);
    return seat.view;
  }

  unsubscribe(view: View, box: Box): void {
    const key = viewKey(view.stream.name, view.group ?? '');
    if (this.#views.get(key)?.members.remove(box) === 0) this.#views.delete(key);
  }

  /** Everybody with a view of the stream, by view. */
  *viewers(stream: string): Iterable<{ readonly view: View; readonly boxes: readonly Box[] }> {
    const base = this.#base.get(stream);
    if (base) yield { view: base, boxes: [...new Set([...this.#groups.values()].flatMap(({ list }) => list))] };
    for (const { view, members } of this.#views.values()) {
      if (view.stream.name === stream) yield { view, boxes: members.list };
    }
  }

  /** A message to whoever is in its group, where its stream is offered at all. @throws when the app's `encode` does. */
  hear({ group, stream, payload }: GroupMessage, except: Box | undefined): void {
    const members = this.members(group);
    const consumer = stream === null ? undefined : this.#consumers.get(stream);
    if (members.length === 0 || (stream !== null && !consumer && !this.#base.has(stream))) return;
    const item: Item = { position: null, frame: { type: 'message', stream, payload: consumer ? encoded(consumer, payload) : payload } };
    for (const box of members) if (box !== except) box.push(item);
  }

  /** Gives each member of the groups before and after what its verdict says. Costs nothing for anybody else. */
  deliver(position: Position, delivery: Delivery): void {
    const base = this.#base.get(delivery.stream);
    if (!base) return;
    const before = delivery.before ?? NO_GROUPS;
    const after = delivery.after ?? NO_GROUPS;
    if (this.#views.size > 0) this.#deliverToViews(position, delivery);
    if (before.length === 1 && after.length === 1 && before[0] === after[0]) {
      const item = itemOf(position, base, 'update', delivery);
      for (const box of this.members(before[0] as string)) box.push(item);
    } else {
      this.#judge(base, { position, delivery, before, after });
    }
  }

  #deliverToViews(position: Position, delivery: Delivery): void {
    const before = delivery.before ?? NO_GROUPS;
    const after = delivery.after ?? NO_GROUPS;
    for (const group of before.length === 0 ? after : after.length === 0 ? before : new Set([...before, ...after])) {
      const seat = this.#views.get(viewKey(delivery.stream, group));
      if (!seat) continue;
      const action = verdictOf(before.includes(group), after.includes(group));
      if (!action) continue;
      const item = itemOf(position, seat.view, action, delivery);
      for (const box of seat.members.list) box.push(item);
    }
  }

  /** A connection may hold several of the groups: it is judged once, by all it holds. */
  #judge(view: View, { position, delivery, before, after }: Judged): void {
    const serial = ++this.#judgement;
    const judged: Box[] = [];
    const note = (group: string, side: 'saw' | 'sees'): void => {
      for (const box of this.members(group)) {
        if (box.judged !== serial) {
          box.judged = serial;
          box.saw = box.sees = false;
          judged.push(box);
        }
        box[side] = true;
      }
    };
    for (const group of before) note(group, 'saw');
    for (const group of after) note(group, 'sees');
    const items: { create?: Item; update?: Item; delete?: Item } = {};
    for (const box of judged) {
      const action = verdictOf(box.saw, box.sees);
      if (action) box.push((items[action] ??= itemOf(position, view, action, delivery)));
    }
  }
}

interface Judged {
  readonly position: Position;
  readonly delivery: Delivery;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

const NOBODY: readonly Box[] = [];
const NO_GROUPS: readonly string[] = [];

const viewKey = (stream: string, group: string): string => `${stream}\n${group}`;

function itemOf(position: Position, view: View, action: 'create' | 'update' | 'delete', delivery: Delivery): Item {
  return { position, change: { view, action, delivery } };
}

/** A dense list with the place of each: joining and leaving cost the same whatever its size. */
class Members {
  readonly list: Box[] = [];
  readonly #places = new Map<Box, number>();

  add(box: Box): void {
    if (this.#places.has(box)) return;
    this.#places.set(box, this.list.length);
    this.list.push(box);
  }

  /** Gives how many are left. */
  remove(box: Box): number {
    const place = this.#places.get(box);
    if (place === undefined) return this.list.length;
    const last = this.list.pop() as Box;
    this.#places.delete(box);
    if (last !== box) {
      this.list[place] = last;
      this.#places.set(last, place);
    }
    return this.list.length;
  }
}

/** What `welcome` says of a stream. */
export function infoOf({ number, stream }: View): StreamInfo {
  const { binding, table } = stream;
  return {
    view: number,
    key: table.model.key,
    fields: Object.fromEntries(table.columns.filter(({ name }) => binding.fields.includes(name)).map(({ name, kind }) => [name, kind])),
    writable: binding.options.hasPermission ? binding.writable : [],
  };
}
