import type { Slot } from './database.ts';
import { Process } from './process.ts';
import { Serving, type ServingParts } from './server.ts';

export interface PlaceParts {
  readonly name: string;
  readonly slot: Slot;
  /** What the next server there is made of. */
  parts(): Omit<ServingParts, 'slot'>;
  /** A server starts to read from its slot. */
  starts(): void;
  failed(error: unknown): void;
}

/** Where servers run, one after the other, each reading the log by the same slot. */
export class Place {
  readonly slot: Slot;
  serving: Serving | null = null;
  readonly #parts: PlaceParts;
  /** On its way up. */
  #booting: Process | null = null;
  #closing = false;
  #count = 0;

  constructor(parts: PlaceParts) {
    this.#parts = parts;
    this.slot = parts.slot;
  }

  start(): void {
    if (this.#booting || this.serving || this.#closing) return;
    const { parts, name, slot, starts } = this.#parts;
    const made = parts();
    const { timeline } = made.database;
    const process = new Process(`${name}${++this.#count}`, timeline);
    this.#booting = process;
    starts();
    timeline.note(() => `${process.name}: starts, release ${made.release}, the log goes back to ${slot.confirmed}`);
    Serving.start(process, { ...made, slot }).then(
      (serving) => {
        this.#booting = null;
        this.serving = serving;
        timeline.note(() => `${process.name}: serves`);
      },
      (error: unknown) => {
        this.#booting = null;
        timeline.note(() => `${process.name}: did not start (${String(error)})`);
        timeline.at(timeline.now + 500, () => this.start());
      },
    );
  }

  crash(): void {
    const process = this.#booting ?? this.serving?.process;
    this.#booting = this.serving = null;
    process?.timeline.note(() => `${process.name}: killed`);
    process?.kill();
    this.start();
  }

  restart(): void {
    const { serving } = this;
    if (!serving) return;
    this.serving = null;
    this.#closing = true;
    serving.close().then(
      () => {
        this.#closing = false;
        this.start();
      },
      (error: unknown) => this.#parts.failed(error),
    );
  }
}
