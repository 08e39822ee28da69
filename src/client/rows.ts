import { revive, type Action, type Data, type FieldKind, type Key, type Shape, type StreamInfo } from '../protocol/index.ts';
import type { Change } from './types.ts';

export type Row = Readonly<Record<string, unknown>>;

/** Those of a stream's fields that JSON does not hold as they are. One object for as long as the server says the same. */
export type Kinds = readonly (readonly [name: string, kind: FieldKind])[];

const PLAIN: readonly Shape[] = ['boolean', 'string', 'json'];

export function kindsOf({ fields }: StreamInfo): Kinds {
  return Object.entries(fields).filter(([, [, shape]]) => !PLAIN.includes(shape));
}

const KEYS = new WeakMap<object, Key>();

/** @throws {TypeError} for an object that did not come as a row. */
export function pkOf(row: object): Key {
  const pk = KEYS.get(row);
  if (pk === undefined) throw new TypeError('no row: a copy of one has no key');
  return pk;
}

/** One row as it came; as its model has it once somebody looks. */
export class Entry {
  readonly pk: Key;
  readonly #data: Data;
  readonly #kinds: Kinds;
  #row: Row | undefined;

  constructor(pk: Key, data: Data, kinds: Kinds) {
    this.pk = pk;
    this.#data = data;
    this.#kinds = kinds;
  }

  /** The same object every time. */
  get row(): Row {
    if (!this.#row) KEYS.set((this.#row = this.#kinds.length > 0 ? revived(this.#data, this.#kinds) : this.#data), this.pk);
    return this.#row;
  }

  same(other: Entry): boolean {
    return this.#kinds === other.#kinds && JSON.stringify(this.#data) === JSON.stringify(other.#data);
  }

  change(action: Action): Change {
    const { pk } = this;
    if (action === 'delete') return { action, pk, data: null };
    const row = (): Row => this.row;
    return {
      action,
      pk,
      get data() {
        return row();
      },
    };
  }
}

function revived(data: Data, kinds: Kinds): Row {
  const row: Record<string, unknown> = { ...data };
  for (const [name, kind] of kinds) {
    const value = data[name];
    try {
      if (value !== undefined) row[name] = revive(value, kind);
    } catch {
      // What its kind does not allow stays what it was: it must not throw in a handler that only looks at it.
    }
  }
  return row;
}
