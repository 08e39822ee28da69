import {
  groupValue,
  pause,
  shows,
  type Clock,
  type ColumnGroup,
  type Entry,
  type Grant,
  type Log,
  type Members,
  type Membership,
  type Position,
  type Rows,
  type Stream,
} from '../../core/index.ts';
import { groupOf } from '../bindings/params.ts';
import type { Window } from '../window/window.ts';

export interface MembershipsParts {
  readonly members: readonly Members[];
  readonly rows: Rows;
  readonly window: Window;
  readonly clock: Clock;
  readonly log: Log;
  reach(position: Position, signal: AbortSignal): Promise<void>;
}

/** Whoever wants to know when what a user belongs to has changed. */
export interface Belonging {
  changed(membership: string): void;
}

/** What a user belongs to is known for a while longer than they are connected, so that coming back asks the database nothing. */
const LINGER_MS = 60_000;
const LINGERING = 10_000;
/** Between two readings that came to nothing, ms. */
const AGAIN_MS = 100;
/** … and after one that failed. */
const RETRY_MS = 1_000;

interface Known {
  /** By membership and the row's key. A membership that is not there is being read. */
  readonly grants: Map<string, Map<string, Grant>>;
  readonly users: Set<Belonging>;
  loading: Promise<void>;
  /** Every membership is there. */
  ready: boolean;
  left: number;
}

/** What the users who are connected belong to, as rows of join tables say: read once, then followed by the log. */
export class Memberships {
  readonly #parts: MembershipsParts;
  readonly #known = new Map<string, Known>();
  readonly #stop = new AbortController();

  constructor(parts: MembershipsParts) {
    this.#parts = parts;
  }

  /** Resolves when it is known what the user belongs to. */
  async enter(user: string, who: Belonging): Promise<void> {
    if (this.#parts.members.length === 0) return;
    let known = this.#known.get(user);
    if (!known) {
      known = this.#begin(user, new Set());
      known.loading = this.#load(user, known).catch((error: unknown) => {
        if (this.#known.get(user) === known) this.#known.delete(user);
        throw error;
      });
    }
    known.users.add(who);
    await known.loading;
  }

  /** Resolves when what the user belongs to is known, if it is not just now. */
  async known(user: string | null): Promise<void> {
    for (
      let known = user === null ? undefined : this.#known.get(user);
      known && !known.ready && !this.#stop.signal.aborted;
      known = this.#known.get(user as string)
    ) {
      await known.loading;
    }
  }

  leave(user: string, who: Belonging): void {
    const known = this.#known.get(user);
    if (!known?.users.delete(who) || known.users.size > 0) return;
    known.left = this.#parts.clock.now();
    // Last in the map is who left last.
    this.#known.delete(user);
    this.#known.set(user, known);
    this.sweep();
  }

  /** Forgets those who left long ago, or are too many. */
  sweep(): void {
    const now = this.#parts.clock.now();
    let many = this.#known.size - LINGERING;
    for (const [user, { users, left }] of this.#known) {
      if (users.size > 0) continue;
      if (many-- <= 0 && now - left < LINGER_MS) break;
      this.#known.delete(user);
    }
  }

  close(): void {
    this.#stop.abort();
  }

  /** Before the entry's rows are told to anybody: who lost something must not get them. */
  pass({ members, resets }: Entry): void {
    const concerned = new Map<Known, Set<string>>();
    for (const { membership, user, key, after } of members) {
      const known = this.#known.get(user);
      const grants = known?.grants.get(membership);
      if (!known || !grants) continue; // what is still being read ends with what the window has
      apply(grants, { key, after });
      if (!known.ready) continue;
      const names = concerned.get(known);
      if (names) names.add(membership);
      else concerned.set(known, new Set([membership]));
    }
    // The log cannot tell who belongs to what any more: those who are here are asked for again, and told then.
    if (resets.some(({ reason }) => reason === 'membership')) return this.#readAgain();
    for (const [{ users }, names] of concerned) for (const who of [...users]) for (const name of names) who.changed(name);
  }

  /** Whatever is known may be wrong by now. */
  missed(): void {
    this.#known.clear();
  }

