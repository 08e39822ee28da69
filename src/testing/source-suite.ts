import type { DatabaseFixture } from './fixture.ts';
import { kindLaws } from './kind-laws.ts';
import { IMAGE_LAWS } from './image-laws.ts';
import { Opened } from './opened.ts';
import { READING_LAWS } from './reading-laws.ts';
import { runLaws, type Laws, type Runner } from './runner.ts';
import { setupLaws } from './setup-laws.ts';

/** The laws of the change-source port, and of the setup before it, over one body of them. */
export function sourceSuite(fixture: DatabaseFixture, { describe, test }: Runner): void {
  const laws: Laws<Opened> = { ...IMAGE_LAWS, ...READING_LAWS, ...setupLaws(fixture), ...kindLaws(fixture) };
  describe(`${fixture.name}: change source`, () => {
    runLaws(laws, fixture, ({ name, law, skipped }) => {
      if (skipped !== undefined) return test.skip(`${name} [skipped: ${skipped}]`, async () => {});
      return test(name, async () => {
        const opened = await Opened.in(fixture);
        try {
          await law(opened);
        } finally {
          await opened.end();
        }
      });
    });
  });
}
