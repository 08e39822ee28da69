import { positionOf, type Clock, type Floor, type Log } from '../../core/index.ts';
import { Confirming, type ConfirmAfter } from './confirming.ts';
import { Following } from './following.ts';
import { lsnOf } from './lsn.ts';
import { recall } from './remembered.ts';
import type { ReplicationConnection } from './replication.ts';
import { Retention } from './retention.ts';
import { claimSlot, copySlot, makeOwnSlot, readSlot, type ClaimedSlot, type SlotName } from './slot.ts';
import type { Sessions, Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

export interface SeatParts {
  readonly sessions: Sessions;
  readonly tables: readonly PgTable[];
  /** The one slot that is kept over restarts; null: there is none, since nothing limits what the server would keep for it. */
  readonly permanent: string | null;
  /** What the names of slots that go with their connection begin with. */
  readonly temporary: string;
  readonly publication: string;
  readonly confirmAfter: ConfirmAfter;
  readonly setup: 'auto' | 'check';
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the reading of process `pid` by the permanent slot, where this one alone may read by it. False: it may not, or cannot. */
  readonly evict?: ((pid: string) => Promise<boolean>) | undefined;
}

/** What a process reads by, and what it knows of it. */
export interface Seat {
  readonly slot: SlotName;
  readonly following: Following;
  readonly confirming: Confirming;
  readonly retention: Retention;
  /** Where the slot begins, as of the last connection. */
  readonly floor: Floor;
  /** Whether what was said at this place of the log to who reads by that slot is said to this one. */
  hears(slot: string, at: bigint): boolean;
}

/** A slot that dies with its connection is of no use to anybody later. */
const AT_ONCE: ConfirmAfter = { ms: 0, bytes: 16 * 1024 * 1024 };

/**
 * Which slot a process reads by. One slot is kept over restarts, and one process at a time reads by it: the first to come. Any other reads by one
 * that goes with its connection and begins where the kept one stands: so it knows, too, what was told a while ago.
 */
export class Seats {
  readonly #parts: SeatParts;
  readonly #history: string;
  #seat: Seat | null = null;
  /** Readers that this one goes on from, and up to where what was said to them is said to it. */
  readonly #heirOf: Map<string, bigint> = new Map();
  /** Nobody read by the permanent slot when it was looked at last. */
  #deserted = false;

  constructor(parts: SeatParts, history: string) {
    this.#parts = parts;
    this.#history = history;
  }

  get current(): Seat | null {
    return this.#seat;
  }

  /** Gets up: whoever sits down there next knows more than what is known here. */
  leave(): void {
    this.#seat = null;
    this.#heirOf.clear();
  }

  /** @param anew the log could not be read from where it was: why */
  async take(connection: ReplicationConnection, anew = false): Promise<Seat> {
    this.#deserted = false;
    const { permanent } = this.#parts;
    for (;;) {
      const slot = permanent === null ? null : { name: permanent, temporary: false };
      const claimed = slot && (await claimSlot(slot, this.#claimParts(connection)));
      if (slot && claimed) return this.#sit(anew, slot, claimed, () => this.#permanentSeat(slot));
      const own = { name: `${this.#parts.temporary}_${this.#id()}`, temporary: true };
      const copied = permanent === null ? null : await copySlot(permanent, own.name, this.#claimParts(connection));
      // It may have been let go of, or dropped, since.
      if (!copied && permanent !== null && !(await this.#isRead(permanent))) continue;
      if (copied && permanent !== null) await this.#inherit(permanent);
      const made = copied ?? (await makeOwnSlot(own.name, this.#claimParts(connection)));
      return this.#sit(anew, own, made, () => this.#ownSeat(own));
    }
  }

  /** Whether the permanent slot has been deserted for two looks, and is there to be read by: this process then goes over to it. */
  async isFree(connect: () => Promise<ReplicationConnection>): Promise<boolean> {
    const { permanent, sessions } = this.#parts;
    const seat = this.#seat;
    if (permanent === null || !seat?.slot.temporary) return false;
    const found = await readSlot(sessions, permanent);
    if (!found || found.walStatus === 'lost') {
      // Made while this one reads on by another: nothing is missed between the two.
      const connection = await connect();
      await claimSlot({ name: permanent, temporary: false }, this.#claimParts(connection)).finally(() => connection.close());
      return false;
    }
    const was = this.#deserted;
    this.#deserted = found.activePid === null;
    return was && this.#deserted && found.confirmed <= seat.confirming.passed;
  }

  async #isRead(name: string): Promise<boolean> {
    const found = await readSlot(this.#parts.sessions, name);
    return found !== null && found.activePid !== null;
  }

  /** What was said up to now to who reads by that slot is in what this one reads. */
  async #inherit(slot: string): Promise<void> {
    const [row] = await this.#parts.sessions.query('SELECT pg_current_wal_insert_lsn()');
    this.#heirOf.set(slot, lsnOf(row?.[0] ?? '0/0'));
  }

  async #permanentSeat(slot: SlotName): Promise<Knowledge> {
    const seat = this.#seat;
    if (seat && !seat.slot.temporary) return { ...seat, known: seat.confirming.confirmed };
    const { followed, confirmed } = await recall(this.#parts.sessions, slot.name);
    // Another history counts otherwise: nothing that was written down about that one says anything here.
    const same = followed === null || followed.history === this.#history;
    const following = new Following({ ...this.#parts, slot }, this.#history, followed);
    if (seat) {
      await this.#inherit(seat.slot.name);
      return { following, confirming: seat.confirming.to(slot, await this.#lateness(slot)), known: null };
    }
    const confirming = await this.#confirming(slot, same ? confirmed : null);
    return { following, confirming, known: same && confirmed !== null ? confirming.confirmed : null };
  }

  async #ownSeat(slot: SlotName): Promise<Knowledge> {
    const seat = this.#seat;
    if (seat) {
      await this.#inherit(seat.slot.name);
      const { following, confirming } = seat;
      return { following: following.to(slot), confirming: confirming.to(slot, AT_ONCE), known: confirming.confirmed };
    }
    const { permanent } = this.#parts;
    const { followed } = permanent === null ? { followed: null } : await recall(this.#parts.sessions, permanent);
    const following = new Following({ ...this.#parts, slot }, this.#history, followed);
    return { following, confirming: await this.#confirming(slot, null), known: null };
  }

  async #sit(anew: boolean, slot: SlotName, claimed: ClaimedSlot, know: () => Promise<Knowledge>): Promise<Seat> {
    const { following, confirming, known } = await know();
    await following.look();
    if (anew) await following.anew('publication_changed');
    // Another slot than before begins where it begins, and only a new one is without what came before it.
    const isOther = this.#seat?.slot.name !== slot.name;
    const floor = await following.begin(claimed, isOther && this.#seat && !claimed.made ? null : known);
    await confirming.begin(claimed.confirmed);
    const heirOf = this.#heirOf;
    const retention = this.#seat && !isOther ? this.#seat.retention : new Retention(slot.name, this.#parts.log);
    const hears = (name: string, at: bigint): boolean => name === slot.name || at <= (heirOf.get(name) ?? -1n);
    return (this.#seat = { slot, following, confirming, retention, floor, hears });
  }

  async #confirming(slot: SlotName, confirmed: ConstructorParameters<typeof Confirming>[1]): Promise<Confirming> {
    return new Confirming({ ...this.#parts, sql: this.#parts.sessions, slot, after: await this.#lateness(slot) }, confirmed);
  }

  /** A server that keeps less than we let wait would cut the slot off: a quarter of it is ours. */
  async #lateness({ temporary }: SlotName): Promise<ConfirmAfter> {
    if (temporary) return AT_ONCE;
    const { sessions, confirmAfter } = this.#parts;
    const [row] = await sessions.query(`SELECT pg_size_bytes(current_setting('max_slot_wal_keep_size'))`);
    const kept = Number(row?.[0]);
    return kept < 0 ? confirmAfter : { ...confirmAfter, bytes: Math.min(confirmAfter.bytes, kept / 4) };
  }

  #claimParts(connection: ReplicationConnection): Parameters<typeof claimSlot>[1] {
    const { sessions, clock, log, evict } = this.#parts;
    return { connection, sql: sessions as Sql, clock, log, evict };
  }

  #id(): string {
    return this.#parts.clock.id().toLowerCase().replaceAll('-', '_');
  }
}

interface Knowledge {
  readonly following: Following;
  readonly confirming: Confirming;
  /** How far the server was told that it need not keep it; null: nothing is known of that. */
  readonly known: bigint | null;
}

/** Where reading by the permanent slot would begin, for who does not read by it. Null: nobody has read by it yet. */
export async function floorOf(sessions: Sessions, permanent: string | null, history: string): Promise<Floor | null> {
  if (permanent === null) return null;
  const found = await readSlot(sessions, permanent);
  if (!found) return null;
  const { followed } = await recall(sessions, permanent);
  if (!followed) return null;
  const position = positionOf(found.confirmed);
  if (followed.history !== history || followed.floor <= position) return { position, reason: 'retention' };
  return { position: followed.floor, reason: followed.reason };
}
