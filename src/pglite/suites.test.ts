import { afterAll, describe, test } from 'vitest';
import { pgliteFixture } from '../../test/pglite/fixture.ts';
import { sourceSuite, storeSuite } from '../testing/index.ts';

const fixture = pgliteFixture();
afterAll(() => fixture.close());

sourceSuite(fixture, { describe, test });
storeSuite(fixture, { describe, test });
