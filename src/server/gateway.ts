import {
  RowcastError,
  type Bus,
  type Clock,
  type Entry,
  type GroupMessage,
  type Json,
  type Ledger,
  type Log,
  type Position,
  type Receipt,
} from '../core/index.ts';
import type { Audience } from './audience.ts';
import { Outbox } from './outbox.ts';
import { Receipts } from './receipts.ts';
import { Tick, type Item } from './tick.ts';
import type { Transport, Wire } from './wire.ts';

export interface GatewayParts {
  readonly ledger: Ledger;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

/** Ledger → groups → sessions. Follows the log for as long as it lives; what it does for a commit depends on that commit's groups alone. */
export class Gateway {
  readonly receipts: Receipts;
  readonly #parts: GatewayParts;
  readonly #audiences = new Set<Audience>();
  readonly #ticks = new Map<Wire<unknown>, Tick<unknown>>();
  readonly #marks = new Map<string, { done(): void; failed(error: Error): void }>();
  readonly #boxes = new Map<string, Outbox<unknown>>();
  readonly #deaf: () => void;
  #position: Position = '';
  #scheduled = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.receipts = new Receipts(parts.clock, this.touch);
    this.#deaf = parts.bus.listen((message) => this.#hear(message));
  }

  /** The last entry this gateway has passed on. */
  get position(): Position {
    return this.#position;
  }

  async follow(after: Position, signal: AbortSignal): Promise<void> {
    this.#position = after;
    for await (const entries of this.#parts.ledger.follow(after, signal)) {
      for (const entry of entries) this.#pass(entry);
      this.flush();
    }
  }

  open(audience: Audience): void {
    this.#audiences.add(audience);
  }

  outbox<B>(session: string, wire: Wire<B>, transport: Transport<B>): Outbox<B> {
    let tick = this.#ticks.get(wire as Wire<unknown>) as Tick<B> | undefined;
    if (!tick) this.#ticks.set(wire as Wire<unknown>, (tick = new Tick(wire, this.#parts)) as Tick<unknown>);
    const box = new Outbox(wire, transport, tick);
    this.#boxes.set(session, box as Outbox<unknown>);
    return box;
  }

  leave(session: string): void {
    const box = this.#boxes.get(session);
    if (!box) return;
    this.#boxes.delete(session);
    this.receipts.forget(box);
    box.closed();
  }

  /** Resolves when the log has brought this receipt to every session here. */
  passed({ client }: Receipt): { readonly done: Promise<void>; forget(): void } {
    const done = new Promise<void>((resolve, reject) => this.#marks.set(client, { done: resolve, failed: reject }));
    return { done, forget: () => void this.#marks.delete(client) };
  }

  send(group: string, payload: Json, options: { readonly stream: string | null; readonly except: string | null }): Promise<void> {
    return this.#parts.bus.send({ group, payload, ...options });
  }

  /** Something is on its way outside of a commit: it goes out at the end of this turn of the event loop. */
  readonly touch = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  };

  flush(): void {
    for (const tick of this.#ticks.values()) if (tick.waiting) tick.flush();
  }

  close(): void {
    this.#deaf();
    for (const { failed } of this.#marks.values()) failed(new RowcastError('closed', 'Rowcast was closed before everything had gone out'));
    this.#marks.clear();
  }

  #pass(entry: Entry): void {
    if (entry.prev !== this.#position) {
      this.#parts.log.error({ prev: entry.prev, at: this.#position }, 'a gap in the ledger: everybody is told to read again');
      for (const audience of this.#audiences) {
        for (const stream of audience.streams()) this.#reset(audience, stream, { position: entry.position, reason: 'source' });
      }
    }
    this.#position = entry.position;
    for (const receipt of entry.receipts) {
      this.receipts.arrived(receipt, entry.position);
      this.#marked(receipt);
    }
    for (const audience of this.#audiences) {
      for (const { stream, reason } of entry.resets) this.#reset(audience, stream, { position: entry.position, reason });
      for (const delivery of entry.deliveries) audience.deliver(entry.position, delivery);
    }
  }

  #hear(message: GroupMessage): void {
    const except = message.except === null ? undefined : this.#boxes.get(message.except);
    for (const audience of this.#audiences) {
      try {
        audience.hear(message, except);
      } catch (error) {
        this.#parts.log.error({ err: error, stream: message.stream }, 'encode failed; the message is dropped');
      }
    }
    this.touch();
  }

  #marked({ client }: Receipt): void {
    const mark = this.#marks.get(client);
    if (!mark) return;
    this.#marks.delete(client);
    // The commit that carries a mark has no frame of its own; those before it are in the running tick.
    this.flush();
    mark.done();
  }

  #reset(audience: Audience, stream: string, about: { position: Position; reason: Entry['resets'][number]['reason'] }): void {
    for (const { view, boxes } of audience.viewers(stream)) {
      const item: Item = { position: null, frame: { type: 'reset', position: about.position, views: [view.number], reason: about.reason } };
      for (const box of [...boxes]) {
        if (box.wire.resetCloses === null) box.push(item);
        else box.close(box.wire.resetCloses, `reload: ${about.reason}`);
      }
    }
  }
}
