import { createHash } from 'node:crypto';
import type { Clock, Json, Log, Store, Stream } from '../core/index.ts';
import {
  BadFrame,
  FrameError,
  type AnswerCode,
  type ClientFrame,
  type CloseReason,
  type SubscribeFrame,
  type WriteFrame,
} from '../protocol/index.ts';
import type { View } from './audience.ts';
import { within } from './deadline.ts';
import type { Connecting, OpenEndpoint } from './endpoint.ts';
import type { Gateway } from './gateway.ts';
import { groupOf, inbound } from './inbound.ts';
import { Intake } from './intake.ts';
import type { Outbox } from './outbox.ts';
import { OwnStreams } from './own-streams.ts';
import type { Transport, Wire } from './wire.ts';

/** What every session of a server shares. */
export interface SessionParts {
  readonly gateway: Gateway;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly epoch: string;
}

/** Who connected, to what. */
export interface Arrival {
  readonly endpoint: OpenEndpoint;
  readonly user: unknown;
  /** Null: nobody in particular. */
  readonly principal: string | null;
  readonly connecting: Connecting;
  /** Those of `connectionGroups`. */
  readonly groups: readonly string[];
}

/** How a connection's bytes are made, and where they go. */
export interface Door<B> {
  readonly wire: Wire<B>;
  readonly transport: Transport<B>;
}

/**
 * One connection: the groups and views it holds, and what it sends, one frame after another. What goes to it is its {@link Outbox}'s.
 */
export class Session<B> {
  readonly id: string;
  readonly box: Outbox<B>;
  readonly #parts: SessionParts;
  readonly #arrival: Arrival;
  readonly #transport: Transport<B>;
  #intake: Intake | null = null;
  readonly #groups = new Set<string>();
  readonly #views = new Map<number, View>();
  readonly #own: OwnStreams;
  /** Its name in the log, see {@link authorOf}. */
  #author: string;
  #principal: string;
  #first = true;
  #writes = 0;
  #closing: Promise<void> | null = null;
  #bad = 0;

