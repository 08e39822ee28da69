import { ColumnGroup, groupKey, Membership, type Group, type Position, type ResetReason, type Stream } from '../core/index.ts';
import type { AnswerCode, Params, SubscribeFrame } from '../protocol/index.ts';
import type { View } from './audience.ts';
import type { FirstRows, Held } from './first-rows.ts';
import { groupOf } from './params.ts';
import type { Outbox } from './outbox.ts';
import { Rights, type RightsParts } from './rights.ts';
import { Subscription, type SubscriptionParts } from './subscription.ts';
import type { Item } from './tick.ts';
import { isOurs, readToken, signToken } from './token.ts';

export interface ViewsParts extends RightsParts {
  readonly box: Outbox<unknown>;
  readonly firstRows: FirstRows;
  readonly epoch: string;
  readonly secret: string;
  /** Resolves when everything up to the position has been passed on. */
  reach(position: Position, signal: AbortSignal): Promise<void>;
  /** Whose tokens these are. */
  readonly principal: string;
  error(code: AnswerCode, message: string, id?: number): void;
}

/** A position that has not come yet is waited for, ms. */
const COMING = 1_000;

/** What shows that a view was held, and which `ready` of its connection it was that began it. */
export interface Shown {
  readonly token: string;
  readonly readied: number;
}

/** The views of one session: what it may have, what it has, and what it has missed. */
export class Views {
  readonly #parts: ViewsParts;
  readonly #rights: Rights;
  /** Those the connection is in by the endpoint's and the app's own word. */
  readonly #groups = new Map<string, Group>();
  /** Those of them that are the endpoint's word. */
  #given: readonly string[] = [];
  readonly #held = new Map<number, Subscription>();
  /** Those that get nothing until it is known again what their user belongs to. */
  readonly #suspended = new Set<Subscription>();
  #readied = 0;
  readonly #of: SubscriptionParts;

