import { BATCH_LAWS } from './batch-laws.ts';
import { CALL_LAWS } from './call-laws.ts';
import type { DatabaseFixture } from './fixture.ts';
import { LEAVE_LAWS } from './leave-laws.ts';
import { Opened } from './opened.ts';
import { REFUSAL_LAWS } from './refusal-laws.ts';
import { runLaws, type Runner } from './runner.ts';
import { WRITE_LAWS } from './write-laws.ts';

/** The laws of the store port, over one body of it. */
export function storeSuite(fixture: DatabaseFixture, { describe, test }: Runner): void {
  describe(`${fixture.name}: store`, () => {
    runLaws({ ...WRITE_LAWS, ...REFUSAL_LAWS, ...BATCH_LAWS, ...CALL_LAWS, ...LEAVE_LAWS }, fixture, ({ name, law, skipped }) => {
      if (skipped !== undefined) return test.skip(`${name} [skipped: ${skipped}]`, async () => {});
      return test(name, async () => {
        const opened = await Opened.in(fixture);
        try {
          const open = await opened.open();
          const { blog, post } = opened.models;
          await opened.write(
            { model: blog, before: null, after: { id: 1, title: 'First' } },
            { model: blog, before: null, after: { id: 2, title: 'Second' } },
            { model: post, before: null, after: { id: 1, blogId: 1, slug: 'one', title: 'One', body: null, notes: null } },
          );
          await law({ opened, open, fixture });
        } finally {
          await opened.end();
        }
      });
    });
  });
}
