import type { StreamInfo } from '../../protocol/index.ts';
import {
  verdictOf,
  type ColumnGroup,
  type Delivery,
  type FieldKind,
  type GroupMessage,
  type Position,
  type Stream,
  type TableColumn,
} from '../../core/index.ts';
import { encoded, type Consumer } from './consumer.ts';
import { HeldOne, type Held } from './held.ts';
import { boxesOf, listOf, without, withOne, type Some } from './members.ts';
import type { Outbox } from './outbox.ts';
import type { Item } from './tick.ts';
import { groupsOf } from '../window/window.ts';

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
  readonly #groups = new Map<string, Some<Box>>();
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
    const { stream, group } = seat.view;
    const seats = this.#streams.get(stream.name) as StreamSeats;
    const view = group === null ? undefined : seats.views.get(group);
    if (view) view.seats = withOne(view.seats, seat);
    if (group === null) for (const each of groups) enter(seats.groups, each, seat);
  }

  rise(seat: Seat, groups: Iterable<string>): void {
    const { stream, group } = seat.view;
    const seats = this.#streams.get(stream.name) as StreamSeats;
    const view = group === null ? undefined : seats.views.get(group);
    if (view) view.seats = without(view.seats, seat);
    if (group === null) for (const each of groups) leave(seats.groups, each, seat);
  }

  /** Whoever has a seat in one of the groups. */
  seated(stream: string, groups: Iterable<string>): ReadonlySet<Box> {
    const seats = this.#streams.get(stream);
    const boxes = new Set<Box>();
    for (const group of groups) {
      for (const { box } of listOf(seats?.groups.get(group))) boxes.add(box);
      for (const { box } of listOf(seats?.views.get(group)?.seats)) boxes.add(box);
    }
    return boxes;
  }

  join(group: string, box: Box): void {
    enter(this.#groups, group, box);
  }

  leave(group: string, box: Box): void {
    leave(this.#groups, group, box);
  }

  members(group: string): readonly Box[] {
    return listOf(this.#groups.get(group));
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
      if (members) toAll(boxesOf(members), itemOf(position, seats.base, { action: 'update', delivery }));
    } else {
      this.#judge(seats, position, delivery);
    }
  }

  /** A seat may hold several of the groups: it is judged once, by all it holds. */
  #judge({ groups, base }: StreamSeats, position: Position, delivery: Delivery): void {
    const serial = ++this.#judgement;
    const judged: Seat[] = [];
    const note = (group: string, side: 'saw' | 'sees'): void => {
      for (const seat of listOf(groups.get(group))) {
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
  readonly groups = new Map<string, Some<Seat>>();
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
  seats: Some<Seat> | undefined;
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
    if (!view?.seats) continue;
    const action = verdictOf(delivery.before?.includes(group) ?? false, delivery.after?.includes(group) ?? false);
    if (action) toAll(boxesOf(view.seats), itemOf(position, view, { action, delivery }));
  }
}

function enter<T extends object>(groups: Map<string, Some<T>>, group: string, member: T): void {
  const there = groups.get(group);
  const now = withOne(there, member);
  if (now !== there) groups.set(group, now);
}

function leave<T extends object>(groups: Map<string, Some<T>>, group: string, member: T): void {
  const there = groups.get(group);
  if (there && !without(there, member)) groups.delete(group);
}

function toAll(boxes: readonly Box[], item: Item): void {
  for (const box of boxes) box.push(item);
}

const NO_GROUPS: readonly string[] = [];

interface Told {
  readonly action: 'create' | 'update' | 'delete';
  readonly delivery: Delivery;
}

function itemOf(position: Position, view: View, { action, delivery }: Told): Item {
  return { position, change: { view, action, delivery } };
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