  /** What the user holds of this stream's rows by membership. Nothing before {@link enter} has resolved. */
  groups(user: string | null, stream: Stream, membership: Membership): ReadonlyMap<string, ColumnGroup> {
    return this.#held(user, stream, { membership, roles: null });
  }

  /** … and those where it is in one of the roles. */
  held(
    user: string | null,
    stream: Stream,
    role: { readonly membership: Membership; readonly roles: readonly string[] },
  ): ReadonlySet<string> {
    return new Set(this.#held(user, stream, role).keys());
  }

  #held(user: string | null, stream: Stream, { membership, roles }: Asked): ReadonlyMap<string, ColumnGroup> {
    const held = new Map<string, ColumnGroup>();
    const known = user === null ? undefined : this.#known.get(user);
    if (!known?.ready) return held;
    const columns = stream.binding.groupBy ?? [];
    for (const { match, role } of known.grants.get(membership.name)?.values() ?? []) {
      if (roles && !(role !== null && roles.includes(role))) continue;
      const group = groupOf(stream, Object.fromEntries(columns.map((column, at) => [column, match[at] ?? null])));
      if (group) held.set(group.name, group.group);
    }
    return held;
  }

  async #load(user: string, known: Known): Promise<void> {
    const { members, rows, reach, window, clock } = this.#parts;
    const { signal } = this.#stop;
    for (const each of members) {
      for (;;) {
        const { pages, snapshot } = await rows.read(each.table, userIs(each, user), { signal });
        const grants = new Map<string, Grant>();
        for await (const page of pages) {
          for (const image of page.rows) {
            const granted = each.granted(image);
            if (granted?.user === user) grants.set(granted.key, granted.grant);
          }
        }
        await reach(snapshot.until, signal);
        const start = window.startOf(snapshot);
        // The window does not go back to it, or the rows are older than what the log could not tell: once more, after a while.
        if (start === null || window.membersLost(start, snapshot)) {
          await pause(clock, AGAIN_MS, signal);
          continue;
        }
        known.grants.set(each.membership.name, grants); // from here on what changes is applied, while others are still read
        for (const { entry, change } of window.membersSince(start, each.membership.name, user)) {
          if (!shows(snapshot, entry)) apply(grants, change);
        }
        break;
      }
    }
    known.ready = true;
  }

  #readAgain(): void {
    for (const [user, { users }] of [...this.#known]) {
      if (users.size === 0) this.#known.delete(user);
      else {
        // Nothing of what was known before opens anything while it is read.
        const known = this.#begin(user, users);
        known.loading = this.#loadAtLast(user, known);
      }
    }
  }

  #begin(user: string, users: Set<Belonging>): Known {
    const known: Known = { grants: new Map(), users, loading: Promise.resolve(), ready: false, left: 0 };
    this.#known.set(user, known);
    return known;
  }

  /** However long the database is away: until then the user holds nothing. */
  async #loadAtLast(user: string, known: Known): Promise<void> {
    const { clock, log, members } = this.#parts;
    for (;;) {
      try {
        await this.#load(user, known);
        break;
      } catch (error) {
        if (this.#stop.signal.aborted || this.#known.get(user) !== known) return;
        log.error({ err: error, retryMs: RETRY_MS }, 'what a user belongs to could not be read: they hold nothing meanwhile; trying again');
        await pause(clock, RETRY_MS, this.#stop.signal);
      }
    }
    if (this.#known.get(user) !== known) return; // it is read yet again
    for (const who of [...known.users]) for (const { membership } of members) who.changed(membership.name);
  }
}

interface Asked {
  readonly membership: Membership;
  readonly roles: readonly string[] | null;
}

function apply(grants: Map<string, Grant>, { key, after }: { readonly key: string; readonly after: Grant | null }): void {
  if (after) grants.set(key, after);
  else grants.delete(key);
}

/** A user's id is compared as text; the column may be a number. */
export function userIs({ membership, table }: Members, user: string): Parameters<Rows['read']>[1] {
  const place = table.columns.findIndex(({ name }) => name === membership.user);
  const shape = table.columns[place]?.shape;
  const value = shape === 'number' ? Number(user) : shape === 'bigint' && /^-?\d+$/.test(user) ? BigInt(user) : user;
  return { by: 'values', places: [place], tuples: groupValue(value) === user ? [[value]] : [] };
}
