import type { Outbox } from './outbox.ts';

/**
 * Who is in a group. One stands for itself: most groups have one member, and there may be very many groups. Nobody is `undefined`.
 *
 * @example
 * ```ts
 * let there = withOne(undefined, ann) // ann
 * there = withOne(there, bob) // both
 * there = without(there, bob) // ann
 * ```
 */
export type Some<T extends object> = T | Members<T>;

export function withOne<T extends object>(there: Some<T> | undefined, member: T): Some<T> {
  if (there === undefined || there === member) return member;
  const members = there instanceof Members ? there : new Members(there);
  members.add(member);
  return members;
}

export function without<T extends object>(there: Some<T> | undefined, member: T): Some<T> | undefined {
  if (!(there instanceof Members)) return there === member ? undefined : there;
  return there.remove(member) === 0 ? undefined : there;
}

export function listOf<T extends object>(there: Some<T> | undefined): readonly T[] {
  if (there === undefined) return NOBODY;
  return there instanceof Members ? there.list : [there];
}

/** The connection of each: who tells all of them looks at nothing else. */
export function boxesOf<T extends { readonly box: Box }>(there: Some<T>): readonly Box[] {
  return there instanceof Members ? there.boxes(boxOf) : [there.box];
}

type Box = Outbox<unknown>;

const NOBODY: readonly never[] = [];
const boxOf = ({ box }: { readonly box: Box }): Box => box;

/** Of so many, each is looked for; of more, its place is known. */
const FEW = 8;

/** A dense list with the place of each: joining and leaving cost the same whatever its size. */
class Members<T extends object> {
  readonly list: T[];
  /** The connection of each; null: nobody has told all of them anything since one came or went. */
  #boxes: readonly Box[] | null = null;
  #places: Map<T, number> | null = null;

  constructor(first: T) {
    this.list = [first];
  }

  add(member: T): void {
    const { list } = this;
    if (this.#placeOf(member) >= 0) return;
    if (list.length === FEW) this.#places ??= new Map(list.map((each, place) => [each, place]));
    this.#places?.set(member, list.length);
    list.push(member);
    this.#boxes = null;
  }

  /** Gives how many are left. */
  remove(member: T): number {
    const { list } = this;
    const place = this.#placeOf(member);
    if (place < 0) return list.length;
    const last = list.pop() as T;
    this.#places?.delete(member);
    if (last !== member) {
      list[place] = last;
      this.#places?.set(last, place);
    }
    this.#boxes = null;
    return list.length;
  }

  boxes(boxOf: (member: T) => Box): readonly Box[] {
    return (this.#boxes ??= this.list.map(boxOf));
  }

  #placeOf(member: T): number {
    return this.#places ? (this.#places.get(member) ?? -1) : this.list.indexOf(member);
  }
}
