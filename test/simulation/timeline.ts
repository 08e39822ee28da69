import type { Random } from './random.ts';

/** A turn of the real event loop: what runs by itself (promises) has run to its end when the next one begins. */
const turn = globalThis.setImmediate;

interface Event {
  readonly at: number;
  readonly number: number;
  readonly fire: () => void;
  cancelled: boolean;
}

/** How long things take here, in milliseconds: mostly next to nothing, sometimes long enough for everything else to happen meanwhile. */
export type Latency = 'instant' | 'quick' | 'slow';

/** The one order in which everything happens: virtual time, events by their time, and chance from the seed alone. */
export class Timeline {
  readonly random: Random;
  /** What happened, for whoever reads a failure; null: nobody will. */
  readonly trace: string[] | null;
  readonly #heap: Event[] = [];
  #now = 0;
  #number = 0;
  #stopped = false;

  constructor(random: Random, traced: boolean) {
    this.random = random;
    this.trace = traced ? [] : null;
  }

  /** Milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** How many events there have been. */
  get count(): number {
    return this.#number;
  }

  note(text: () => string): void {
    this.trace?.push(`${this.#now.toFixed(2).padStart(10)}  ${text()}`);
  }

  at(ms: number, fire: () => void): { cancel(): void } {
    const event: Event = { at: Math.max(ms, this.#now), number: this.#number++, fire, cancelled: false };
    push(this.#heap, event);
    return { cancel: () => void (event.cancelled = true) };
  }

  latency(kind: Latency): number {
    const { random } = this;
    switch (kind) {
      case 'instant':
        return random.next() * 0.2;
      case 'quick':
        return random.chance(0.1) ? random.next() * 40 : random.next() * 2;
      case 'slow':
        return random.chance(0.3) ? random.next() * 400 : random.next() * 20;
    }
  }

  /** Nothing more happens. */
  stop(): void {
    this.#stopped = true;
  }

  /** Lets everything happen that is due until then. */
  async run(until: number): Promise<void> {
    while (!this.#stopped) {
      const first = this.#heap[0];
      if (!first || first.at > until) break;
      pop(this.#heap);
      if (first.cancelled) continue;
      this.#now = first.at;
      first.fire();
      await new Promise<void>((resolve) => turn(resolve));
    }
    if (!this.#stopped) this.#now = Math.max(this.#now, until);
  }
}

function before(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.number < other.number);
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(event, heap[parent] as Event)) break;
    heap[at] = heap[parent] as Event;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop() as Event;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child++;
    if (!before(heap[child] as Event, last)) break;
    heap[at] = heap[child] as Event;
    at = child;
  }
  heap[at] = last;
}
