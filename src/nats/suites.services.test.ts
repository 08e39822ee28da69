import { afterAll, beforeAll, describe, test } from 'vitest';
import { HAS_NATS, startNats, type NatsServer } from '../../test/servers/nats.ts';
import { FleetWorld } from '../../test/support/nats-world.ts';
import { ORIGIN, type Ledger } from '../core/index.ts';
import { busSuite, ledgerSuite } from '../testing/index.ts';
import { nats } from './index.ts';
import { namesOf } from './stream.ts';
import { backAgain, deleted } from '../../test/support/nats-world.ts';

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
      loses: true,
      async open(start, bounds) {
        const world = new FleetWorld(start, bounds);
        const opened: Ledger[] = [];
        const open = async (): Promise<Ledger> => {
          const { ledger } = await world.open(nats(server.url));
          opened.push(ledger);
          return ledger;
        };
        const away = async (change: () => Promise<void>): Promise<void> => {
          await server.kill('SIGTERM');
          await change();
          await server.start();
        };
        return {
          ledger: await open(),
          another: open,
          lose: {
            async lag() {
              await away(() => server.keep());
              for (const ledger of opened) await backAgain(ledger);
              return () => away(() => server.restore());
            },
            all: () => deleted(server, namesOf(world.epoch).stream),
          },
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
