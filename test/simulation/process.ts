import type { Clock } from '../../src/core/index.ts';
import type { Latency, Timeline } from './timeline.ts';

/** 2026, in milliseconds since 1970: when the timeline begins. */
const BEGINNING = 1_767_225_600_000;

/** Something that runs until it is killed: from then on none of its timers fires and nothing it waits for comes. */
export class Process implements Clock {
  readonly name: string;
  readonly timeline: Timeline;
  #alive = true;
  readonly #ends = new Set<() => void>();

  constructor(name: string, timeline: Timeline) {
    this.name = name;
    this.timeline = timeline;
  }

  get alive(): boolean {
    return this.#alive;
  }

  now(): number {
    return this.timeline.now;
  }

  time(): number {
    return BEGINNING + Math.floor(this.timeline.now);
  }

  id(): string {
    return this.timeline.random.name();
  }

  after(ms: number, fire: () => void): { cancel(): void } {
    return this.timeline.at(this.timeline.now + ms, () => this.#alive && fire());
  }

  /** In a turn of its own. */
  soon(fire: () => void): void {
    this.after(this.timeline.latency('instant'), fire);
  }

  /** Never resolves for the dead. */
  takes(kind: Latency): Promise<void> {
    return new Promise((resolve) => this.after(this.timeline.latency(kind), resolve));
  }

  /** What others do about its death: a database rolls back, a network closes. Gives the way not to. */
  whenKilled(fire: () => void): () => void {
    this.#ends.add(fire);
    return () => this.#ends.delete(fire);
  }

  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const fire of this.#ends) fire();
    this.#ends.clear();
  }
}
