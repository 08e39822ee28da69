import type { DatabaseFixture } from './fixture.ts';
import type { Runner } from './runner.ts';

/** The laws of the change-source port, over one body of it. */
export function sourceSuite(fixture: DatabaseFixture, { describe }: Runner): void {
  describe(`${fixture.name}: change source`, () => {});
}
