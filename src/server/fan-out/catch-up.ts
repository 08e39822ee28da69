import { shows, verdictOf, type Clock, type Position, type Snapshot } from '../../core/index.ts';
import type { View } from './audience.ts';
import type { Held } from './held.ts';
import type { Item, Told } from './tick.ts';
import type { Passed, Window } from '../window/window.ts';

/** More commits than this are told as one: who was away for long wants to know how it is, and each commit is a frame and a step of its own. */
const ONE_BY_ONE = 32;
const ONE_BY_ONE_BYTES = 65_536;

/** More than this is not told at all to who was away: the rows are fewer. */
const MOST_MISSED = 5_000;
const MOST_MISSED_BYTES = 5 * 1024 * 1024;

/** What was made for one who came back is used for others who come within 5 s, as far as there is room for it. */
const REUSE_MS = 5_000;
const REUSE_BYTES = 32 * 1024 * 1024;

interface Viewer {
  /** The groups it holds. */
  readonly holds: Holds;
  /** Where it comes to by this. */
  readonly position: Position;
}

type Holds = { has(group: string): boolean };

/** What a viewer that was away is told: each commit as it was, or, where that would be much, all of them as one. */
function told(passed: readonly Passed[], bytes: number, { view, holds }: { readonly view: View; readonly holds: Holds }): readonly Told[] {
  if (passed.length > ONE_BY_ONE || bytes > ONE_BY_ONE_BYTES) {
    return merged(passed, view, { holds, position: (passed.at(-1) as Passed).entry.position });
  }
  const items: Told[] = [];
  for (const { entry, delivery } of passed) {
    const action = verdictOf(held(delivery.before, holds), held(delivery.after, holds));
    if (action) items.push({ position: entry.position, change: { view, action, delivery } });
  }
  return items;
}

/** Several commits as one: the net change of each row, by what it was before the first and is after the last. */
export function merged(passed: readonly Passed[], view: View, { holds, position }: Viewer): readonly Told[] {
  const rows = new Map<string, { readonly saw: boolean; last: Passed }>();
  for (const each of passed) {
    const row = rows.get(each.delivery.key);
    if (row) row.last = each;
    else rows.set(each.delivery.key, { saw: held(each.delivery.before, holds), last: each });
  }
  const items: Told[] = [];
  for (const { saw, last } of rows.values()) {
    const action = verdictOf(saw, held(last.delivery.after, holds));
    if (action) items.push({ position, change: { view, action, delivery: last.delivery, merged: true } });
  }
  return items;
}

/** Those that rows read in this snapshot do not have in them yet. */
export function unseen(passed: readonly Passed[], snapshot: Snapshot): readonly Passed[] {
  return passed.filter(({ entry }) => !shows(snapshot, entry));
}

function held(groups: readonly string[] | null, holds: Holds): boolean {
  if (groups) for (const group of groups) if (holds.has(group)) return true;
  return false;
}

/** What somebody has missed of a view. */
export interface Missed {
  /** About how much it is. */
  readonly bytes: number;
  /** Null: it is too much to be told. Without an item there is nothing to tell. */
  readonly told: { readonly item: Item | null } | null;
}

const NOTHING: Missed = { bytes: 0, told: { item: null } };

/** Who comes back after a drop has often missed what others have: it is put together once for all of them, and its bytes are made once. */
export class CatchUps {
  readonly #window: Window;
  readonly #clock: Clock;
  readonly #made = new Map<View, Map<string, Missed>>();
  #bytes = 0;

  constructor(window: Window, clock: Clock) {
    this.#window = window;
    this.#clock = clock;
  }

  since(after: Position, view: View, groups: Held): Missed {
    const passed = this.#window.since(after, view.stream.name, groups.keys());
    const [first, last] = [passed[0], passed.at(-1)];
    if (!first || !last) return NOTHING;
    let known = this.#made.get(view);
    if (!known) {
      if (this.#made.size === 0) this.#clock.after(REUSE_MS, () => this.#forget());
      this.#made.set(view, (known = new Map()));
    }
    // The first and the last are all that tells one stretch of a view from another.
    const key = JSON.stringify([first.number, last.number, ...(view.group === null ? groups.keys() : [])]);
    let missed = known.get(key);
    if (!missed) {
      known.set(key, (missed = missedOf(passed, view, groups)));
      this.#bytes += missed.bytes;
      if (this.#bytes > REUSE_BYTES) this.#forget();
    }
    return missed;
  }

  #forget(): void {
    this.#made.clear();
    this.#bytes = 0;
  }
}

function missedOf(passed: readonly Passed[], view: View, holds: Held): Missed {
  if (isTooMuch(passed)) return { bytes: 0, told: null };
  const bytes = sizeOf(passed);
  const past = told(passed, bytes, { view, holds });
  return { bytes, told: { item: past.length === 0 ? null : { position: null, past } } };
}

/** Whether it is read again rather than told. */
export function isTooMuch(passed: readonly Passed[]): boolean {
  return passed.length > MOST_MISSED || sizeOf(passed) > MOST_MISSED_BYTES;
}

function sizeOf(passed: readonly Passed[]): number {
  let bytes = 0;
  for (const { delivery } of passed) bytes += delivery.fields.length + delivery.key.length;
  return bytes;
}