  constructor(parts: ViewsParts, groups: readonly Group[]) {
    this.#parts = parts;
    this.#rights = new Rights(parts);
    this.#give(groups);
    const { endpoint, box, gateway, firstRows } = parts;
    this.#of = {
      audience: endpoint.audience,
      box,
      window: gateway.window,
      catchUps: gateway.catchUps,
      firstRows,
      granted: ({ view }, after) => this.#rights.granted(view.stream, after),
      token: (subscription, since) => this.#sign(subscription, since),
      count: () => ++this.#readied,
      touch: gateway.touch,
      flush: gateway.flush,
      soon: gateway.soon,
      crowded: () => gateway.crowded(box),
      refuse: (subscription, code, message) => this.#drop(subscription, code, message),
    };
  }

  get size(): number {
    return this.#held.size;
  }

  /** Every stream's changes from here on, for a wire that asks for nothing. */
  attendAll(): void {
    for (const stream of this.#parts.endpoint.streams.values()) this.#begin(this.#baseOf(stream), this.#baseGroups(stream)).attend();
  }

  async subscribe({ id, stream: name, params = {}, at, token }: SubscribeFrame): Promise<void> {
    const { endpoint, box, error } = this.#parts;
    const stream = endpoint.streams.get(name);
    if (!stream) return error('unknown_stream', `${JSON.stringify(name.slice(0, 80))} is no stream here`, id);
    const base = Object.keys(params).length === 0;
    const asked = base ? null : groupOf(stream, params);
    if (!base && !asked) return error('invalid', `"${name}" takes ${stream.binding.groupBy?.join(', ') ?? 'no'} as params`, id);
    if (at !== undefined && token !== undefined && at > this.#parts.gateway.position) await this.#comeTo(at, token);
    await this.#parts.memberships.known(this.#parts.userId());
    const may = asked === null || (await this.may(stream, asked.group, asked.values));
    if (!box.open) return;
    // What was granted and what was taken while it was asked for counts as well: it is looked at now.
    if (!may || (asked && !this.#groups.has(asked.name) && !this.#rights.still(stream, asked.group)))
      return error('forbidden', 'you may not subscribe to this', id);
    const group = asked?.name ?? null;
    const known = [...this.#held.values()].find(({ view }) => view.stream === stream && view.group === group);
    if (!known && this.#held.size >= endpoint.limits.subscriptions) {
      return error('too_large', `at most ${endpoint.limits.subscriptions} subscriptions at a time; unsubscribe one`, id);
    }
    const groups: Held = asked ? new Map([[asked.name, asked.group]]) : this.#baseGroups(stream);
    const subscription = known ?? this.#begin(asked ? endpoint.audience.view(stream, asked.name) : this.#baseOf(stream), groups);
    box.send({ type: 'subscribed', id, view: subscription.view.number });
    if (this.#suspended.has(subscription)) return;
    if (known || at === undefined || token === undefined) return subscription.start();
    subscription.onceTold(() => {
      const refused = this.#resume(subscription, at, token);
      if (refused) subscription.reset(refused, subscription.groups, false);
    });
  }

  /** How many times a view has become ready. */
  get readied(): number {
    return this.#readied;
  }

  /** What would show later that the view is held now; null: it is not, or not ready. */
  tokenOf(name: string, params: Params = {}): Shown | null {
    const stream = this.#parts.endpoint.streams.get(name);
    const group = stream && Object.keys(params).length > 0 ? groupOf(stream, params)?.name : null;
    for (const subscription of this.#held.values()) {
      const { view } = subscription;
      const { token, readied, live } = subscription;
      if (view.stream === stream && view.group === group && live && token !== null) return { token, readied };
    }
    return null;
  }

  unsubscribe(number: number): void {
    const subscription = this.#held.get(number);
    if (subscription) this.#end(subscription); // else it crossed with a drop from this side: nothing to do
  }

  holds(stream: Stream, group: string): boolean {
    if (this.#groups.has(group)) return true;
    for (const each of this.#held.values()) {
      if (each.view.stream === stream && each.groups.has(group) && !this.#suspended.has(each)) return true;
    }
    return this.#rights.groups(stream).has(group);
  }

  /** The endpoint says otherwise. What the app's own code joined stays. */
  regroup(groups: readonly Group[], reason: ResetReason): void {
    for (const group of this.#given) this.#groups.delete(group);
    this.#give(groups);
    this.#rebase(reason);
  }

  join(group: Group): void {
    const key = groupKey(group);
    if (this.#groups.has(key)) return;
    this.#groups.set(key, group);
    this.#rebase('permission_changed');
  }

  leave(group: string): void {
    if (!this.#groups.delete(group)) return;
    this.#rebase('permission_changed');
    void this.reconsider(group); // a view of it was theirs by that
  }

  get groups(): Iterable<string> {
    return this.#groups.keys();
  }

  /** What the user belongs to has changed: what they lost goes at once, what they gained comes with its rows. */
  membershipChanged(membership: string): void {
    for (const subscription of [...this.#held.values()]) {
      const { view, groups } = subscription;
      const { canSubscribe } = view.stream.binding.options;
      if (!(canSubscribe instanceof Membership) || canSubscribe.name !== membership) continue;
      if (view.group === null) {
        const now = this.#baseGroups(view.stream);
        if (this.#suspended.delete(subscription) || !same(groups, now)) this.#regain(subscription, now);
      } else if (!this.#groups.has(view.group) && !this.#rights.groups(view.stream).has(view.group)) {
        this.#drop(subscription, 'forbidden', 'you do not belong to this any more');
      } else if (this.#suspended.delete(subscription)) subscription.start(true);
    }
  }

  /** Asks again for everything that was asked for, or for the views of one group alone: the user may be another than before. */
  async reconsider(only: string | null = null): Promise<void> {
    for (const subscription of [...this.#held.values()]) {
      const { stream, group } = subscription.view;
      if (group === null || (only !== null && group !== only)) continue;
      const held = subscription.groups.get(group) as ColumnGroup;
      const columns = stream.binding.groupBy ?? [];
      const values = Object.fromEntries(columns.map((column, at) => [column, held.values[at]]));
      const may = await this.may(stream, held, values);
      // It may have been let go of while it was asked for.
      if (!may && this.#held.get(subscription.view.number) === subscription)
        this.#drop(subscription, 'forbidden', 'you may not subscribe to this any more');
    }
  }

  reset(stream: string, reason: ResetReason, groups: ReadonlySet<string> | null): void {
    const { box } = this.#parts;
    for (const subscription of this.#held.values()) {
      if (subscription.view.stream.name !== stream || this.#suspended.has(subscription)) continue;
      if (groups && ![...subscription.groups.keys()].some((group) => groups.has(group))) continue;
      if (box.wire.resetCloses !== null) return box.close(box.wire.resetCloses, `reload: ${reason}`);
      if (reason === 'membership' && this.#hangsOnMembership(subscription)) {
        // Nobody knows just now what they belong to: they get nothing until it is known again.
        this.#suspended.add(subscription);
        subscription.suspend(reason);
      } else if (subscription.live) subscription.reset(reason); // one that loads finds out when it has its rows
    }
  }

  /** All that the connection has missed since then, over all its views, as one commit; what cannot be told is read again. */
  catchUp(after: Position): void {
    const { gateway, box } = this.#parts;
    const { window } = gateway;
    const live = [...this.#held.values()].filter((subscription) => subscription.live);
    const refused = window.refuses(after);
    const items: Item[] = [];
    const again: [Subscription, ResetReason][] = [];
    for (const subscription of live) {
      const reason = refused ?? window.resetSince(after, subscription.view.stream.name);
      const missed = reason ? null : subscription.missed(after);
      if (missed) items.push(...missed);
      else again.push([subscription, reason ?? 'bulk']);
    }
    // Before it has caught up: what this writes must not put it behind with what it missed not pushed yet.
    gateway.flush();
    box.caughtUp();
    for (const item of items) box.push(item);
    for (const [subscription, reason] of again) subscription.reset(reason, subscription.groups, false);
    // Nothing of it was theirs to see: what they were told of a position meanwhile holds all the same. After what is read again has said so: the
    // position is not that of rows which lack what was missed.
    if (items.length === 0) box.send({ type: 'ping', position: window.tail });
    for (const subscription of [...this.#held.values()]) subscription.caughtUp();
    gateway.touch();
  }

  /** Rows go on being sent. Gives whether more of them wait. */
  pump(): boolean {
    let waits = false;
    for (const subscription of [...this.#held.values()]) {
      subscription.pump();
      waits ||= subscription.waits;
    }
    return waits;
  }

  end(): void {
    for (const subscription of this.#held.values()) subscription.end();
    this.#held.clear();
    this.#groups.clear();
  }

  #give(groups: readonly Group[]): void {
    this.#given = groups.map(groupKey);
    for (const group of groups) this.#groups.set(groupKey(group), group);
  }

  #begin(view: View, groups: Held): Subscription {
    const subscription = new Subscription(view, groups, this.#of);
    this.#held.set(view.number, subscription);
    return subscription;
  }

  /** Whether it is told when it is known again what its user belongs to. */
  #hangsOnMembership({ view }: Subscription): boolean {
    return view.stream.binding.options.canSubscribe instanceof Membership && this.#parts.userId() !== null;
  }

  #baseOf(stream: Stream): View {
    return this.#parts.endpoint.audience.base(stream.name) as View;
  }

  /** Those groups of the connection that can be one of this stream's. */
  #baseGroups(stream: Stream): Held {
    const { groupBy, audience } = stream.binding;
    const held = new Map<string, Group>();
    for (const [key, group] of this.#groups) {
      if (group instanceof ColumnGroup ? group.audience === audience : groupBy === null) held.set(key, group);
    }
    for (const [key, group] of this.#rights.groups(stream)) held.set(key, group);
    return held;
  }

  /** Whether the connection may ask for the view of this group, or holds it by its own. */
  async may(stream: Stream, group: ColumnGroup, values: Readonly<Record<string, unknown>>): Promise<boolean> {
    return this.#groups.has(group.key) || this.#rights.may(stream, group, values);
  }

  /** Goes on from where the client was. @returns why not. */
  #resume(subscription: Subscription, at: Position, token: string): ResetReason | null {
    const { gateway, clock, epoch, secret, principal, userId } = this.#parts;
    const { window } = gateway;
    const { stream } = subscription.view;
    const grounds = { epoch, who: principal, stream, groups: subscription.groups.keys() };
    const verdict = readToken(secret, token, { ...grounds, now: clock.time() });
    if ('reset' in verdict) return verdict.reset;
    if (at < verdict.since) return 'token_invalid';
    const user = userId();
    const refused =
      window.refuses(at) ??
      (window.revokedSince(at, { user: principal }) ? 'permission_changed' : null) ??
      // Who left and came back has no right to what happened between.
      (user !== null && stream.binding.memberships.some(({ name }) => window.membersSince(at, name, user).length > 0)
        ? 'membership'
        : null) ??
      window.resetSince(at, stream.name);
    if (refused) return refused;
    return subscription.resume(at, { since: verdict.since, token: verdict.fresh ? token : null }) ? null : 'bulk';
  }

  /** Where another process was a moment ago, this one is in a moment. Only for who shows that they were there. */
  async #comeTo(at: Position, token: string): Promise<void> {
    const { secret, clock, reach } = this.#parts;
    if (!isOurs(secret, token)) return;
    const late = new AbortController();
    const timer = clock.after(COMING, () => late.abort());
    await reach(at, late.signal).catch(() => undefined);
    timer.cancel();
  }

  #sign({ view, groups }: Subscription, since: Position): string {
    const { epoch, secret, clock, principal } = this.#parts;
    return signToken(secret, { epoch, who: principal, stream: view.stream, groups: groups.keys() }, { since, now: clock.time() });
  }

  #rebase(reason: ResetReason): void {
    for (const subscription of this.#held.values()) {
      // What nobody knows just now is not lost: it is looked at when it is known.
      if (subscription.view.group !== null || this.#suspended.has(subscription)) continue;
      const groups = this.#baseGroups(subscription.view.stream);
      if (same(subscription.groups, groups)) continue;
      if (this.#parts.box.wire.unasked) subscription.move(groups);
      else subscription.reset(reason, groups, false);
    }
  }

  #regain(subscription: Subscription, groups: Held): void {
    if (this.#parts.box.wire.unasked) subscription.move(groups);
    else subscription.reset('membership', groups, false);
  }

  #drop(subscription: Subscription, code: AnswerCode, message: string): void {
    const { box, gateway } = this.#parts;
    this.#end(subscription);
    box.send({ type: 'dropped', view: subscription.view.number, position: gateway.window.tail, code, message });
    gateway.touch();
  }

  #end(subscription: Subscription): void {
    this.#held.delete(subscription.view.number);
    this.#suspended.delete(subscription);
    subscription.end();
  }
}

function same(one: Held, other: Held): boolean {
  return one.size === other.size && [...one.keys()].every((group) => other.has(group));
}
