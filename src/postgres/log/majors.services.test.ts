import { afterAll, beforeAll, describe, test } from 'vitest';
import { ABSENCE_LAWS } from '../../../test/postgres/absence-laws.ts';
import { BUS_LAWS, busFixture } from '../../../test/postgres/buses.ts';
import { FLEET_LAWS } from '../../../test/postgres/fleet-laws.ts';
import { SHARED_LAWS } from '../../../test/postgres/shared-laws.ts';
import { CAPPED, logFixture } from '../../../test/postgres/fixture.ts';
import { LOG_LAWS } from '../../../test/postgres/log-laws.ts';
import { MOMENT_LAWS } from '../../../test/postgres/moment-laws.ts';
import { REFUSED_SERVERS } from '../../../test/postgres/refused-servers.ts';
import { RESTART_LAWS } from '../../../test/postgres/restart-laws.ts';
import { ROWS_LAWS } from '../../../test/postgres/rows-laws.ts';
import { rowsSiteOnServer } from '../../../test/postgres/rows-sites.ts';
import { SETUP_LAWS, siteOn } from '../../../test/postgres/setup-laws.ts';
import { placeOn, STREAM_LAWS } from '../../../test/postgres/stream-laws.ts';
import { startPostgres, type Major, type PostgresServer } from '../../../test/servers/postgres.ts';
import { busSuite, sourceSuite, storeSuite } from '../../testing/index.ts';

// Everything that holds on 18 holds on the oldest server from Debian and on the one between.
describe.each<Major>([15, 17])('Postgres %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: { ...CAPPED, wal_sender_timeout: '2s', max_prepared_transactions: 5 } });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const fixture = logFixture(`postgres ${major}`, () => server);
  sourceSuite(fixture, { describe, test });
  storeSuite(fixture, { describe, test });
  busSuite(
    busFixture(`postgres ${major}`, () => server, 'log'),
    { describe, test },
  );
  for (const [name, law] of Object.entries(BUS_LAWS)) test(name, () => law(server, 'log'));

  for (const [name, law] of Object.entries({ ...STREAM_LAWS, ...RESTART_LAWS, ...ABSENCE_LAWS, ...FLEET_LAWS, ...SHARED_LAWS })) {
    test(name, async () => {
      await using place = await placeOn(server);
      await law(place, server);
    });
  }
  for (const [name, law] of Object.entries({ ...SETUP_LAWS, ...LOG_LAWS, ...MOMENT_LAWS })) {
    test(name, async () => {
      await using site = await siteOn(server);
      await law(site, server);
    });
  }
  for (const [name, law] of Object.entries(ROWS_LAWS)) {
    test(name, async () => {
      await using site = await rowsSiteOnServer(server);
      await law(site);
    });
  }
  for (const [name, law] of Object.entries(REFUSED_SERVERS)) test(name, () => law(major));
});
