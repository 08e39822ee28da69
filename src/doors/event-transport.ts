import type { ServerResponse } from 'node:http';
import type { Clock } from '../core/index.ts';
import type { Session, Transport } from '../server/index.ts';
import { placeText } from './event-places.ts';

/** How long a response that was ended may take to be read. */
const GRACE = 5_000;

/** A response that goes on for as long as its session. */
export class EventTransport implements Transport<Buffer> {
  /** Resolves when the response is over. */
  readonly gone: Promise<void>;
  /** Resolves when more may be taken in. */
  room: Promise<void> = Promise.resolve();
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  #session: Session<Buffer> | null = null;
  #place = '';
  #makeRoom = (): void => undefined;

  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
    response.on('error', () => undefined); // `close` follows
    this.gone = new Promise((resolve) => response.once('close', () => (this.resume(), resolve())));
  }

  of(session: Session<Buffer>): void {
    this.#session = session;
  }

  /** An event without data gives the place, after everything it is the place of: it is this client's own, and the events are everybody's. */
  write(bytes: Buffer): number {
    const response = this.#response;
    if (response.writableEnded || response.destroyed) return 0;
    const waiting = this.waiting();
    response.cork();
    response.write(bytes);
    const place = this.#session ? placeText(this.#session) : '';
    if (place !== this.#place) response.write(`id:${(this.#place = place)}\n\n`);
    response.uncork();
    return waiting;
  }

  waiting(): number {
    return this.#response.writableLength;
  }

  pause(): void {
    this.room = new Promise((resolve) => (this.#makeRoom = resolve));
  }

  resume(): void {
    this.#makeRoom();
  }

  /** Whoever does not read it to its end in time is cut off. */
  close(code: number, reason: string): void {
    const response = this.#response;
    if (response.writableEnded) return;
    response.end(`event:close\ndata:${JSON.stringify({ code, reason })}\n\n`);
    const cut = this.#clock.after(GRACE, () => response.destroy());
    void this.gone.then(() => cut.cancel());
  }
}
