/** One place in a file, found by its text, and what is put there. */
export interface Edit {
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** One way to be wrong that looks right: what is shipped, with one thing changed. */
export interface Mutant {
  readonly name: string;
  /** What it breaks, for whoever reads that it was not found. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** A law that finds it, where it lies below what is simulated. Left out: the simulation does. */
  readonly law?: { readonly file: string; readonly name: string };
}

/** One place in a file of what is shipped. */
export const one = (file: string, find: string, replace: string): readonly Edit[] => [{ file: `src/${file}`, find, replace }];
