import type { DatabaseFixture } from './fixture.ts';
import type { Runner } from './runner.ts';

/** The laws of the store port, over one body of it. */
export function storeSuite(fixture: DatabaseFixture, { describe }: Runner): void {
  describe(`${fixture.name}: store`, () => {});
}
