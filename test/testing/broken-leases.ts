import { leaseGiven, leaseTaken, leaseWanted, NO_LEASE, type Lease, type LeaseState } from '../../src/core/index.ts';
import type { LeaseFixture } from '../../src/testing/index.ts';

/** A lease over a value, one part of which may be another. */
type Part = Partial<{
  take(state: LeaseState, holder: string, ms: number, now: number): ReturnType<typeof leaseTaken>;
  want(state: LeaseState, holder: string, ms: number, now: number): LeaseState;
  give(state: LeaseState, holder: string): LeaseState;
  /** Between looking and writing. */
  pause(): Promise<void>;
}>;

export function leaseOf(name: string, part: Part): LeaseFixture {
  return {
    name,
    skip: [],
    seed: 20261123,
    async open() {
      let now = 0;
      let state = NO_LEASE;
      const lease: Lease = {
        async take(holder, ms) {
          const taken = part.take ? part.take(state, holder, ms, now) : leaseTaken(state, { holder, ms, now });
          if (part.pause) await part.pause();
          if (!taken) return null;
          ({ state } = taken);
          return taken.leading;
        },
        async want(holder, ms) {
          state = part.want ? part.want(state, holder, ms, now) : leaseWanted(state, { holder, ms, now });
        },
        async give(holder) {
          state = part.give ? part.give(state, holder) : leaseGiven(state, holder);
        },
      };
      return { lease, another: async () => lease, pass: async (ms) => void (now += ms), close: async () => {} };
    },
  };
}

const RACE = 'of ten that race for it one gets it, and so each time';

/** Leases that break one promise each, and a law that finds it; the law that plays at random finds all but the race. */
export const BROKEN_LEASES: readonly { readonly name: string; readonly part: Part; readonly law: string }[] = [
  { name: 'looks, and then writes', part: { pause: () => new Promise(setImmediate) }, law: RACE },
  {
    name: 'begins no new term after one that lapsed',
    part: {
      take: (state, holder, ms, now) => {
        const taken = leaseTaken(state, { holder, ms, now });
        if (!taken || state.holder === null) return taken;
        return { state: { ...taken.state, term: state.term }, leading: { ...taken.leading, term: state.term } };
      },
    },
    law: 'a lease that has lapsed is for anybody, under a greater term, and not for who had it',
  },
  {
    name: 'lets its own holder go on after it lapsed',
    part: {
      take: (state, holder, ms, now) => leaseTaken(state.holder === holder ? { ...state, until: Infinity } : state, { holder, ms, now }),
    },
    law: 'who takes its own lapsed lease begins a new term: nobody knows what was between',
  },
  {
    name: 'does not lapse',
    part: { take: (state, holder, ms, now) => leaseTaken({ ...state, until: Infinity }, { holder, ms, now }) },
    law: 'a lease that has lapsed is for anybody, under a greater term, and not for who had it',
  },
  {
    name: 'counts from the first take',
    part: {
      take: (state, holder, ms, now) => {
        const taken = leaseTaken(state, { holder, ms, now });
        return taken && taken.state.term === state.term ? { ...taken, state } : taken;
      },
    },
    law: 'every take counts from itself, whether that is longer or shorter',
  },
  {
    name: 'lets anybody give it',
    part: { give: (state) => ({ ...state, holder: null }) },
    law: 'giving what another has, or nobody, does nothing',
  },
  {
    name: 'forgets its terms with its holder',
    part: { give: (state, holder) => (state.holder === holder ? NO_LEASE : state) },
    law: 'a lease that was given back is there at once, under a greater term',
  },
  {
    name: 'does not say that it is wanted',
    part: {
      take: (state, holder, ms, now) => {
        const taken = leaseTaken(state, { holder, ms, now });
        return taken && { ...taken, leading: { ...taken.leading, wanted: false } };
      },
    },
    law: 'who asks for it is heard by its holder, once it takes it again, and by nobody else',
  },
  {
    name: 'goes to whoever is first, whoever has asked',
    part: {
      take: (state, holder, ms, now) => leaseTaken(state.until > now && state.holder ? state : { ...state, by: null }, { holder, ms, now }),
    },
    law: 'a lease that is asked for is for who asked, given or lapsed',
  },
  {
    name: 'goes to the first that asked',
    part: { want: (state, holder, ms, now) => (state.by !== null && state.wanted > now ? state : leaseWanted(state, { holder, ms, now })) },
    law: 'the last one to ask is the one that gets it',
  },
  {
    name: 'waits for ever for who asked',
    part: { want: (state, holder, _ms, now) => leaseWanted(state, { holder, ms: Infinity, now }) },
    law: 'who asked and does not come is waited for no longer than it asked for',
  },
  {
    name: 'remembers who asked after it came',
    part: {
      take: (state, holder, ms, now) => {
        const taken = leaseTaken(state, { holder, ms, now });
        return taken && { ...taken, state: { ...taken.state, by: state.by, wanted: state.wanted } };
      },
    },
    law: 'who asked and got it is not waited for again',
  },
];
