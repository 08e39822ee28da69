/** Who is in which rooms. */
export type Layout =
  /** Each alone in so many. */
  | { readonly kind: 'own'; readonly clients: number; readonly each: number }
  /** Each in one of its own, and in one that everybody is in: the last. */
  | { readonly kind: 'shared'; readonly clients: number }
  /** All but so many in one, those in another. */
  | { readonly kind: 'crowd'; readonly clients: number; readonly apart: number }
  /** Each in so many of so many, and no two in the same. */
  | { readonly kind: 'sets'; readonly clients: number; readonly each: number; readonly rooms: number };

export function roomsIn(layout: Layout): number {
  switch (layout.kind) {
    case 'own':
      return layout.clients * layout.each;
    case 'shared':
      return layout.clients + 1;
    case 'crowd':
      return 2;
    case 'sets':
      return layout.rooms;
  }
}

/** By client, the rooms it is in: the same in every process. */
export function roomsOf(layout: Layout): readonly (readonly number[])[] {
  const { clients } = layout;
  switch (layout.kind) {
    case 'own':
      return Array.from({ length: clients }, (_, n) => Array.from({ length: layout.each }, (_each, at) => n * layout.each + at));
    case 'shared':
      return Array.from({ length: clients }, (_, n) => [n, clients]);
    case 'crowd':
      return Array.from({ length: clients }, (_, n) => [n < clients - layout.apart ? 0 : 1]);
    case 'sets': {
      const random = randomly();
      const taken = new Set<string>();
      return Array.from({ length: clients }, () => {
        for (;;) {
          const set = new Set<number>();
          while (set.size < layout.each) set.add(random(layout.rooms));
          const rooms = [...set].sort((one, other) => one - other);
          const name = rooms.join();
          if (taken.has(name)) continue;
          taken.add(name);
          return rooms;
        }
      });
    }
  }
}

/** By room, who is in it. */
export function membersOf(layout: Layout): readonly (readonly number[])[] {
  const members: number[][] = Array.from({ length: roomsIn(layout) }, () => []);
  for (const [client, rooms] of roomsOf(layout).entries()) for (const room of rooms) members[room]?.push(client);
  return members;
}

/** Every room once, in no order, and again: the same for every contender. */
export function* inTurn(rooms: number): Generator<number, never> {
  const random = randomly();
  const order = Array.from({ length: rooms }, (_, room) => room);
  for (let at = rooms - 1; at > 0; at--) {
    const other = random(at + 1);
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  for (let at = 0; ; at = (at + 1) % rooms) yield order[at] as number;
}

/** Whole numbers below what is asked for, the same in each run (mulberry32). */
function randomly(): (below: number) => number {
  let state = 0x2f6e2b1;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
