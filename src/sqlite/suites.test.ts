import { describe, test } from 'vitest';
import { DRIVERS, SOURCE_SKIPS, sqliteFixture } from '../../test/sqlite/fixture.ts';
import { rowsSuite, sourceSuite, storeSuite } from '../testing/index.ts';

for (const driver of DRIVERS) {
  sourceSuite(sqliteFixture(driver, SOURCE_SKIPS), { describe, test });
  storeSuite(sqliteFixture(driver), { describe, test });
  rowsSuite(sqliteFixture(driver), { describe, test });
}
