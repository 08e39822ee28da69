import type { DatabaseFixture } from './fixture.ts';
import { Opened } from './opened.ts';
import { runLaws, type Laws, type Runner } from './runner.ts';
import { HOLD_LAWS } from './rows-hold-laws.ts';
import { rowsKindLaws } from './rows-kind-laws.ts';
import { MOMENT_LAWS } from './rows-moment-laws.ts';
import { PAGE_LAWS } from './rows-page-laws.ts';
import { selectionLaws } from './rows-selection-laws.ts';

/** The laws of the rows port, over one body of it. */
export function rowsSuite(fixture: DatabaseFixture, { describe, test }: Runner): void {
  const laws: Laws<Opened> = { ...PAGE_LAWS, ...selectionLaws(fixture), ...MOMENT_LAWS, ...HOLD_LAWS, ...rowsKindLaws(fixture) };
  describe(`${fixture.name}: rows`, () => {
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
