/** What who leads is told, each time it takes or keeps the lease. */
export interface Leading {
  /** Greater than every term before, from 1; the same for as long as one holder keeps the lease. */
  readonly term: number;
  /** Another asks for it: give it as soon as what is in hand is done. */
  readonly wanted: boolean;
}

/**
 * Which of several processes reads the log for all: one row in the source database, by that database's own clock.
 *
 * - **One holder.** `take` gives the lease for `ms` from now to who has it already, or to anybody once it was given back or has lapsed; null while
 *   another has it. A new holder begins a new term, greater than all before, whatever became of them.
 * - **Clock.** Set back by less than a lease is long, it takes it from nobody; by more, it is anybody's: who had it may be gone.
 * - **Wanted.** `want` asks the holder to give it back, for `ms`; meanwhile whoever else but the asking one asks for a free lease gets null. The
 *   last one to ask is the one that gets it.
 * - **Given.** `give` lets go of it at once; of another's lease it does nothing.
 * - **Fencing is the ledger's.** A holder may be frozen and wake after its lease has lapsed, so the lease keeps nobody from writing: the term does.
 * - **Eviction.** Where a log can have one reader only, whoever begins a new term finds the reader of the term before it gone, or ended.
 */
export interface Lease {
  take(holder: string, ms: number): Promise<Leading | null>;
  want(holder: string, ms: number): Promise<void>;
  give(holder: string): Promise<void>;
}
