import type { Clock, Json, Log, Store, Stream } from '../core/index.ts';
import {
  BadFrame,
  CLOSE,
  FrameError,
  isClientName,
  type AnswerCode,
  type ClientFrame,
  type SubscribeFrame,
  type WriteFrame,
} from '../protocol/index.ts';
import type { View } from './audience.ts';
import { within } from './deadline.ts';
import type { Connecting, OpenEndpoint } from './endpoint.ts';
import type { Gateway } from './gateway.ts';
import { groupOf, inbound } from './inbound.ts';
import { Rate } from './limits.ts';
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
}

/** Frames that wait in memory before the next is refused: a socket that was told to pause may still hold this many. */
const QUEUE = 4_096;

/**
 * One connection: the groups and views it holds, and what it sends, one frame after another. What goes to it is its {@link Outbox}'s.
 */
export class Session<B> {
  readonly id: string;
  readonly box: Outbox<B>;
  readonly #parts: SessionParts;
  readonly #arrival: Arrival;
  readonly #transport: Transport<B>;
  readonly #rate: Rate;
  readonly #groups = new Set<string>();
  readonly #views = new Map<number, View>();
  readonly #own: OwnStreams;
  #client: string;
  #first = true;
  #writes = 0;
  #queue: string[] = [];
  #busy = false;
  #paused = false;
  #bad = 0;
  #ended = false;

