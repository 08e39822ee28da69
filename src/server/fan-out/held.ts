import type { ColumnGroup, Group } from '../../core/index.ts';

/** The groups a view is read for, by name. */
export interface Held {
  readonly size: number;
  has(group: string): boolean;
  get(group: string): Group | undefined;
  keys(): Iterable<string>;
  values(): Iterable<Group>;
}

/** Of a view of one group: there are many, and a map of one is seven times as big. */
export class HeldOne implements Held {
  readonly #group: ColumnGroup;

  constructor(group: ColumnGroup) {
    this.#group = group;
  }

  get size(): number {
    return 1;
  }

  has(group: string): boolean {
    return this.#group.key === group;
  }

  get(group: string): Group | undefined {
    return this.has(group) ? this.#group : undefined;
  }

  keys(): Iterable<string> {
    return [this.#group.key];
  }

  values(): Iterable<Group> {
    return [this.#group];
  }
}
