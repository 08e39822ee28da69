import {
  Shelf,
  shows,
  showsAll,
  sizeOf,
  type Clock,
  type Delivery,
  type Entry,
  type LedgerBounds,
  type MemberChange,
  type Position,
  type ResetReason,
  type Revocation,
  type Snapshot,
} from '../../core/index.ts';
import { Away } from './away.ts';
import { Gone } from './gone.ts';

/** One entry that has passed, and what is true of the log up to it. */
interface Kept {
  readonly entry: Entry;
  readonly bytes: number;
  /** When it came, in whole ms: a number with a fraction is an object of its own, and these are many. */
  readonly at: number;
  /** The highest transaction id up to here; null: none had one. */
  readonly highest: bigint | null;
}

/** A delivery, and where it stood. */
export interface Passed {
  /** Rises by one with each delivery. */
  readonly number: number;
  readonly entry: Entry;
  readonly delivery: Delivery;
}

/** What the app left for a client. */
export interface Left {
  readonly entry: Entry;
  readonly write: number;
}

/** Its viewers had to read again. */
interface Reread {
  readonly entry: Entry;
  readonly reason: ResetReason;
}

interface Member {
  readonly entry: Entry;
  readonly change: MemberChange;
}

/**
 * The entries that this gateway has passed on, for as long as its bounds allow: what a client that comes back, a connection that was behind
 * and a view whose rows have just been read go on from. Looked up by stream and group, so that the cost is that of what is found.
 */
export class Window {
  readonly #bounds: LedgerBounds;
  readonly #clock: Clock;
  readonly #kept = new Shelf<Kept>();
  readonly #deliveries = new Map<string, Map<string, Shelf<Passed>>>();
  readonly #members = new Map<string, Shelf<Member>>();
  readonly #resets = new Map<string, Shelf<Reread>>();
  readonly #revoked = new Map<string, Position>();
  readonly #left = new Map<string, Shelf<Left>>();
  #floor: Position = '';
  #tail: Position = '';
  #floorReason: ResetReason = 'retention';
  #highest: bigint | null = null;
  readonly #gone = new Gone();
  readonly away: Away = new Away();
  /** Up to there, entries are missing that never came. */
  #cut: Position = '';
  /** Each transaction among them is older than this one; null: none are missing, or transactions do not tell here. */
  #sealed: bigint | null = null;
  #isOpen = false;
  #bytes = 0;
  #number = 0;

  constructor(bounds: LedgerBounds, clock: Clock) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  /** Empty, at this place. `reason`: why what was before it is not there. */
  begin(at: Position, reason: ResetReason): void {
    this.#floor = this.#tail = at;
    this.#floorReason = reason;
  }

  get floor(): Position {
    return this.#floor;
  }

  get tail(): Position {
    return this.#tail;
  }

