import {
  ColumnGroup,
  groupKey,
  Membership,
  type Entry,
  type Group,
  type Position,
  type ResetReason,
  type Stream,
} from '../../core/index.ts';
import type { AnswerCode, Params, SubscribeFrame } from '../../protocol/index.ts';
import { userIdOf } from '../admission/admission.ts';
import type { View } from '../fan-out/audience.ts';
import type { Caller } from './caller.ts';
import type { Held } from '../fan-out/held.ts';
import { groupOf } from '../bindings/params.ts';
import { hasCome, resumed, tokenOf } from './resuming.ts';
import { Rights } from './rights.ts';
import { Subscription, type Holder } from './subscription.ts';
import type { Item } from '../fan-out/tick.ts';

/** What shows that a view was held, and which `ready` of its connection it was that began it. */
export interface Shown {
  readonly token: string;
  readonly readied: number;
}

/** The views of one session: what it may have, what it has, and what it has missed. */
export class Views implements Holder {
  readonly caller: Caller;
  readonly #rights: Rights;
  /** Those the connection is in by the endpoint's and the app's own word. Another map whenever they are others: views hold it as it was. */
  #groups: ReadonlyMap<string, Group> = NO_GROUPS;
  /** Those of them that are the endpoint's word. */
  #given: readonly string[] = NONE;
  /** Another list whenever one comes or goes: most connections have few, and none is made for those that have none. */
  #held: readonly Subscription[] = NONE;
  #readied = 0;

  constructor(caller: Caller, groups: readonly Group[]) {
    this.caller = caller;
    this.#rights = new Rights(caller);
    this.#give(groups);
  }

  /** Every stream's changes from here on, for a wire that asks for nothing. */
  attendAll(): void {
    for (const stream of this.caller.endpoint.streams.values()) this.#begin(this.#baseOf(stream)).attend();
  }

