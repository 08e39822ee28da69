/**
 * What can be wrong. `lost`: a change that had to come did not, and the view went past it. `torn`: some of a commit came, not all of it.
 * `duplicated`: a change came twice. `reordered`: a position fell. `leaked`: bytes of what may not be seen. `wrong`: other data, or another
 * action, than the log says; a row too many. `unexplained`: a reset, a refusal or a loss of connection that nobody caused. `write`: a write that
 * was not answered once, or not applied as answered. `protocol`: a frame out of place. `stuck`: what should have come by a quiet moment did not.
 */
export type Kind = 'lost' | 'torn' | 'duplicated' | 'reordered' | 'leaked' | 'wrong' | 'unexplained' | 'write' | 'protocol' | 'stuck';

export interface Violation {
  readonly kind: Kind;
  /** Which client, and which of its views. */
  readonly who: string;
  readonly about: string;
}

/** Something that was done to the system: on purpose, or by the machine that all of it runs on. */
export interface Injected {
  readonly what:
    | 'server killed'
    | 'server stopped'
    | 'database crashed'
    | 'database link'
    | 'client link'
    | 'slow link'
    | 'client left'
    | 'forged token'
    | 'slot lost'
    | 'broker lost'
    | 'broker link'
    // not on purpose
    | 'server starved'
    | 'clients starved';
  /** The client it was done to; null: everybody. */
  readonly who: string | null;
  /** Milliseconds. `until` is null while it lasts. */
  readonly from: number;
  until: number | null;
}

/** After a fault has ended, what it caused may still come. Milliseconds. */
const AFTERMATH = 30_000;
/** Who was kept from running hears at once what it missed. A slow machine must not excuse what comes at any other time. */
const AFTER_STARVING = 2_000;

/** Nobody did it: the machine had no time for them. */
export const isStarving = ({ what }: Injected): boolean => what === 'server starved' || what === 'clients starved';

const aftermath = (fault: Injected): number => (isStarving(fault) ? AFTER_STARVING : AFTERMATH);

export function during(
  faults: readonly Injected[],
  { who, from, until }: { who: string; from: number; until: number },
): readonly Injected[] {
  return faults.filter(
    (fault) => (fault.who === null || fault.who === who) && fault.from <= until && (fault.until ?? Infinity) + aftermath(fault) >= from,
  );
}