  /** How much there is; `age` is of the oldest, ms. */
  get depth(): { readonly entries: number; readonly bytes: number; readonly age: number } {
    const first = oldestOf(this.#kept);
    return { entries: this.#kept.size, bytes: this.#bytes, age: first ? Math.max(0, this.#clock.now() - first.at) : 0 };
  }

  /** Null: whoever has everything up to this position can go on from here. */
  refuses(position: Position): ResetReason | null {
    if (position > this.#tail) return 'timeline';
    return position < this.#floor ? this.#floorReason : null;
  }

  push(entry: Entry): void {
    const bytes = sizeOf(entry);
    const xid = entry.xid === null ? null : BigInt(entry.xid);
    if (xid !== null && (this.#highest === null || xid > this.#highest)) this.#highest = xid;
    this.#kept.push({ entry, bytes, at: Math.floor(this.#clock.now()), highest: this.#highest });
    this.#bytes += bytes;
    this.#tail = entry.position;
    for (const delivery of entry.deliveries) this.#index(entry, delivery);
    for (const change of entry.members) shelfOf(this.#members, memberKey(change.membership, change.user)).push({ entry, change });
    for (const { stream, reason } of entry.resets) shelfOf(this.#resets, stream).push({ entry, reason });
    for (const { client, write, answer, revokes } of entry.receipts) {
      if (revokes) this.#revoked.set(revocationKey(revokes), entry.position);
      else if (!answer) shelfOf(this.#left, client).push({ entry, write });
    }
    this.trim();
  }

  /** Lets go of what is over the bounds. */
  trim(): void {
    const { entries, bytes, age } = this.#bounds;
    const oldest = this.#clock.now() - age;
    for (let first = oldestOf(this.#kept); first; first = oldestOf(this.#kept)) {
      if (this.#kept.size <= entries && this.#bytes <= bytes && first.at >= oldest) return;
      this.#drop(first);
    }
  }

  /** Nothing may be gone on from that is before here: there is a gap. */
  cut(at: Position, reason: ResetReason): void {
    for (let first = oldestOf(this.#kept); first; first = oldestOf(this.#kept)) this.#drop(first);
    this.#floor = this.#tail = this.#cut = at;
    this.#floorReason = reason;
    this.#isOpen = true;
  }

  /** Whether it is not known yet what all that is missing is older than. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What is missing was begun before this transaction. Until then nobody knows which rows have it. */
  seal(xid: string | null): void {
    this.#isOpen = false;
    this.#sealed = xid === null ? null : BigInt(xid);
  }

  /** What happened to rows of the stream in any of these groups after the position, in order. */
  since(after: Position, stream: string, groups: Iterable<string>): readonly Passed[] {
    const byGroup = this.#deliveries.get(stream);
    if (!byGroup) return [];
    const found: (readonly Passed[])[] = [];
    for (const group of groups) {
      const tail = tailOf(byGroup.get(group), after);
      if (tail.length > 0) found.push(tail);
    }
    if (found.length < 2) return found[0] ?? [];
    const all = found.flat().sort((one, other) => one.number - other.number);
    return all.filter((passed, at) => passed !== all[at - 1]);
  }

  membersSince(after: Position, membership: string, user: string): readonly Member[] {
    return tailOf(this.#members.get(memberKey(membership, user)), after);
  }

  /** Why the stream's viewers had to read again after this position; null: they did not. */
  resetSince(after: Position, stream: string, seen: Snapshot | null = null): ResetReason | null {
    if (this.away.lost(stream, after, seen)) return 'bindings';
    const since = tailOf(this.#resets.get(stream), after);
    // Not the last one alone: rows may have in them what stands later in the log, and not what stands before it.
    return since.findLast(({ entry }) => !(seen && hasIn(seen, entry)))?.reason ?? null;
  }

  /** Whether rows that were read in this snapshot do not say who belongs to what: the log could not tell since. */
  membersLost(after: Position, seen: Snapshot): boolean {
    if (this.away.membersLost(after, seen)) return true;
    const isLost = ({ entry, reason }: Reread): boolean => reason === 'membership' && !hasIn(seen, entry);
    return [...this.#resets.values()].some((resets) => tailOf(resets, after).some(isLost));
  }

  revokedSince(after: Position, whose: Revocation): boolean {
    return (this.#revoked.get(revocationKey(whose)) ?? '') > after;
  }

  /** The last receipts that the app left under this name, in order. */
  leftFor(client: string): readonly Left[] {
    const left = this.#left.get(client);
    return left?.slice(Math.max(left.first, left.end - LEFT)) ?? [];
  }

  /** From where on commits may not be in this snapshot; null: the window does not go back that far. */
  startOf(snapshot: Snapshot): Position | null {
    if (!this.#reaches(snapshot) || !this.#gone.shownIn(snapshot)) return null;
    const unseen = this.#kept.after(({ entry, highest }) => showsAll(snapshot, { position: entry.position, highest }));
    return this.#kept.at(unseen - 1)?.entry.position ?? this.#floor;
  }

  /** Whether rows read in this snapshot have everything that is missing here. */
  #reaches(snapshot: Snapshot): boolean {
    if (this.#isOpen) return false;
    if (snapshot.by === 'position') return this.#floor <= snapshot.until;
    return this.#cut <= snapshot.until && (this.#sealed === null || this.#sealed <= snapshot.xmin);
  }

  #index(entry: Entry, delivery: Delivery): void {
    let byGroup = this.#deliveries.get(delivery.stream);
    if (!byGroup) this.#deliveries.set(delivery.stream, (byGroup = new Map()));
    const passed = { number: ++this.#number, entry, delivery };
    for (const group of groupsOf(delivery)) shelfOf(byGroup, group).push(passed);
  }

  #drop({ entry, bytes }: Kept): void {
    this.#kept.shift();
    this.#bytes -= bytes;
    this.#floor = entry.position;
    this.#floorReason = 'retention';
    if (entry.xid !== null) this.#gone.add(BigInt(entry.xid));
    else this.#cut = entry.position; // of what no transaction did, only the place is known
    for (const delivery of entry.deliveries) {
      const byGroup = this.#deliveries.get(delivery.stream) as Map<string, Shelf<Passed>>;
      for (const group of groupsOf(delivery)) shift(byGroup, group);
    }
    for (const { membership, user } of entry.members) shift(this.#members, memberKey(membership, user));
    for (const { stream } of entry.resets) shift(this.#resets, stream);
    for (const { client, answer, revokes } of entry.receipts) {
      if (!revokes && !answer) shift(this.#left, client);
      if (revokes && this.#revoked.get(revocationKey(revokes)) === entry.position) this.#revoked.delete(revocationKey(revokes));
    }
  }
}

/** A gap in the log is no transaction: what was before it can be seen by whoever reads after it, as a source promises. */
function hasIn(seen: Snapshot, { position, xid }: Entry): boolean {
  return xid === null ? position <= seen.until : shows(seen, { position, xid });
}

/** So many requests of a client's own may have been under way when its connection was lost. */
const LEFT = 100;

const NO_GROUPS: readonly string[] = [];

/** Each once. */
export function groupsOf({ before, after }: Delivery): Iterable<string> {
  const had = before ?? NO_GROUPS;
  const has = after ?? NO_GROUPS;
  if (had.length === 0) return has;
  if (has.length === 0 || (had.length === 1 && has.length === 1 && had[0] === has[0])) return had;
  return new Set([...had, ...has]);
}

const memberKey = (membership: string, user: string): string => `${membership}\n${user}`;
const revocationKey = (revoked: Revocation): string => ('user' in revoked ? `user\n${revoked.user}` : `session\n${revoked.session}`);

const oldestOf = (kept: Shelf<Kept>): Kept | undefined => kept.at(kept.first);

function tailOf<T extends { readonly entry: Entry }>(shelf: Shelf<T> | undefined, after: Position): readonly T[] {
  return shelf?.slice(shelf.after(({ entry }) => entry.position <= after)) ?? [];
}

function shelfOf<T>(shelves: Map<string, Shelf<T>>, key: string): Shelf<T> {
  let shelf = shelves.get(key);
  if (!shelf) shelves.set(key, (shelf = new Shelf()));
  return shelf;
}

function shift<T>(shelves: Map<string, Shelf<T>>, key: string): void {
  const shelf = shelves.get(key);
  shelf?.shift();
  if (shelf?.size === 0) shelves.delete(key);
}
