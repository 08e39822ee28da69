import type { StreamInfo } from '../protocol/index.ts';
import {
  verdictOf,
  type ColumnGroup,
  type Delivery,
  type FieldKind,
  type GroupMessage,
  type Position,
  type Stream,
  type TableColumn,
} from '../core/index.ts';
import { encoded, type Consumer } from './consumer.ts';
import { HeldOne, type Held } from './held.ts';
import type { Outbox } from './outbox.ts';
import type { Item } from './tick.ts';
import { groupsOf } from './window.ts';

/** A stream with its params: what a frame is about. Numbered once for everybody, so that a frame is the same bytes for all. */
export interface View {
  readonly number: number;
  readonly stream: Stream;
  /** The one group of its params; null: whatever groups a connection holds. */
  readonly group: string | null;
  /** That group, for all who hold the view. */
  readonly held: Held | null;
}

type Box = Outbox<unknown>;

/** Somebody's place in a view. */
export interface Seat {
  readonly view: View;
  readonly box: Box;
  /** What is noted while one change is judged. */
  judged: number;
  saw: boolean;
  sees: boolean;
}

/** Who of one endpoint is to hear what: connections by group for messages, and seats by stream and group for rows. */
export class Audience {
  readonly #groups = new Map<string, Members<Box>>();
  readonly #streams = new Map<string, StreamSeats>();
  readonly #consumers: ReadonlyMap<string, Consumer>;
  #numbers = 0;
  #judgement = 0;

  constructor(streams: readonly Stream[], consumers: ReadonlyMap<string, Consumer>) {
    this.#consumers = consumers;
    for (const stream of streams)
      this.#streams.set(stream.name, new StreamSeats({ number: ++this.#numbers, stream, group: null, held: null }));
  }

  /** The view by a connection's own groups. */
  base(stream: string): View | undefined {
    return this.#streams.get(stream)?.base;
  }

  streams(): Iterable<string> {
    return this.#streams.keys();
  }

