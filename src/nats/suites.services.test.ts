import { afterAll, beforeAll, describe, test } from 'vitest';
import { HAS_NATS, startNats, type NatsServer } from '../../test/servers/nats.ts';
import { FleetWorld } from '../../test/support/nats-world.ts';
import { ORIGIN } from '../core/index.ts';
import { busSuite, ledgerSuite } from '../testing/index.ts';
import { nats } from './index.ts';

describe.skipIf(!HAS_NATS)('nats', () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNats();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  ledgerSuite(
    {
      name: 'nats',
      skip: [],
      async open(start, bounds) {
        const world = new FleetWorld(start, bounds);
        const open = async () => (await world.open(nats(server.url))).ledger;
        return {
          ledger: await open(),
          another: open,
          pass: async (ms) => world.pass(ms),
          close: () => world[Symbol.asyncDispose](),
        };
      },
    },
    { describe, test },
  );

  busSuite(
    {
      name: 'nats',
      skip: [],
      async open() {
        const world = new FleetWorld(ORIGIN);
        const open = async () => (await world.open(nats(server.url))).bus;
        return { bus: await open(), another: open, close: () => world[Symbol.asyncDispose]() };
      },
    },
    { describe, test },
  );
});
