import { groupKey, type Group, type Json, type Position, type ResetReason, type Revocation } from '../../core/index.ts';
import {
  BadFrame,
  FrameError,
  type AnswerCode,
  type ClientFrame,
  type CloseReason,
  type Params,
  type RefreshFrame,
} from '../../protocol/index.ts';
import { appAuthor, type Arrival, type Door } from '../admission/arrival.ts';
import { principalOf, sessionOf, untilOf, userIdOf } from '../admission/admission.ts';
import { asked } from './asks.ts';
import type { SessionParts } from '../views/caller.ts';
import type { Connecting, OpenEndpoint } from '../admission/endpoint.ts';
import { within } from '../time/deadline.ts';
import type { Member } from '../fan-out/gateway.ts';
import { Intake } from './intake.ts';
import type { Outbox } from '../fan-out/outbox.ts';
import { resultOf } from '../fan-out/receipts.ts';
import { OwnStreams, type Owner } from './own-streams.ts';
import { userText } from '../admission/token.ts';
import { Views, type Shown } from '../views/views.ts';

/** How long before a user's time is over it is said: a minute. */
const EXPIRING = 60_000;

/**
 * One connection: the groups and views it holds, and what it sends, one frame after another. What goes to it is its {@link Outbox}'s.
 */
export class Session<B> implements Owner, Member {
  readonly id: string;
  readonly parts: SessionParts;
  readonly #box: Outbox<B>;
  readonly #arrival: Arrival;
  #user: unknown;
  #intake: Intake | null = null;
  readonly #views: Views;
  /** Null: the app has none here. */
  readonly #own: OwnStreams | null;
  #client: string | null = null;
  #first = true;
  #writes = 0;
  #closing: Promise<void> | null = null;
  #bad = 0;
  #until: number | null;
  #warned = false;

  constructor(parts: SessionParts, arrival: Arrival, door: Door<B>) {
    const { gateway, clock } = parts;
    this.id = clock.id();
    this.parts = parts;
    this.#arrival = arrival;
    this.#user = arrival.user;
    this.#until = untilOf(arrival.user);
    this.#box = gateway.outgoing.outbox(door.wire, door.transport);
    this.#views = new Views(this, arrival.groups);
    this.#own = arrival.endpoint.consumers.size > 0 ? new OwnStreams(arrival, this) : null;
    gateway.enter(this.id, { box: this.box, member: this, audience: arrival.endpoint.audience });
  }

  get endpoint(): OpenEndpoint {
    return this.#arrival.endpoint;
  }

  get box(): Outbox<unknown> {
    return this.#box as Outbox<unknown>;
  }

  get principal(): string | null {
    return this.#arrival.principal;
  }

  get user(): unknown {
    return this.#user;
  }

  get client(): string {
    return this.#client ?? this.id;
  }

  /** Joins the connection's groups, welcomes it and lets the app's own consumers know. */
  open(): void {
    const { endpoint } = this.#arrival;
    const { gateway } = this.parts;
    // The door may not know the session yet.
    if (this.#isLate()) return gateway.outgoing.soon(() => this.end('unauthorized', 'the access was taken back meanwhile'));
    if (gateway.isShut || (this.box.wire.unasked && [...endpoint.streams.keys()].some((stream) => gateway.isElsewhere(stream))))
      return gateway.outgoing.soon(() => this.goElsewhere());
    for (const group of this.#views.groups) endpoint.audience.join(group, this.box);
    this.#welcome();
    gateway.outgoing.touch();
    this.#intake = new Intake(this, this.#enter());
  }

  #welcome(): void {
    const { endpoint, principal } = this.#arrival;
    const { gateway, epoch, heartbeat, secret, build } = this.parts;
    this.box.send({
      type: 'welcome',
      session: this.id,
      epoch,
      position: gateway.position,
      user: principal === null ? null : userText(secret, principal),
      build: build ?? endpoint.build,
      heartbeat,
      streams: endpoint.info,
    });
  }

  /** Their access was taken back after they were let in, and before they were here; or nobody knows whether it was. */
  #isLate(): boolean {
    const { asOf, user, principal } = this.#arrival;
    const { window } = this.parts.gateway;
    if (asOf === undefined) return false;
    const session = sessionOf(user);
    return (
      window.refuses(asOf) !== null ||
      (principal !== null && window.revokedSince(asOf, { user: principal })) ||
      (session !== null && window.revokedSince(asOf, { session }))
    );
  }

