import type { Clock } from '../../core/index.ts';
import type { Limits } from '../fan-out/limits.ts';
import type { Transport } from '../fan-out/wire.ts';
import { Rate } from './rate.ts';

/** Frames that wait in memory before the next is refused: a socket that was told to pause may still hold this many. */
const ROOM = 4_096;

/** Whose frames they are. */
export interface Taker {
  readonly parts: { readonly clock: Clock };
  readonly endpoint: { readonly limits: Limits };
  readonly box: { readonly open: boolean; readonly transport: Pick<Transport<unknown>, 'pause' | 'resume'> };
  /** Works on one. Never rejects. */
  take(text: string | null): Promise<void>;
}

/** What a connection sends: worked on one after another, in order, no faster than its limits allow. What has to wait stops the reading. */
export class Intake {
  readonly #taker: Taker;
  readonly #rate: Rate;
  #waiting: (string | null)[] = [];
  #running: Promise<void>;
  #busy = true;
  #paused = false;
  #rest: (() => void) | null = null;

  /** Nothing is worked on before `first` has ended. */
  constructor(taker: Taker, first: Promise<void>) {
    this.#taker = taker;
    this.#rate = new Rate(taker.endpoint.limits, taker.parts.clock.now());
    this.#running = first.then(() => this.#work());
  }

  /** False: there is no room, and it is lost. */
  push(text: string | null): boolean {
    if (this.#waiting.length >= ROOM) return false;
    this.#waiting.push(text);
    if (this.#waiting.length >= this.#taker.endpoint.limits.inFlight) this.#pause();
    if (!this.#busy) this.#running = this.#work();
    return true;
  }

  /** Drops what waits; resolves when what was begun has ended. */
  async end(): Promise<void> {
    this.#waiting = [];
    this.#rest?.();
    await this.#running;
  }

  async #work(): Promise<void> {
    this.#busy = true;
    const taker = this.#taker;
    for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift()) {
      const wait = this.#rate.take(taker.parts.clock.now());
      if (wait > 0) await this.#pauseFor(wait);
      if (!taker.box.open) this.#waiting = [];
      else await taker.take(text);
    }
    this.#busy = false;
    if (!this.#paused || !taker.box.open) return;
    this.#paused = false;
    taker.box.transport.resume();
  }

  async #pauseFor(ms: number): Promise<void> {
    this.#pause();
    await new Promise<void>((resolve) => {
      const timer = this.#taker.parts.clock.after(ms, resolve);
      this.#rest = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#rest = null;
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#taker.box.transport.pause();
  }
}
