import {
  pause,
  positionOf,
  type Clock,
  type Floor,
  type Log,
  type Position,
  type ResetReason,
  type RowcastError,
} from '../../core/index.ts';
import { leaveLoss, type Lost } from './messages.ts';
import {
  isHalved,
  publicationPrint,
  publicationSteps,
  readStanding,
  refusals,
  regrouped,
  tablePrint,
  type Standing,
} from './publication.ts';
import { rememberFollowed, type Followed, type FollowedTable } from './remembered.ts';
import { applySteps, refuseMissing } from '../setup/steps.ts';
import type { ClaimedSlot, SlotName } from './slot.ts';
import { visibleIn } from '../tables/snapshot.ts';
import type { Sessions, Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

export interface FollowingParts {
  readonly sessions: Sessions;
  readonly slot: SlotName;
  readonly publication: string;
  readonly tables: readonly PgTable[];
  readonly setup: 'auto' | 'check';
  readonly clock: Clock;
  readonly log: Log;
}

type Refused = ReadonlyMap<PgTable, RowcastError>;

/**
 * In place of what was found, while transactions are open that the log will have in halves: the next look finds another thing, and what they did
 * is lost again.
 */
const HALVED = '';

/** Transactions that are in the log already and cannot be seen yet have so long to show themselves. */
const SHOWN_MS = 2_000;
const SHOWN_POLL_MS = 50;

/**
 * What the log has, and from where on, for one slot: compared with what was found the last time, by this process or an earlier one. Where rows
 * of one table may have been left out, a message in the log says so, at its place among the commits; where rows of any table may have been,
 * the log begins anew. A table that cannot be followed any more is given up alone, and taken up once it can be.
 */
export class Following {
  readonly #parts: FollowingParts;
  readonly #history: string;
  #followed: Followed | null;
  /** Looks come one after the other: two at a time would say everything twice. */
  #looking: Promise<void> = Promise.resolve();
  /** All that is in the log before it can be seen by now. */
  #shown: Position | null;

  constructor(parts: FollowingParts, history: string, followed: Followed | null) {
    this.#parts = parts;
    this.#history = history;
    this.#followed = followed;
    this.#shown = followed?.floor ?? null;
  }

  /** What is known now, for a slot that goes with its connection: nothing of it is written down. */
  to(slot: SlotName): Following {
    const moved = new Following({ ...this.#parts, slot }, this.#history, this.#followed);
    moved.#shown = this.#shown;
    return moved;
  }

  /** Before it rows may be missing, and why. */
  get floor(): Floor {
    return { position: this.#followed?.floor ?? positionOf(0), reason: this.#followed?.reason ?? 'retention' };
  }

  /** Looks, sets right what is amiss, and remembers what is found. The floor rises when the log has to be begun anew. */
  look(): Promise<void> {
    const look = this.#looking.catch(() => undefined).then(() => this.#look());
    this.#looking = look;
    return look;
  }

  /** Where this slot begins. @param known how far the server was told that it need not keep it; null: nothing was written down */
  async begin({ confirmed, made }: ClaimedSlot, known: bigint | null): Promise<Floor> {
    const position = positionOf(confirmed);
    if (known === null ? made : made || confirmed > known) {
      await this.#raise(position, known === null ? this.floor.reason : made ? 'slot_lost' : 'slot_replaced');
    }
    const { floor } = this;
    if (floor.position !== this.#shown) await this.#allShown();
    this.#shown = floor.position;
    return position > floor.position ? { position, reason: 'retention' } : floor;
  }

  /** The log cannot be read from where it was: it begins here. */
  async anew(reason: ResetReason): Promise<void> {
    await this.#raise(await endOf(this.#parts.sessions), reason);
  }

  async #look(): Promise<void> {
    const { sessions, publication, tables } = this.#parts;
    const standing = await readStanding(sessions, publication, tables);
    let refused = refusals(standing, publication, tables);
    let right = standing;
    try {
      if (await this.#setRight(standing, refused)) {
        right = await readStanding(sessions, publication, tables);
        refused = refusals(right, publication, tables);
      }
    } finally {
      await this.#compare(right, refused);
    }
  }

  /** Makes again what has been taken away, as far as that is allowed. */
  async #setRight(standing: Standing, refused: Refused): Promise<boolean> {
    const { sessions, publication, tables, setup, log } = this.#parts;
    const followed = tables.filter((table) => !refused.has(table));
    const steps = publicationSteps(
      { ...standing, tables: standing.tables.filter((_, place) => !refused.has(tables[place] as PgTable)) },
      publication,
      followed,
    );
    if (steps.length === 0) return false;
    if (setup === 'check') refuseMissing(steps);
    await applySteps(sessions, steps);
    log.warn({ steps: steps.map(({ sql }) => sql) }, 'what makes the log tell of every row was not there any more; it was made again');
    return true;
  }

  async #compare(standing: Standing, refused: Refused): Promise<void> {
    const { sessions, slot, tables, log } = this.#parts;
    const before = this.#followed;
    const found = Object.fromEntries(
      tables.map((table, place): [string, FollowedTable | null] => {
        const stands = standing.tables[place];
        if (!stands || refused.has(table)) return [table.id, null];
        return [table.id, { print: tablePrint(table, stands), stores: stands.stores.map(({ oid }) => oid) }];
      }),
    );
    const now = { history: this.#history, publication: publicationPrint(standing), tables: { ...before?.tables, ...found } };
    if (!before || before.history !== now.history || before.publication !== now.publication) {
      const reason = !before ? 'retention' : before.history === now.history ? 'publication_changed' : 'timeline';
      const halved = await isHalved(sessions, standing);
      return this.#remember({ ...now, ...(halved && { publication: HALVED }), floor: await endOf(sessions), reason });
    }
    const lost = tables.flatMap((table, place): Lost['tables'] => {
      const reason = missedBy(before.tables[table.id], found[table.id] as FollowedTable | null, standing.tables[place]);
      return reason ? [{ table, reason }] : [];
    });
    if (lost.length > 0) {
      const halved = await isHalved(sessions, { ...standing, tables: standing.tables.filter((_, place) => isIn(lost, tables[place])) });
      await leaveLoss(sessions, { slot: slot.name, tables: lost });
      for (const { table } of halved ? lost : []) {
        const each = found[table.id];
        if (each) found[table.id] = { ...each, print: HALVED };
      }
    }
    // Not before it was said: until then it has to be said again.
    await this.#remember({ ...before, ...now, tables: { ...before.tables, ...found } });
    for (const { table } of lost) {
      if (refused.has(table)) {
        log.error({ table: table.id, err: refused.get(table) }, 'a bound table cannot be followed any more; the others go on');
      } else if (before.tables[table.id] === null) {
        log.info({ table: table.id }, 'a table can be followed again');
      }
    }
  }

  async #raise(floor: Position, reason: ResetReason): Promise<void> {
    if (this.#followed) await this.#remember({ ...this.#followed, floor, reason });
  }

  async #remember(followed: Followed): Promise<void> {
    const { sessions, slot } = this.#parts;
    if (JSON.stringify(followed) === JSON.stringify(this.#followed)) return;
    if (!slot.temporary) await rememberFollowed(sessions, slot.name, followed);
    this.#followed = followed;
  }

  /** What is in the log before the floor is not read again: whoever reads rows from now on must see it. */
  async #allShown(): Promise<void> {
    const { sessions, clock } = this.#parts;
    const start = clock.now();
    let open = await runningIn(sessions);
    while (open.size > 0 && clock.now() - start < SHOWN_MS) {
      await pause(clock, SHOWN_POLL_MS);
      const running = await runningIn(sessions);
      open = new Set([...open].filter((xid) => running.has(xid)));
    }
  }
}

function isIn(lost: Lost['tables'], table: PgTable | undefined): boolean {
  return lost.some((each) => each.table === table);
}

/** Why rows of a table may be missing since it was found so; null: they are not. */
function missedBy(
  before: FollowedTable | null | undefined,
  now: FollowedTable | null,
  stands: Standing['tables'][number] | undefined,
): ResetReason | null {
  if (before === undefined) return now && 'publication_changed';
  if (!before || !now || !stands) return before === now ? null : 'schema';
  if (before.print !== now.print) return 'publication_changed';
  return regrouped(before.stores, stands) ? 'schema' : null;
}

async function endOf(sql: Sql): Promise<Position> {
  const [row] = await sql.query(`SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn`);
  return positionOf(BigInt(row?.[0] ?? 0));
}

async function runningIn(sql: Sql): Promise<ReadonlySet<bigint>> {
  const [row] = await sql.query('SELECT pg_current_snapshot()');
  return visibleIn(row?.[0] ?? '').running;
}
