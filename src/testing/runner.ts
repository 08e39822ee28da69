/** The two functions of a test runner that a suite needs: vitest's and node:test's own fit as they are. */
export interface Runner {
  describe(name: string, body: () => void): unknown;
  readonly test: {
    (name: string, body: () => Promise<void>): unknown;
    skip(name: string, body: () => Promise<void>): unknown;
  };
}

/** What a body of a port cannot do, said with its reason: these tests are reported as skipped, never silently left out. */
export interface Skip {
  readonly reason: string;
  /** The laws' names, as the suite has them. */
  readonly tests: readonly string[];
}

/** A law's name and how it is shown to hold. */
export type Laws<C> = Readonly<Record<string, (context: C) => Promise<void>>>;

/** @throws {Error} when a skip names a test that the suite does not have: it would hide nothing and promise something. */
export function runLaws<C>(
  laws: Laws<C>,
  suite: { readonly name: string; readonly skip: readonly Skip[] },
  run: (runner: LawRunner<C>) => void,
): void {
  const reasons = new Map(suite.skip.flatMap(({ reason, tests }) => tests.map((name) => [name, reason] as const)));
  for (const name of reasons.keys()) {
    if (!(name in laws))
      throw new Error(`${suite.name} skips "${name}", which is no test of this suite; it has: ${Object.keys(laws).join('; ')}`);
  }
  for (const [name, law] of Object.entries(laws)) run({ name, law, skipped: reasons.get(name) });
}

export interface LawRunner<C> {
  readonly name: string;
  readonly law: (context: C) => Promise<void>;
  /** Why it does not apply to this body; undefined when it does. */
  readonly skipped: string | undefined;
}