  constructor(parts: SessionParts, arrival: Arrival, door: { readonly wire: Wire<B>; readonly transport: Transport<B> }) {
    this.id = parts.clock.id();
    this.#client = this.id;
    this.#parts = parts;
    this.#arrival = arrival;
    this.#transport = door.transport;
    this.#rate = new Rate(arrival.endpoint.limits, parts.clock.now());
    this.box = parts.gateway.outbox(this.id, door.wire, door.transport);
    this.#own = new OwnStreams(arrival, {
      log: parts.log,
      send: (frame) => this.box.send(frame),
      close: (code, reason) => this.close(code, reason),
      join: (group) => this.#join(group),
      leave: (group) => this.#leave(group),
      sendTo: (group, payload, { stream, others }) => void parts.gateway.send(group, payload, { stream, except: others ? this.id : null }),
    });
  }

  /** Joins the connection's groups, welcomes it and lets the app's own consumers know. */
  async open(groups: readonly string[]): Promise<void> {
    const { endpoint } = this.#arrival;
    for (const group of groups) this.#join(group);
    const { gateway, epoch } = this.#parts;
    this.box.send({ type: 'welcome', session: this.id, epoch, position: gateway.position, streams: endpoint.info });
    gateway.touch();
    this.#busy = true;
    await this.#own.connect();
    gateway.touch();
    this.#busy = false;
    if (this.#queue.length > 0) void this.#work();
  }

  /** A text frame came in. Frames are worked on one after another, in the order they came. */
  receive(text: string): void {
    if (this.#ended) return;
    if (this.#queue.length >= QUEUE) {
      this.close(CLOSE.rate, 'too many frames at once');
      return;
    }
    this.#queue.push(text);
    if (!this.#paused && this.#queue.length >= this.#arrival.endpoint.limits.inFlight) this.#pause();
    if (!this.#busy) void this.#work();
  }

  close(code: number, reason: string): void {
    this.box.close(code, reason);
  }

  /** The socket is gone. */
  async closed(code: number): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue = [];
    const { endpoint } = this.#arrival;
    for (const group of this.#groups) endpoint.audience.leave(group, this.box as Outbox<unknown>);
    for (const view of this.#views.values()) endpoint.audience.unsubscribe(view, this.box as Outbox<unknown>);
    this.#groups.clear();
    this.#views.clear();
    this.#parts.gateway.leave(this.id);
    await this.#own.disconnect(code);
  }

  /** Something came in that is no text at all. */
  unreadable(message: string): void {
    this.#refuse(new FrameError('bad_frame', message));
    this.#parts.gateway.touch();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    const { clock } = this.#parts;
    for (let text = this.#queue.shift(); text !== undefined; text = this.#queue.shift()) {
      const wait = this.#rate.take(clock.now());
      if (wait > 0) {
        this.#pause();
        await new Promise<void>((resolve) => clock.after(wait, resolve));
      }
      if (this.#ended) break;
      await this.#take(text);
    }
    this.#busy = false;
    if (this.#paused && !this.#ended) {
      this.#paused = false;
      this.#transport.resume();
    }
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#transport.pause();
  }

  async #take(text: string): Promise<void> {
    const { endpoint } = this.#arrival;
    try {
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
  }

  /** What was wrong, told to the client; the socket stays, unless it does nothing else. */
  #refuse(error: unknown): void {
    const known = error instanceof FrameError;
    if (!known) this.#parts.log.error({ err: error }, 'a frame failed');
    const about = error instanceof BadFrame ? error : null;
    const code: AnswerCode = known ? error.code : 'internal';
    const message = known ? error.message : 'the frame failed';
    if (about?.write && about.id !== undefined) this.box.send({ type: 'result', id: about.id, ok: false, code, message });
    else this.#error(code, message, about?.id);
    if (++this.#bad >= this.#arrival.endpoint.limits.badFrames) this.close(CLOSE.badFrame, 'too many bad frames');
  }

  async #handle(frame: ClientFrame): Promise<void> {
    const first = this.#first;
    this.#first = false;
    switch (frame.type) {
      case 'hello':
        if (!first) throw new BadFrame('hello: only as the first frame');
        if (isClientName(frame.client)) this.#client = frame.client;
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
    if (!stream) return this.#error('unknown_stream', `"${name.slice(0, 80)}" is no stream here`, id);
    const group = groupOf(stream, params);
    if (!group) return this.#error('invalid', `"${name}" takes ${stream.binding.groupBy?.join(', ') ?? 'no'} as params`, id);
    if (this.#views.size >= endpoint.limits.subscriptions) {
      return this.#error('too_large', `at most ${endpoint.limits.subscriptions} subscriptions at a time; unsubscribe one`, id);
    }
    if (!this.#groups.has(group.name) && !(await this.#maySubscribe(stream, user, group.values))) {
      return this.#error('forbidden', 'you may not subscribe to this', id);
    }
    if (this.#ended) return;
    const view = endpoint.audience.subscribe(stream, group.name, this.box as Outbox<unknown>);
    this.#views.set(view.number, view);
    this.box.send({ type: 'subscribed', id, view: view.number, position: this.#parts.gateway.position });
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
    const { endpoint, user, principal } = this.#arrival;
    const stream = endpoint.streams.get(frame.stream);
    const { gateway, store, clock, log } = this.#parts;
    const receipt = { client: this.#client, write: frame.id };
    const box = this.box as Outbox<unknown>;
    gateway.receipts.expect(receipt, box);
    if (!stream) {
      const message = `"${frame.stream.slice(0, 80)}" is no stream here`;
      return gateway.receipts.answered(receipt, { ok: false, code: 'unknown_stream', message }, false);
    }
    const writer = {
      user,
      principal: principal ?? `anonymous:${this.#client}`,
      receipt,
      holds: (group: string) => this.#holds(stream, group),
    };
    const { answer, logged } = await inbound(frame, stream, writer, { store, clock, log, hookMs: endpoint.limits.hookMs });
    if (!answer.ok && !this.box.wire.answers) log.warn({ stream: frame.stream, action: frame.action, code: answer.code }, answer.message);
    gateway.receipts.answered(receipt, answer, logged);
  }

  #holds(stream: Stream, group: string): boolean {
    if (this.#groups.has(group)) return true;
    for (const view of this.#views.values()) if (view.stream === stream && view.group === group) return true;
    return false;
  }

  async #message(name: string, payload: Json): Promise<void> {
    if (!this.#arrival.endpoint.consumers.has(name)) this.#error('unknown_stream', `"${name.slice(0, 80)}" takes no messages here`);
    else if (!(await this.#own.receive(name, payload))) this.#error('internal', `"${name}" failed`);
  }

  #join(group: string): void {
    if (this.#ended) return;
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