  constructor(parts: SessionParts, arrival: Arrival, door: Door<B>) {
    this.id = parts.clock.id();
    this.#parts = parts;
    this.#arrival = arrival;
    [this.#principal, this.#author] = authorOf(arrival, this.id);
    this.#transport = door.transport;
    this.box = parts.gateway.outbox(this.id, door.wire, door.transport);
    this.#own = new OwnStreams(arrival, {
      log: parts.log,
      open: () => this.box.open,
      send: (frame) => {
        this.box.send(frame);
        parts.gateway.touch();
      },
      close: (code, reason) => this.close(code, reason),
      join: (group) => this.#join(group),
      leave: (group) => this.#leave(group),
      sendTo: (group, payload, { stream, others }) => void parts.gateway.send(group, payload, { stream, except: others ? this.id : null }),
    });
  }

  /** Joins the connection's groups, welcomes it and lets the app's own consumers know. */
  open(): void {
    const { endpoint, groups } = this.#arrival;
    for (const group of groups) this.#join(group);
    const { gateway, epoch, clock } = this.#parts;
    this.box.send({ type: 'welcome', session: this.id, epoch, position: gateway.position, streams: endpoint.info });
    gateway.touch();
    const intake = { limits: endpoint.limits, clock, source: this.#transport, open: () => this.box.open, take: this.#take };
    this.#intake = new Intake(intake, this.#own.connect());
  }

  /** A text came in; null: something that is no text. They are worked on one after another, in the order they came. */
  receive(text: string | null): void {
    if (this.box.open && this.#intake?.push(text) === false) this.end('rate', 'too many frames at once');
  }

  end(why: CloseReason, message: string): void {
    this.#parts.gateway.flush(); // what it was told already goes out first
    this.box.end(why, message);
  }

  close(code: number, reason: string): void {
    this.#parts.gateway.flush();
    this.box.close(code, reason);
  }

  /** The socket is gone. Resolves when what it had begun has ended and the app's consumers have been told. */
  closed(code: number): Promise<void> {
    return (this.#closing ??= this.#depart(code));
  }

  async #depart(code: number): Promise<void> {
    const { endpoint } = this.#arrival;
    for (const group of this.#groups) endpoint.audience.leave(group, this.box as Outbox<unknown>);
    for (const view of this.#views.values()) endpoint.audience.unsubscribe(view, this.box as Outbox<unknown>);
    this.#groups.clear();
    this.#views.clear();
    this.#parts.gateway.leave(this.id);
    await this.#intake?.end();
    await this.#own.disconnect(code);
  }

  readonly #take = async (text: string | null): Promise<void> => {
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
    this.#parts.gateway.touch();
  };

  /** What was wrong, told to the client; the socket stays, unless it does nothing else. */
  #refuse(error: unknown): void {
    const known = error instanceof FrameError;
    if (!known) this.#parts.log.error({ err: error }, 'a frame failed');
    const about = error instanceof BadFrame ? error : null;
    const code: AnswerCode = known ? error.code : 'internal';
    const message = known ? error.message : 'the frame failed';
    if (about?.write && about.id !== undefined) this.box.send({ type: 'result', id: about.id, ok: false, code, message });
    else this.#error(code, message, about?.id);
    if (++this.#bad >= this.#arrival.endpoint.limits.badFrames) this.end('badFrame', 'too many bad frames');
  }

  async #handle(frame: ClientFrame): Promise<void> {
    const first = this.#first;
    this.#first = false;
    switch (frame.type) {
      case 'hello':
        if (!first) throw new BadFrame('hello: only as the first frame');
        [this.#principal, this.#author] = authorOf(this.#arrival, frame.client);
        return;
      case 'subscribe':
        return this.#subscribe(frame);
      case 'unsubscribe':
        return this.#unsubscribe(frame.view);
      case 'write':
        return this.#write(frame);
      case 'message':
        return this.#message(frame.stream, frame.payload);
    }
  }

  async #subscribe({ id, stream: name, params }: SubscribeFrame): Promise<void> {
    const { endpoint, user } = this.#arrival;
    const stream = endpoint.streams.get(name);
    if (!stream) return this.#error('unknown_stream', `${quoted(name)} is no stream here`, id);
    const group = groupOf(stream, params);
    if (!group) return this.#error('invalid', `"${name}" takes ${stream.binding.groupBy?.join(', ') ?? 'no'} as params`, id);
    const held = this.#viewOf(stream, group.name);
    if (held) return this.#subscribed(id, held);
    if (this.#views.size >= endpoint.limits.subscriptions) {
      return this.#error('too_large', `at most ${endpoint.limits.subscriptions} subscriptions at a time; unsubscribe one`, id);
    }
    if (!this.#groups.has(group.name) && !(await this.#maySubscribe(stream, user, group.values))) {
      return this.#error('forbidden', 'you may not subscribe to this', id);
    }
    if (!this.box.open) return;
    const view = endpoint.audience.subscribe(stream, group.name, this.box as Outbox<unknown>);
    this.#views.set(view.number, view);
    this.#subscribed(id, view);
  }

  #subscribed(id: number, { number }: View): void {
    this.box.send({ type: 'subscribed', id, view: number, position: this.#parts.gateway.position });
  }

  async #maySubscribe({ binding, name }: Stream, user: unknown, params: Readonly<Record<string, unknown>>): Promise<boolean> {
    const { canSubscribe } = binding.options;
    if (!canSubscribe) return false;
    const { clock, log } = this.#parts;
    try {
      return (await within(clock, this.#arrival.endpoint.limits.hookMs, canSubscribe(user, params as never))) === true;
    } catch (error) {
      log.error({ err: error, stream: name }, 'canSubscribe failed: refused');
      return false;
    }
  }

  #unsubscribe(number: number): void {
    const view = this.#views.get(number);
    if (!view) return; // crossed with a close from the other side: nothing to do
    this.#views.delete(number);
    this.#arrival.endpoint.audience.unsubscribe(view, this.box as Outbox<unknown>);
  }

  async #write(frame: WriteFrame): Promise<void> {
    const { endpoint, user } = this.#arrival;
    const stream = endpoint.streams.get(frame.stream);
    const { gateway, store, clock, log } = this.#parts;
    const receipt = { client: this.#author, write: frame.id };
    const box = this.box as Outbox<unknown>;
    gateway.receipts.expect(receipt, box);
    if (!stream) {
      const message = `${quoted(frame.stream)} is no stream here`;
      return gateway.receipts.answered(receipt, { ok: false, code: 'unknown_stream', message }, false);
    }
    const writer = {
      user,
      principal: this.#principal,
      receipt,
      holds: (group: string) => this.#groups.has(group) || this.#viewOf(stream, group) !== undefined,
    };
    const outcome = await inbound(frame, stream, writer, { store, clock, log, hookMs: endpoint.limits.hookMs }).catch(() => null);
    if (outcome === null) return this.end('overloaded', 'the database went away; come back and ask again');
    const { answer, logged } = outcome;
    if (!answer.ok && !this.box.wire.answers) log.warn({ stream: frame.stream, action: frame.action, code: answer.code }, answer.message);
    gateway.receipts.answered(receipt, answer, logged);
  }

  #viewOf(stream: Stream, group: string): View | undefined {
    return [...this.#views.values()].find((view) => view.stream === stream && view.group === group);
  }

  async #message(name: string, payload: Json): Promise<void> {
    if (!this.#arrival.endpoint.consumers.has(name)) this.#error('unknown_stream', `${quoted(name)} takes no messages here`);
    else if (!(await this.#own.receive(name, payload))) this.#error('internal', `"${name}" failed`);
  }

  #join(group: string): void {
    if (!this.box.open) return;
    this.#groups.add(group);
    this.#arrival.endpoint.audience.join(group, this.box as Outbox<unknown>);
  }

  #leave(group: string): void {
    if (this.#groups.delete(group)) this.#arrival.endpoint.audience.leave(group, this.box as Outbox<unknown>);
  }

  #error(code: AnswerCode, message: string, id?: number): void {
    this.box.send({ type: 'error', code, message, ...(id === undefined ? {} : { id }) });
    if (!this.box.wire.answers) this.#parts.log.warn({ code }, message);
  }
}

/**
 * Who writes, and under which name the log has it: a digest of both, so that no client has another user's by knowing it, and the log holds
 * no user.
 */
function authorOf({ principal }: Arrival, client: string): [principal: string, author: string] {
  const who = principal ?? `anonymous:${client}`;
  return [
    who,
    createHash('sha256')
      .update(JSON.stringify([who, client]))
      .digest('base64url'),
  ];
}

/** A client's own text in a message: on one line, and short. */
const quoted = (text: string): string => JSON.stringify(text.slice(0, 80));
