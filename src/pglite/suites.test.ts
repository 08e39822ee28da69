import { afterAll, describe, test } from 'vitest';
import { pgliteFixture } from '../../test/pglite/fixture.ts';
import { rowsSuite, sourceSuite, storeSuite } from '../testing/index.ts';

const fixture = pgliteFixture();
afterAll(() => fixture.close());

sourceSuite(fixture, { describe, test });
storeSuite(fixture, { describe, test });
rowsSuite(
  {
    ...fixture,
    skip: [
      {
        reason: 'it is one connection, in one transaction at a time',
        tests: ['what is not committed is not read and not waited for, and comes by the log once it is'],
      },
    ],
  },
  { describe, test },
);
