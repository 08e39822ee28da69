import { randomBytes } from 'node:crypto';
import type { Clock } from '../../src/main/index.ts';

/** Time that passes when a test says so. */
export class HandClock implements Clock {
  #now = 0;
  #timers = new Map<object, { readonly at: number; readonly fire: () => void }>();

  now(): number {
    return this.#now;
  }

  time(): number {
    return 1_700_000_000_000 + this.#now;
  }

  soon(fire: () => void): void {
    setImmediate(fire);
  }

  id(): string {
    return randomBytes(16).toString('base64url');
  }

  after(ms: number, fire: () => void): { cancel(): void } {
    const timer = {};
    this.#timers.set(timer, { at: this.#now + ms, fire });
    return { cancel: () => void this.#timers.delete(timer) };
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass, firing what falls due in order; what is in flight gets turns of the event loop before and after. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await turns();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      const [timer, { at, fire }] = due;
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, at);
      fire();
      await turns();
    }
    this.#now = end;
    await turns();
  }
}

/** A few turns of the event loop: for what needs no time but its own steps. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