  async subscribe({ id, stream: name, params = {}, at, token }: SubscribeFrame): Promise<void> {
    const { caller } = this;
    const { endpoint, box, parts } = caller;
    const { gateway } = parts;
    const stream = endpoint.streams.get(name);
    if (gateway.isElsewhere(name)) return caller.goElsewhere();
    if (!stream) return caller.error('unknown_stream', `${JSON.stringify(name.slice(0, 80))} is no stream here`, id);
    const base = Object.keys(params).length === 0;
    const asked = base ? null : groupOf(stream, params);
    if (!base && !asked) return caller.error('invalid', `"${name}" takes ${stream.binding.groupBy?.join(', ') ?? 'no'} as params`, id);
    const before = at === undefined || token === undefined ? null : { at, token };
    if (before && !(await hasCome(caller, before))) return caller.goElsewhere();
    await parts.memberships.known(userIdOf(caller.user));
    // Who is in the group is not made to wait: they could be out of it by then.
    const may = asked === null || this.#isIn(asked.name) || (await this.#rights.may(stream, asked.group, asked.values));
    if (!box.open) return;
    // What was granted and what was taken while it was asked for counts as well: it is looked at now.
    if (!may || (asked && !this.#isIn(asked.name) && !this.#rights.still(stream, asked.group)))
      return caller.error('forbidden', 'you may not subscribe to this', id);
    const group = asked?.name ?? null;
    const known = this.#held.find(({ view }) => view.stream === stream && view.group === group);
    if (!known && this.#held.length >= endpoint.limits.subscriptions) {
      return caller.error('too_large', `at most ${endpoint.limits.subscriptions} subscriptions at a time; unsubscribe one`, id);
    }
    const subscription = known ?? this.#begin(asked ? endpoint.audience.view(stream, asked.group) : this.#baseOf(stream));
    box.send({ type: 'subscribed', id, view: subscription.view.number });
    if (subscription.suspended) return;
    if (known || !before) return subscription.start();
    subscription.onceTold(() => {
      const refused = resumed(caller, subscription, before);
      if (refused) subscription.reset(refused, subscription.groups, false);
    });
  }

  /** Whether one of these streams is viewed, or loads. */
  of(streams: ReadonlySet<string>): boolean {
    return this.#held.some(({ view }) => streams.has(view.stream.name));
  }

  /** How many times a view has become ready. */
  get readied(): number {
    return this.#readied;
  }

  /** What would show later that the view is held now; null: it is not, or not ready. */
  tokenOf(name: string, params: Params = {}): Shown | null {
    const stream = this.caller.endpoint.streams.get(name);
    const group = stream && Object.keys(params).length > 0 ? groupOf(stream, params)?.name : null;
    for (const subscription of this.#held) {
      const { view } = subscription;
      const { token, readied, live } = subscription;
      if (view.stream === stream && view.group === group && live && token !== null) return { token, readied };
    }
    return null;
  }

  unsubscribe(number: number): void {
    const subscription = this.#held.find(({ view }) => view.number === number);
    if (subscription) this.#end(subscription); // else it crossed with a drop from this side: nothing to do
  }

  holds(stream: Stream, group: string): boolean {
    if (this.#isIn(group)) return true;
    for (const each of this.#held) {
      if (each.view.stream === stream && each.groups.has(group) && !each.suspended) return true;
    }
    return this.#rights.groups(stream).has(group);
  }

  /** The endpoint says otherwise. What the app's own code joined stays. */
  regroup(groups: readonly Group[], reason: ResetReason): void {
    const given = new Set(this.#given);
    this.#groups = new Map([...this.#groups].filter(([key]) => !given.has(key)));
    this.#give(groups);
    this.#rebase(reason);
  }

  join(group: Group): void {
    const key = groupKey(group);
    if (this.#isIn(key)) return;
    this.#groups = new Map([...this.#groups, [key, group]]);
    this.#rebase('permission_changed');
  }

  leave(group: string): void {
    if (!this.#groups.has(group)) return;
    this.#groups = new Map([...this.#groups].filter(([key]) => key !== group));
    this.#rebase('permission_changed');
    void this.reconsider(group); // a view of it was theirs by that
  }

  get groups(): Iterable<string> {
    return this.#groups.keys();
  }

  /** What the user belongs to has changed: what they lost goes at once, what they gained comes with its rows. */
  membershipChanged(membership: string): void {
    for (const subscription of this.#held) {
      const { view, groups } = subscription;
      const { canSubscribe } = view.stream.binding.options;
      if (!(canSubscribe instanceof Membership) || canSubscribe.name !== membership) continue;
      if (view.group === null) {
        const now = this.#baseGroups(view.stream);
        if (subscription.wake() || !same(groups, now)) this.#regain(subscription, now);
      } else if (!this.#isIn(view.group) && !this.#rights.groups(view.stream).has(view.group)) {
        this.#drop(subscription, 'forbidden', 'you do not belong to this any more');
      } else if (subscription.wake()) subscription.start(true);
    }
  }

  /** Asks again for everything that was asked for, or for the views of one group alone: the user may be another than before. */
  async reconsider(only: string | null = null): Promise<void> {
    for (const subscription of this.#held) {
      const { stream, group } = subscription.view;
      if (group === null || (only !== null && group !== only)) continue;
      const held = subscription.groups.get(group) as ColumnGroup;
      const columns = stream.binding.groupBy ?? [];
      const values = Object.fromEntries(columns.map((column, at) => [column, held.values[at]]));
      const may = await this.may(stream, held, values);
      // It may have been let go of while it was asked for.
      if (!may && !this.#isIn(group) && this.#held.includes(subscription))
        this.#drop(subscription, 'forbidden', 'you may not subscribe to this any more');
    }
  }

  reset(stream: string, reason: ResetReason, groups: ReadonlySet<string> | null): void {
    const { box } = this.caller;
    for (const subscription of this.#held) {
      if (subscription.view.stream.name !== stream || subscription.suspended) continue;
      if (groups && ![...subscription.groups.keys()].some((group) => groups.has(group))) continue;
      if (box.wire.resetCloses !== null) {
        this.caller.parts.gateway.observed.reset(stream, reason);
        return box.close(box.wire.resetCloses, `reload: ${reason}`);
      }
      if (reason === 'membership' && this.#hangsOnMembership(subscription)) {
        // Nobody knows just now what they belong to: they get nothing until it is known again.
        subscription.suspended = true;
        subscription.suspend(reason);
      } else if (subscription.live) subscription.reset(reason); // one that loads finds out when it has its rows
    }
  }

  /** All that the connection has missed since then, over all its views, as one commit; what cannot be told is read again. */
  catchUp(after: Position): void {
    const { box, parts } = this.caller;
    const { gateway } = parts;
    const { window } = gateway;
    const live = this.#held.filter((subscription) => subscription.live);
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
    box.flush();
    box.caughtUp();
    for (const item of items) box.push(item);
    if (items.length > 0) gateway.observed.counts.merges++;
    for (const [subscription, reason] of again) subscription.reset(reason, subscription.groups, false);
    // Nothing of it was theirs to see: what they were told of a position meanwhile holds all the same. After what is read again has said so: the
    // position is not that of rows which lack what was missed.
    if (items.length === 0) box.send({ type: 'ping', position: window.tail });
    for (const subscription of this.#held) subscription.caughtUp();
    gateway.outgoing.touch();
  }

  /** Rows go on being sent. Gives whether more of them wait. */
  pump(): boolean {
    let waits = false;
    for (const subscription of this.#held) {
      subscription.pump();
      waits ||= subscription.waits;
    }
    return waits;
  }

  end(): void {
    for (const subscription of this.#held) subscription.end();
    this.#held = NONE;
    this.#groups = NO_GROUPS;
  }

  #give(groups: readonly Group[]): void {
    this.#given = groups.length > 0 ? groups.map(groupKey) : NONE;
    if (groups.length > 0) this.#groups = new Map([...this.#groups, ...groups.map((group): [string, Group] => [groupKey(group), group])]);
  }

  #begin(view: View): Subscription {
    const subscription = new Subscription(view, view.held ?? this.#baseGroups(view.stream), this);
    this.#held = [...this.#held, subscription];
    return subscription;
  }

  #isIn(group: string): boolean {
    return this.#groups.has(group);
  }

  /** Whether it is told when it is known again what its user belongs to. */
  #hangsOnMembership({ view }: Subscription): boolean {
    return view.stream.binding.options.canSubscribe instanceof Membership && userIdOf(this.caller.user) !== null;
  }

  #baseOf(stream: Stream): View {
    return this.caller.endpoint.audience.base(stream.name) as View;
  }

  /** Those groups of the connection that can be one of this stream's. */
  #baseGroups(stream: Stream): Held {
    const { groupBy, audience } = stream.binding;
    const isOf = (group: Group): boolean => (group instanceof ColumnGroup ? group.audience === audience : groupBy === null);
    const belongs = this.#rights.groups(stream);
    if (belongs.size === 0 && [...this.#groups.values()].every(isOf)) return this.#groups; // one map for both: they may be thousands
    return new Map([...[...this.#groups].filter(([, group]) => isOf(group)), ...belongs]);
  }

  /** Whether the connection may ask for the view of this group, or holds it by its own. */
  async may(stream: Stream, group: ColumnGroup, values: Readonly<Record<string, unknown>>): Promise<boolean> {
    return this.#isIn(group.key) || this.#rights.may(stream, group, values);
  }

  // What a subscription asks of who holds it.

  granted({ view }: Subscription, after: Position): readonly Entry[] {
    return this.#rights.granted(view.stream, after);
  }

  token(subscription: Subscription, since: Position): string {
    return tokenOf(this.caller, subscription, since);
  }

  count(): number {
    return ++this.#readied;
  }

  refuse(subscription: Subscription, code: AnswerCode, message: string): void {
    this.#drop(subscription, code, message);
  }

  #rebase(reason: ResetReason): void {
    for (const subscription of this.#held) {
      // What nobody knows just now is not lost: it is looked at when it is known.
      if (subscription.view.group !== null || subscription.suspended) continue;
      const groups = this.#baseGroups(subscription.view.stream);
      if (same(subscription.groups, groups)) continue;
      if (this.caller.box.wire.unasked) subscription.move(groups);
      else subscription.reset(reason, groups, false);
    }
  }

  #regain(subscription: Subscription, groups: Held): void {
    if (this.caller.box.wire.unasked) subscription.move(groups);
    else subscription.reset('membership', groups, false);
  }

  #drop(subscription: Subscription, code: AnswerCode, message: string): void {
    const { box, parts } = this.caller;
    const { gateway } = parts;
    this.#end(subscription);
    box.send({ type: 'dropped', view: subscription.view.number, position: gateway.window.tail, code, message });
    gateway.outgoing.touch();
  }

  #end(subscription: Subscription): void {
    this.#held = this.#held.filter((each) => each !== subscription);
    subscription.end();
  }
}

const NONE: readonly never[] = [];
const NO_GROUPS: ReadonlyMap<string, Group> = new Map();

function same(one: Held, other: Held): boolean {
  return one.size === other.size && [...one.keys()].every((group) => other.has(group));
}