  /** The view of one group. It is numbered anew when nobody has it any more. */
  view(stream: Stream, group: ColumnGroup): View {
    const views = (this.#streams.get(stream.name) as StreamSeats).views;
    let view = views.get(group.key);
    if (!view) views.set(group.key, (view = new GroupView(++this.#numbers, stream, group)));
    view.holders++;
    return view;
  }

  release({ stream, group }: View): void {
    if (group === null) return;
    const views = (this.#streams.get(stream.name) as StreamSeats).views;
    const view = views.get(group);
    if (view && --view.holders === 0) views.delete(group);
  }

  /** From here on the seat gets what concerns these groups; for the view of one group that is the one. */
  sit(seat: Seat, groups: Iterable<string>): void {
    const seats = this.#streams.get(seat.view.stream.name) as StreamSeats;
    if (seat.view.group !== null) return void seats.views.get(seat.view.group)?.seats.add(seat, seat.box);
    for (const group of groups) {
      let members = seats.groups.get(group);
      if (!members) seats.groups.set(group, (members = new Members()));
      members.add(seat, seat.box);
    }
  }

  rise(seat: Seat, groups: Iterable<string>): void {
    const seats = this.#streams.get(seat.view.stream.name) as StreamSeats;
    if (seat.view.group !== null) return void seats.views.get(seat.view.group)?.seats.remove(seat);
    for (const group of groups) if (seats.groups.get(group)?.remove(seat) === 0) seats.groups.delete(group);
  }

  /** Whoever has a seat in one of the groups. */
  seated(stream: string, groups: Iterable<string>): ReadonlySet<Box> {
    const seats = this.#streams.get(stream);
    const boxes = new Set<Box>();
    for (const group of groups) {
      for (const { box } of seats?.groups.get(group)?.list ?? NO_SEATS) boxes.add(box);
      for (const { box } of seats?.views.get(group)?.seats.list ?? NO_SEATS) boxes.add(box);
    }
    return boxes;
  }

  join(group: string, box: Box): void {
    let members = this.#groups.get(group);
    if (!members) this.#groups.set(group, (members = new Members()));
    members.add(box, box);
  }

  leave(group: string, box: Box): void {
    if (this.#groups.get(group)?.remove(box) === 0) this.#groups.delete(group);
  }

  members(group: string): readonly Box[] {
    return this.#groups.get(group)?.list ?? NOBODY;
  }

  /** A message to whoever is in its group, where its stream is offered at all. @throws when the app's `encode` does. */
  hear({ group, stream, payload }: GroupMessage, except: Box | undefined): void {
    const members = this.members(group);
    const consumer = stream === null ? undefined : this.#consumers.get(stream);
    if (members.length === 0 || (stream !== null && !consumer && !this.#streams.has(stream))) return;
    const item: Item = { position: null, frame: { type: 'message', stream, payload: consumer ? encoded(consumer, payload) : payload } };
    for (const box of members) if (box !== except) box.push(item);
  }

  /** Gives each seat in the groups before and after what its verdict says. Costs nothing for anybody else. */
  deliver(position: Position, delivery: Delivery): void {
    const seats = this.#streams.get(delivery.stream);
    if (!seats) return;
    const before = delivery.before ?? NO_GROUPS;
    const after = delivery.after ?? NO_GROUPS;
    if (seats.views.size > 0) deliverToViews(seats, position, delivery);
    if (seats.groups.size === 0) return;
    if (before.length === 1 && after.length === 1 && before[0] === after[0]) {
      const members = seats.groups.get(before[0] as string);
      if (members) toAll(members.boxes(boxOf), itemOf(position, seats.base, { action: 'update', delivery }));
    } else {
      this.#judge(seats, position, delivery);
    }
  }

  /** A seat may hold several of the groups: it is judged once, by all it holds. */
  #judge({ groups, base }: StreamSeats, position: Position, delivery: Delivery): void {
    const serial = ++this.#judgement;
    const judged: Seat[] = [];
    const note = (group: string, side: 'saw' | 'sees'): void => {
      for (const seat of groups.get(group)?.list ?? NO_SEATS) {
        if (seat.judged !== serial) {
          seat.judged = serial;
          seat.saw = seat.sees = false;
          judged.push(seat);
        }
        seat[side] = true;
      }
    };
    for (const group of delivery.before ?? NO_GROUPS) note(group, 'saw');
    for (const group of delivery.after ?? NO_GROUPS) note(group, 'sees');
    const items: { create?: Item; update?: Item; delete?: Item } = {};
    for (const seat of judged) {
      const action = verdictOf(seat.saw, seat.sees);
      if (action) seat.box.push((items[action] ??= itemOf(position, base, { action, delivery })));
    }
  }
}

/** The seats of one stream. */
class StreamSeats {
  readonly base: View;
  /** Of the view by a connection's own groups, by group. */
  readonly groups = new Map<string, Members<Seat>>();
  /** Of the views of one group. */
  readonly views = new Map<string, GroupView>();

  constructor(base: View) {
    this.base = base;
  }
}

/** The view of one group, and who has it. */
class GroupView implements View {
  readonly number: number;
  readonly stream: Stream;
  readonly group: string;
  readonly held: Held;
  readonly seats: Members<Seat> = new Members();
  /** Those who are loading among them. */
  holders = 0;

  constructor(number: number, stream: Stream, group: ColumnGroup) {
    this.number = number;
    this.stream = stream;
    this.group = group.key;
    this.held = new HeldOne(group);
  }
}

function deliverToViews({ views }: StreamSeats, position: Position, delivery: Delivery): void {
  for (const group of groupsOf(delivery)) {
    const view = views.get(group);
    if (!view || view.seats.list.length === 0) continue;
    const action = verdictOf(delivery.before?.includes(group) ?? false, delivery.after?.includes(group) ?? false);
    if (action) toAll(view.seats.boxes(boxOf), itemOf(position, view, { action, delivery }));
  }
}

const boxOf = ({ box }: Seat): Box => box;

function toAll(boxes: readonly Box[], item: Item): void {
  for (const box of boxes) box.push(item);
}

const NOBODY: readonly Box[] = [];
const NO_SEATS: readonly Seat[] = [];
const NO_GROUPS: readonly string[] = [];

interface Told {
  readonly action: 'create' | 'update' | 'delete';
  readonly delivery: Delivery;
}

function itemOf(position: Position, view: View, { action, delivery }: Told): Item {
  return { position, change: { view, action, delivery } };
}

/** Of so many, each is looked for; of more, its place is known. */
const FEW = 8;

/**
 * A dense list with the place of each: joining and leaving cost the same whatever its size. Most groups have few members, and a list made of its
 * first member has room for no more: one that is filled later has room for seventeen.
 */
class Members<T> {
  list: T[] = [];
  /** The connection of each, in the same place; null: nobody has told all of them anything yet. */
  #boxes: Box[] | null = null;
  #places: Map<T, number> | null = null;

  add(member: T, box: Box): void {
    const { list } = this;
    if (this.#placeOf(member) >= 0) return;
    if (list.length === 0) {
      this.list = [member];
      this.#boxes = this.#places = null;
      return;
    }
    if (list.length === FEW) this.#places ??= new Map(list.map((each, place) => [each, place]));
    this.#places?.set(member, list.length);
    list.push(member);
    this.#boxes?.push(box);
  }

  /** Gives how many are left. */
  remove(member: T): number {
    const { list } = this;
    const place = this.#placeOf(member);
    if (place < 0) return list.length;
    const [last, box] = [list.pop() as T, this.#boxes?.pop()];
    this.#places?.delete(member);
    if (last !== member) {
      list[place] = last;
      if (this.#boxes) this.#boxes[place] = box as Box;
      this.#places?.set(last, place);
    }
    return list.length;
  }

  /** Who tells all of them looks at nothing else. */
  boxes(boxOf: (member: T) => Box): readonly Box[] {
    return (this.#boxes ??= this.list.map(boxOf));
  }

  #placeOf(member: T): number {
    return this.#places ? (this.#places.get(member) ?? -1) : this.list.indexOf(member);
  }
}

/** What `welcome` says of a stream. */
export function infoOf({ number, stream }: View): StreamInfo {
  const { binding, table } = stream;
  return {
    view: number,
    key: table.key.map((place) => nameAndKind(table.columns[place] as TableColumn)),
    fields: Object.fromEntries(table.columns.filter(({ name }) => binding.fields.includes(name)).map(nameAndKind)),
    writable: binding.options.hasPermission ? binding.writable : [],
  };
}

const nameAndKind = ({ name, kind }: TableColumn): readonly [name: string, kind: FieldKind] => [name, kind];
