import type { Leading } from './ports/lease.ts';

/** A lease as it is kept. Times are milliseconds since 1970. */
export interface LeaseState {
  readonly term: number;
  readonly holder: string | null;
  /** From when to when it is held: for its length before it was taken, too, since a clock may be set back a little. Further back nobody holds it. */
  readonly from: number;
  readonly until: number;
  /** Who asked for it last, and from when to when that counts, likewise. */
  readonly by: string | null;
  readonly asked: number;
  readonly wanted: number;
}

export const NO_LEASE: LeaseState = { term: 0, holder: null, from: 0, until: 0, by: null, asked: 0, wanted: 0 };

/** One request for a lease, at one moment. */
export interface LeaseRequest {
  readonly holder: string;
  readonly ms: number;
  readonly now: number;
}

/** The rules of the lease port, for bodies that keep it as a value. @returns null: it is not to be had. */
export function leaseTaken(
  state: LeaseState,
  { holder, ms, now }: LeaseRequest,
): { readonly state: LeaseState; readonly leading: Leading } | null {
  const asked = state.by !== null && state.by !== holder && state.wanted > now && state.asked <= now;
  const during = { from: now - ms, until: now + ms };
  if (state.until > now && state.from <= now && state.holder !== null) {
    if (state.holder !== holder) return null;
    return { state: { ...state, ...during }, leading: { term: state.term, wanted: asked } };
  }
  if (asked) return null;
  const term = state.term + 1;
  return { state: { ...NO_LEASE, term, holder, ...during }, leading: { term, wanted: false } };
}

export function leaseWanted(state: LeaseState, { holder, ms, now }: LeaseRequest): LeaseState {
  return { ...state, by: holder, asked: now - ms, wanted: now + ms };
}

export function leaseGiven(state: LeaseState, holder: string): LeaseState {
  return state.holder === holder ? { ...state, holder: null } : state;
}
