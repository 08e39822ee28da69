import type { Change, Commit } from './change.ts';
import type { Delivery, Entry, Reset } from './entry.ts';
import { folding } from './fold.ts';
import type { MemberChange, Members } from './membership.ts';
import type { Image } from './model.ts';
import type { ResetReason } from '../protocol/index.ts';
import { atOnce, STEP, type Steps } from './steps.ts';
import type { Stream } from './stream.ts';
import { keyText, type Table } from './table.ts';

/** What each table is read for: the streams of its rows, and the memberships its rows are. */
export interface Routes {
  readonly streams: ReadonlyMap<Table, readonly Stream[]>;
  readonly members: ReadonlyMap<Table, readonly Members[]>;
}

/** An entry that does not know yet what it follows. */
export type Routed = Omit<Entry, 'prev'>;

/**
 * Commit × bindings → entry: the commit folded, each row's groups before and after, the whitelisted fields as text, once per stream. Pure.
 * Null when nobody could be concerned. A stream whose hook throws, or whose rows or members the log cannot tell, is reset; the others go on.
 */
export function route(commit: Commit, routes: Routes, failed: (stream: Stream, error: unknown) => void): Routed | null {
  return atOnce(routing(commit, routes, failed));
}

/** {@link route}, a step at a time: a commit of a hundred thousand rows must not keep everybody else waiting. */
export function* routing(
  commit: Commit,
  { streams, members }: Routes,
  failed: (stream: Stream, error: unknown) => void,
): Steps<Routed | null> {
  const deliveries: Delivery[] = [];
  const resets = new Map<Stream, Reset>();
  const granted: MemberChange[] = [];
  /** Nobody knows any more who belongs to what, whatever else was lost with it: whoever does is asked for again. */
  const forget = ({ membership: { name } }: Members): readonly Stream[] => {
    const askers = [...streams.values()]
      .flat()
      .filter((stream) => stream.binding.memberships.some((membership) => membership.name === name));
    for (const stream of askers) resets.set(stream, { stream: stream.name, reason: 'membership' });
    return askers;
  };
  for (const { table, reason } of commit.lost) {
    for (const stream of streams.get(table) ?? []) resets.set(stream, { stream: stream.name, reason });
  }
  for (const { table } of commit.lost) for (const each of members.get(table) ?? []) forget(each);
  let told = 0;
  for (const change of yield* folding(commit.changes)) {
    if (++told % STEP === 0) yield;
    for (const each of members.get(change.table) ?? []) {
      try {
        granted.push(...grants(change, each));
      } catch (error) {
        for (const stream of forget(each)) failed(stream, error);
      }
    }
    for (const stream of streams.get(change.table) ?? []) {
      if (resets.has(stream)) continue;
      try {
        const delivery = deliver(change, stream);
        if (delivery) deliveries.push(delivery);
      } catch (error) {
        failed(stream, error);
        resets.set(stream, { stream: stream.name, reason: 'serializer' });
      }
    }
  }
  if (deliveries.length === 0 && resets.size === 0 && commit.receipts.length === 0 && granted.length === 0) return null;
  const { position, xid, time, receipts } = commit;
  const routed = {
    position,
    xid: xid === null ? null : xid.toString(),
    time,
    receipts,
    // A copy: a list that grew has room for more than it has, and this one is kept.
    deliveries: resets.size === 0 ? deliveries.slice() : but(deliveries, resets),
    resets: resets.size === 0 ? NO_RESETS : [...resets.values()],
    members: granted.length === 0 ? NO_MEMBERS : granted,
  };
  return commit.lost.some(({ reason }) => GAPS.has(reason)) ? { ...routed, gap: true } : routed;
}

// Kept with every entry: one for all.
const NO_RESETS: readonly Reset[] = [];
const NO_MEMBERS: readonly MemberChange[] = [];

/** What is told row by row, without the streams that are read again. */
function but(deliveries: readonly Delivery[], resets: ReadonlyMap<Stream, Reset>): readonly Delivery[] {
  const reset = new Set([...resets.values()].map(({ stream }) => stream));
  return deliveries.filter(({ stream }) => !reset.has(stream));
}

/** What is told of a log as a whole, and not of one table. */
const GAPS: ReadonlySet<ResetReason> = new Set(['retention', 'slot_lost', 'slot_replaced', 'timeline', 'backplane_loss']);

/** What a row of a join table gives and takes. */
function grants({ before, after }: Change, { membership, granted }: Members): readonly MemberChange[] {
  const [had, has] = [before && granted(before), after && granted(after)];
  const of = (one: typeof had, side: 'before' | 'after'): MemberChange[] =>
    one ? [{ membership: membership.name, user: one.user, key: one.key, before: null, after: null, [side]: one.grant }] : [];
  if (!had || !has || had.user !== has.user || had.key !== has.key) return [...of(had, 'before'), ...of(has, 'after')];
  return [{ membership: membership.name, user: has.user, key: has.key, before: had.grant, after: has.grant }];
}

function deliver({ table, before, after }: Change, stream: Stream): Delivery | null {
  let text: string | null = null;
  let groupsBefore: readonly string[] | null = null;
  let groupsAfter: readonly string[] | null = null;
  const stays = before !== null && after !== null && stream.stays(before, after);
  if (before && !stays) {
    groupsBefore = stream.groups(before);
    if (groupsBefore.length > 0 && (!after || stream.binding.options.serialize)) {
      text = stream.text(before);
      if (text === null) groupsBefore = [];
    }
  }
  if (after) {
    groupsAfter = stream.groups(after);
    text = groupsAfter.length > 0 ? stream.text(after) : null;
    if (text === null) groupsAfter = [];
  }
  // Kept once where nothing moved, as it mostly is.
  if (stays || (groupsBefore && groupsAfter && same(groupsBefore, groupsAfter))) groupsBefore = groupsAfter;
  if (!groupsBefore?.length && !groupsAfter?.length) return null;
  return {
    stream: stream.name,
    key: keyText(table, (after ?? before) as Image),
    before: groupsBefore,
    after: groupsAfter,
    fields: text ?? '{}',
  };
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((group, at) => group === other[at]);
}
