import {
  ORIGIN,
  RowcastError,
  type Bus,
  type Clock,
  type Entry,
  type Floor,
  type GroupMessage,
  type Json,
  type Ledger,
  type LedgerBounds,
  type Log,
  type Position,
  type Receipt,
  type ResetReason,
  type Revocation,
} from '../../core/index.ts';
import type { Audience } from './audience.ts';
import { Awaited, type Awaiting } from '../window/awaited.ts';
import { bulky, type BulkBounds } from '../window/bulk.ts';
import { CatchUps } from './catch-up.ts';
import type { Elsewhere } from '../window/elsewhere.ts';
import { floorOf, following } from './following.ts';
import { Observed } from '../operations/observed.ts';
import type { Outbox } from './outbox.ts';
import { Outgoing } from './outgoing.ts';
import { Receipts } from './receipts.ts';
import { Slow } from './slow.ts';
import type { Item } from './tick.ts';
import type { Traces } from '../operations/traces.ts';
import { Window } from '../window/window.ts';

export interface GatewayParts {
  readonly ledger: Ledger;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly window: LedgerBounds;
  readonly bulk: BulkBounds;
  /** Null: nobody follows what became of a write. */
  readonly traces?: Traces | null;
}

/** What a gateway does with a session, beyond its bytes. */
export interface Member {
  /** The rows of this stream have to be read again; `groups`: only where the view is live and has one of them. */
  reset(stream: string, reason: ResetReason, groups: ReadonlySet<string> | null): void;
  /** It did not keep up a moment ago. Gives whether it still does not. */
  look(now: number): boolean;
  revoked(by: Revocation): void;
  /** Whether it views one of these streams, or loads it. */
  views(streams: ReadonlySet<string>): boolean;
  goElsewhere(retryMs: number): void;
  /** What happened meanwhile is not known, whose access was taken back among it. */
  missed(): void;
}

interface Seated {
  readonly box: Outbox<unknown>;
  readonly member: Member;
  readonly audience: Audience;
}

/** Who is before everybody else to hear of an entry, or that there are some that nobody will hear of. */
export interface First {
  pass(entry: Entry): void;
  missed(): void;
}

/** Who is sent elsewhere comes back after so many ms, each a little later than the one before. */
const AWAY_FIRST = 100;
const AWAY_EACH = 2;
/** … and who comes for what is not here after a time between this and that. */
const AWAY_SPREAD = 2_000;
const AWAY_STEP = 617;

