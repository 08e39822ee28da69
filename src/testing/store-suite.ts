import type { DatabaseFixture } from './fixture.ts';
import { Opened } from './opened.ts';
import { REFUSAL_LAWS } from './refusal-laws.ts';
import { runLaws, type Runner } from './runner.ts';
import { WRITE_LAWS } from './write-laws.ts';

/** The laws of the store port, over one body of it. */
export function storeSuite(fixture: DatabaseFixture, { describe, test }: Runner): void {
  describe(`${fixture.name}: store`, () => {
    runLaws({ ...WRITE_LAWS, ...REFUSAL_LAWS }, fixture, ({ name, law, skipped }) => {
      if (skipped !== undefined) return test.skip(`${name} [skipped: ${skipped}]`, async () => {});
      return test(name, async () => {
        const opened = await Opened.in(fixture);
        try {
          await opened.run("INSERT INTO blog(id, title) VALUES (1, 'First'), (2, 'Second')");
          await opened.run("INSERT INTO post(id, blog_id, slug, title) VALUES (1, 1, 'one', 'One')");
          await law({ opened, open: await opened.open(), fixture });
        } finally {
          await opened.end();
        }
      });
    });
  });
}