  /** What the user belongs to is known before anything that they ask for is looked at. */
  async #enter(): Promise<void> {
    const { memberships, log } = this.parts;
    const user = userIdOf(this.#user);
    try {
      if (user !== null) await memberships.enter(user, this);
    } catch (error) {
      log.error({ err: error }, 'what a user belongs to could not be read: their connection is closed, and comes back');
      return this.end('overloaded', 'the database went away; come back');
    }
    if (!this.box.open) return void (user !== null && memberships.leave(user, this));
    if (this.box.wire.unasked) this.#views.attendAll();
    await this.#own?.connect();
  }

  // What the gateway asks of its sessions.

  reset(stream: string, reason: ResetReason, groups: ReadonlySet<string> | null): void {
    this.#views.reset(stream, reason, groups);
  }

  look(now: number): boolean {
    const { box } = this;
    if (box.behind !== null && box.wire.unasked) {
      this.end('slow', 'too slow: come back');
      return false;
    }
    if (box.behind !== null && box.roomy) this.#views.catchUp(box.behind);
    const waits = box.behind === null ? this.#views.pump() : true;
    if (waits && box.stuckFor(now) > this.#arrival.endpoint.limits.stuckSeconds * 1_000) this.end('slow', 'nothing was taken for too long');
    return waits;
  }

  revoked(by: Revocation): void {
    if ('user' in by ? by.user === this.#arrival.principal : by.session === sessionOf(this.#user)) {
      this.box.end('unauthorized', 'the access was taken back');
    }
  }

  missed(): void {
    this.end('overloaded', 'what happened meanwhile is not known here; come back');
  }

  views(streams: ReadonlySet<string>): boolean {
    return this.#views.of(streams);
  }

  changed(membership: string): void {
    this.#views.membershipChanged(membership);
  }

  /** Ends it when its user's time is over, and says so a minute before. */
  checkTime(time: number): void {
    if (this.#until === null || !this.box.open) return;
    const left = this.#until - time;
    if (left <= 0) this.end('expired', 'the credentials have run out');
    else if (left <= EXPIRING && !this.#warned) {
      this.#warned = true;
      this.box.send({ type: 'expiring', seconds: Math.ceil(left / 1_000) });
      this.parts.gateway.outgoing.touch();
    }
  }

  /** The server goes down: when to come back. */
  going(retryMs: number, message = 'the server is going down'): void {
    this.box.send({ type: 'going', retryMs });
    this.end('going', message);
  }

  goElsewhere(retryMs: number = this.parts.gateway.later): void {
    this.going(retryMs, 'another server tells this: come back');
  }

  /** The token of a view that is ready, for a door that keeps it for a client that cannot. */
  tokenOf(stream: string, params?: Params): Shown | null {
    return this.#views.tokenOf(stream, params);
  }

  /** How far what was written goes: up to which commit, and up to which `ready`. */
  get told(): { readonly position: Position; readonly readied: number } {
    return { position: this.box.behind ?? this.parts.gateway.position, readied: this.#views.readied };
  }

  /** A text came in; null: something that is no text. They are worked on one after another, in the order they came. */
  receive(text: string | null): void {
    if (this.box.open && this.#intake?.push(text) === false) this.end('rate', 'too many frames at once');
  }

  lost(): void {
    this.end('overloaded', 'the database went away; come back and ask again');
  }

  end(why: CloseReason, message: string): void {
    this.box.end(why, message);
  }

  close(code: number, reason: string): void {
    this.box.close(code, reason);
  }

  /** The socket is gone. Resolves when what it had begun has ended and the app's consumers have been told. */
  closed(code: number): Promise<void> {
    return (this.#closing ??= this.#depart(code));
  }

  async #depart(code: number): Promise<void> {
    const { endpoint } = this.#arrival;
    const { gateway, memberships } = this.parts;
    for (const group of this.#views.groups) endpoint.audience.leave(group, this.box);
    this.#views.end();
    gateway.leave(this.id);
    const user = userIdOf(this.#user);
    if (user !== null) memberships.leave(user, this);
    await this.#intake?.end();
    await this.#own?.disconnect(code);
  }

  async take(text: string | null): Promise<void> {
    const { endpoint } = this.#arrival;
    try {
      if (text === null) throw new FrameError('bad_frame', 'frames are text, not bytes');
      const frame = this.box.wire.parse(text, endpoint.limits, {
        offered: (stream) => (endpoint.streams.has(stream) ? 'binding' : endpoint.consumers.has(stream) ? 'consumer' : undefined),
        nextId: () => ++this.#writes,
      });
      await this.#handle(frame);
      this.#bad = 0;
    } catch (error) {
      this.#refuse(error);
    }
    this.parts.gateway.outgoing.touch();
  }

  /** What was wrong, told to the client; the socket stays, unless it does nothing else. */
  #refuse(error: unknown): void {
    const known = error instanceof FrameError;
    if (!known) this.parts.log.error({ err: error }, 'a frame failed');
    const about = error instanceof BadFrame ? error : null;
    const code: AnswerCode = known ? error.code : 'internal';
    const message = known ? error.message : 'the frame failed';
    const refused = { ok: false, code, message } as const;
    if (about?.write && about.id !== undefined) {
      this.parts.gateway.observed.counts.answers[code]++;
      this.box.send(resultOf({ id: about.id, ...(about.client && { client: about.client }) }, refused));
    } else this.error(code, message, about?.id);
    if (++this.#bad >= this.#arrival.endpoint.limits.badFrames) this.end('badFrame', 'too many bad frames');
  }

  /** Those that were told to a connection which was lost by then, too. */
  #listen(name: string): void {
    const { receipts, window, outgoing } = this.parts.gateway;
    receipts.listen(name, this.box);
    for (const { entry, write } of window.leftFor(name)) this.box.send({ type: 'seen', id: write, position: entry.position });
    outgoing.touch();
  }

  async #handle(frame: ClientFrame): Promise<void> {
    const first = this.#first;
    this.#first = false;
    switch (frame.type) {
      case 'hello':
        if (!first) throw new BadFrame('hello: only as the first frame');
        this.#client = frame.client;
        return this.#listen(appAuthor(frame.client));
      case 'subscribe':
        return this.#views.subscribe(frame);
      case 'unsubscribe':
        return this.#views.unsubscribe(frame.view);
      case 'at':
        return this.box.reported(frame.mark);
      case 'refresh':
        return this.#refresh(frame);
      case 'write':
      case 'batch':
      case 'call':
        return asked(this, this.#views, frame);
      case 'message':
        return this.#message(frame.stream, frame.payload);
    }
  }

  /** Newer credentials: the same person, who may have other groups by now. */
  async #refresh({ id, token }: RefreshFrame): Promise<void> {
    const { endpoint, connecting, principal } = this.#arrival;
    const { options, limits } = endpoint;
    const { clock, log, gateway } = this.parts;
    try {
      const user = options.refresh ? await within(clock, limits.hookMs, options.refresh(token, this.#user)) : null;
      if (user === null || user === undefined || principalOf(user) !== principal) {
        return this.error('forbidden', options.refresh ? 'these credentials do not do' : 'this endpoint takes no newer credentials', id);
      }
      const groups = await within(clock, limits.hookMs, options.connectionGroups?.(user, connecting as Connecting) ?? []);
      const until = untilOf(user);
      if (!this.box.open) return;
      this.#user = user;
      this.#until = until;
      this.#warned = false;
      const { audience } = endpoint;
      for (const group of this.#views.groups) audience.leave(group, this.box);
      this.#views.regroup(groups, 'permission_changed');
      for (const group of this.#views.groups) audience.join(group, this.box);
      await this.#views.reconsider();
      this.box.send({ type: 'refreshed', id });
      gateway.outgoing.touch();
    } catch (error) {
      log.error({ err: error, path: endpoint.path }, 'refresh or connectionGroups failed: the credentials are as they were');
      this.error('internal', 'the credentials could not be looked at', id);
    }
  }

  async #message(name: string, payload: Json): Promise<void> {
    const { consumers, commands } = this.#arrival.endpoint;
    if (commands.has(name)) this.error('unknown_stream', `"${name}" takes no messages: it is a command, call it`);
    else if (!consumers.has(name)) this.error('unknown_stream', `${quoted(name)} takes no messages here`);
    else if ((await this.#own?.receive(name, payload)) !== true) this.error('internal', `"${name}" failed`);
  }

  join(group: Group): void {
    if (!this.box.open) return;
    this.#views.join(group);
    this.#arrival.endpoint.audience.join(groupKey(group), this.box);
  }

  leave(group: string): void {
    this.#views.leave(group);
    this.#arrival.endpoint.audience.leave(group, this.box);
  }

  error(code: AnswerCode, message: string, id?: number): void {
    this.box.send({ type: 'error', code, message, ...(id === undefined ? {} : { id }) });
    if (!this.box.wire.answers) this.parts.log.warn({ code }, message);
  }
}

/** A client's own text in a message: on one line, and short. */
const quoted = (text: string): string => JSON.stringify(text.slice(0, 80));