/** Ledger → groups → sessions. Follows the log for as long as it lives; what it does for a commit depends on that commit's groups alone. */
export class Gateway {
  readonly receipts: Receipts;
  readonly window: Window;
  readonly catchUps: CatchUps;
  readonly observed: Observed;
  readonly outgoing: Outgoing;
  readonly slow: Slow;
  readonly #parts: GatewayParts;
  readonly #audiences = new Set<Audience>();
  readonly #awaited = new Awaited(() => this.outgoing.flush());
  readonly #seated = new Map<string, Seated>();
  readonly #members = new Map<Outbox<unknown>, Member>();
  #position: Position = ORIGIN;
  readonly #deaf: () => void;
  #first: First = { pass: () => undefined, missed: () => undefined };
  #missing: () => void = () => undefined;
  #elsewhere: Elsewhere | null = null;
  #turned = 0;
  #seal: string | null = null;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.observed = new Observed(parts.clock, parts.traces ?? null);
    const { clock, log } = parts;
    this.slow = new Slow({ clock, log, look: (box, now) => this.#members.get(box)?.look(now) ?? false });
    this.outgoing = new Outgoing({ clock, log, observed: this.observed, position: () => this.position, behind: this.slow.add });
    this.window = new Window(parts.window, parts.clock);
    this.window.begin(ORIGIN, 'retention');
    this.catchUps = new CatchUps(this.window, parts.clock);
    this.receipts = new Receipts(parts.clock, this.outgoing.touch);
    this.#deaf = parts.bus.listen((message) => this.#hear(message));
  }

  /** The last entry this gateway has passed on. */
  get position(): Position {
    return this.#position;
  }

  /** Follows the ledger from where the log begins, or from before: where it keeps more. Null: others append to it, and it begins where it does. */
  async follow(floor: Floor | null, signal: AbortSignal): Promise<void> {
    const kept = await floorOf(this.#parts, signal);
    if (kept === null) return;
    this.#position = floor && floor.position < kept ? floor.position : kept;
    this.window.begin(this.#position, floor?.reason ?? 'retention');
    const follower = {
      gateway: this,
      get position() {
        return this.gateway.position;
      },
      pass: (entries: readonly Entry[]) => this.#passAll(entries),
      gap: (at: Position) => this.#gap(at),
    };
    await following(this.#parts, follower, signal);
  }

  /** Is called when entries are missing. */
  tellGap(gap: () => void): void {
    this.#missing = gap;
  }

  /** What is missing is older than the entry with this receipt. */
  sealedBy({ client }: Receipt): void {
    this.#seal = client;
  }

  /** Hears of every entry before anybody else does. */
  tellFirst(first: First): void {
    this.#first = first;
  }

  /** Hears of every entry before that, and gives it as it is for this process. */
  tellElsewhere(elsewhere: Elsewhere): void {
    this.#elsewhere = elsewhere;
  }

  /** Whether the stream is not told here, but by others. */
  isElsewhere(stream: string): boolean {
    return this.#elsewhere?.has(stream) ?? false;
  }

  /** Whether nobody can be let in: who belongs to what is told by others only. */
  get isShut(): boolean {
    return this.#elsewhere?.memberships ?? false;
  }

  /** These are not told here any more: who views one of them goes elsewhere, all over a stretch of time. */
  readonly turnAway = (names: ReadonlySet<string>): void => {
    this.outgoing.flush(); // what was told before is theirs
    if (this.isShut) return this.#sendAway();
    const viewers = [...this.#seated.values()].filter(({ member }) => member.views(names));
    for (const [at, { member }] of viewers.entries()) member.goElsewhere(AWAY_FIRST + Math.round(at * AWAY_EACH));
  };

  /** When one who comes for what is not told here is to try again, elsewhere: each at another moment. */
  get later(): number {
    this.#turned = (this.#turned + AWAY_STEP) % AWAY_SPREAD;
    return AWAY_FIRST + this.#turned;
  }

  open(audience: Audience): void {
    this.#audiences.add(audience);
  }

  enter(session: string, seated: Seated): void {
    this.#seated.set(session, seated);
    this.observed.counts.sessions++;
    this.#members.set(seated.box, seated.member);
  }

  leave(session: string): void {
    const seated = this.#seated.get(session);
    if (!seated) return;
    this.#seated.delete(session);
    this.#members.delete(seated.box);
    this.slow.forget(seated.box);
    this.receipts.forget(seated.box);
    seated.box.closed();
  }

  /** Resolves when the log has brought this receipt to every session here. */
  passed(receipt: Receipt): Awaiting {
    return this.#awaited.mark(receipt);
  }

  /** Resolves when everything up to the position has been passed on; null: it has been. */
  reached(position: Position): Awaiting | null {
    return this.position >= position ? null : this.#awaited.place(position);
  }

  send(group: string, payload: Json, options: { readonly stream: string | null; readonly except: string | null }): Promise<void> {
    return this.#parts.bus.send({ group, payload, ...options });
  }

  /** To every connection. One that is behind is not told a position it has not come to. */
  ping(stale: number): void {
    const about = stale > 0 ? { stale } : {};
    const item: Item = { position: null, frame: { type: 'ping', position: this.position, ...about } };
    const late: Item = { position: null, frame: { type: 'ping', ...about } };
    for (const { box } of this.#seated.values()) box.push(box.behind === null ? item : late);
  }

  close(): void {
    this.#deaf();
    this.#awaited.lost(new RowcastError('closed', 'Rowcast was closed before everything had gone out'));
  }

  /** Written at the end of this turn: the commits of clients who write come one by one, and each write to a socket costs more than a commit. */
  #passAll(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#pass(entry);
      this.outgoing.relieve();
    }
    this.outgoing.pushed();
  }

  #pass(came: Entry): void {
    if (came.prev > this.position) this.#gap(came.prev);
    const entry = this.#elsewhere?.pass(came) ?? came;
    const { position } = entry;
    if (entry.gap) {
      this.#sendAway();
      if (this.window.isOpen) this.#missing(); // the mark that was waited for may be in this gap
    }
    this.window.push(entry);
    let writers: Set<Outbox<unknown>> | null = null;
    for (const receipt of entry.receipts) {
      if (receipt.client === this.#seal) this.window.seal(entry.xid);
      if (receipt.revokes) this.#revoke(receipt.revokes);
      for (const box of this.receipts.arrived(receipt, position)) (writers ??= new Set()).add(box);
    }
    this.#first.pass(entry);
    for (const { stream, reason } of entry.resets) this.#reset(stream, reason);
    // They have no seat by the time the deliveries come.
    for (const [stream, groups] of bulky(entry, this.#parts.bulk)) this.#tooMuch(stream, groups);
    for (const delivery of entry.deliveries) for (const audience of this.#audiences) audience.deliver(position, delivery);
    this.#position = position;
    if (writers) bring(writers, position);
    this.#awaited.came(entry);
    this.observed.passed(entry);
  }

  /** The ledger does not have what follows the last entry here. */
  #gap(at: Position): void {
    this.#parts.log.error({ from: this.position, to: at }, 'a gap in the ledger: everybody has to come back');
    this.window.cut(at, 'backplane_loss');
    this.#position = at;
    this.#sendAway();
    this.#missing();
    this.#awaited.reached(at);
  }

  /**
   * Among what is missing may be who does not belong to something any more, and whose access was taken back: everybody comes back, and is asked
   * who they are.
   */
  #sendAway(): void {
    this.#first.missed();
    for (const { member } of [...this.#seated.values()]) member.missed();
    this.#awaited.lost(new RowcastError('source_lost', 'the log has a gap where a mark may have been'));
  }

  #hear(message: GroupMessage): void {
    const except = message.except === null ? undefined : this.#seated.get(message.except)?.box;
    for (const audience of this.#audiences) {
      try {
        audience.hear(message, except);
      } catch (error) {
        this.#parts.log.error({ err: error, stream: message.stream }, 'encode failed; the message is dropped');
      }
    }
    this.outgoing.touch();
  }

  #revoke(revocation: Revocation): void {
    this.outgoing.flush(); // what was told before is theirs
    for (const { member } of [...this.#seated.values()]) member.revoked(revocation);
  }

  #reset(stream: string, reason: ResetReason): void {
    for (const { member, audience } of [...this.#seated.values()]) if (audience.base(stream)) member.reset(stream, reason, null);
  }

  /** Who is still loading needs no reset: the window has it for them. */
  #tooMuch(stream: string, groups: ReadonlySet<string>): void {
    for (const audience of this.#audiences) {
      for (const box of audience.seated(stream, groups)) this.#members.get(box)?.reset(stream, 'bulk', groups);
    }
  }
}

/** Who was told of a position comes to it now, where nothing of its commit is theirs to see. One that is behind does when it has caught up. */
function bring(boxes: Iterable<Outbox<unknown>>, position: Position): void {
  const item: Item = { position: null, frame: { type: 'ping', position } };
  for (const box of boxes) if (box.behind === null && !box.comesTo(position)) box.push(item);
}
