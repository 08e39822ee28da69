import { revive, type Action, type Data, type FieldKind, type Json, type Key, type Shape, type StreamInfo } from '../protocol/index.ts';
import type { Change } from './types.ts';

export type Row = Readonly<Record<string, unknown>>;

/** How the rows of a stream are made of what comes. One object for as long as the server says the same. */
export interface Form {
  /** Those of the fields, and of the key's columns, that JSON does not hold as they are. */
  readonly kinds: readonly (readonly [name: string, kind: FieldKind])[];
  /** The key's columns. */
  readonly key: StreamInfo['key'];
}

const PLAIN: readonly Shape[] = ['boolean', 'string', 'json'];

export const FORMLESS: Form = { kinds: [], key: [] };

/** @throws {TypeError} when it is none. */
export function formOf({ fields, key }: Pick<StreamInfo, 'fields' | 'key'>): Form {
  return { kinds: Object.entries({ ...Object.fromEntries(key), ...fields }).filter(([, [, shape]]) => !PLAIN.includes(shape)), key };
}

const KEYS = new WeakMap<object, Key>();

/** @throws {TypeError} for an object that did not come as a row. */
export function pkOf(row: object): Key {
  const pk = KEYS.get(row);
  if (pk === undefined) throw new TypeError('no row: a copy of one has no key');
  return pk;
}

/** 7, 7n and '7' are one key: a stream's keys are all of the same types. */
export function keyOf(pk: Key): string {
  return Array.isArray(pk) ? JSON.stringify(pk.map(String)) : String(pk);
}

/** One row as it came; as its model has it once somebody looks. */
export class Entry {
  readonly pk: Key;
  readonly data: Data;
  /** Made here, by a write that the server may never have heard of. */
  readonly own: boolean;
  /** Where it is among the others: those that came later are behind it. */
  place = 0;
  readonly #form: Form;
  #row: Row | undefined;

  constructor(pk: Key, data: Data, form: Form, own = false) {
    this.pk = pk;
    this.data = data;
    this.own = own;
    this.#form = form;
  }

  /** The same object every time. */
  get row(): Row {
    if (!this.#row) KEYS.set((this.#row = this.#revived()), this.pk);
    return this.#row;
  }

  /** @param other under the same key */
  same(other: Entry): boolean {
    return this.#form === other.#form && JSON.stringify(this.data) === JSON.stringify(other.data);
  }

  /** With some fields written over. */
  with(data: Data): Entry {
    return new Entry(this.pk, { ...this.data, ...data }, this.#form, true).at(this.place);
  }

  at(place: number): this {
    this.place = place;
    return this;
  }

  change(action: Action): Change {
    const { pk } = this;
    const row = (): Row | null => (action === 'delete' ? null : this.row);
    return {
      action,
      pk,
      get data() {
        return row();
      },
    } as Change;
  }

  #revived(): Row {
    const { pk, data } = this;
    const { kinds, key } = this.#form;
    const row: Record<string, unknown> = {};
    // One that was made before there was a form has one part for all of its columns.
    for (const [at, [name]] of key.entries()) row[name] = key.length > 1 && Array.isArray(pk) ? (pk[at] ?? null) : pk;
    Object.assign(row, data);
    for (const [name, kind] of kinds) if (name in row) row[name] = revived(row[name] as Json, kind);
    return row;
  }
}

/** What its kind does not allow stays what it was: it must not throw in a handler that only looks at it. */
function revived(value: Json, kind: FieldKind): unknown {
  try {
    const given = revive(value, kind);
    return Number.isNaN(given) && value !== 'NaN' ? value : given;
  } catch {
    return value;
  }
}
