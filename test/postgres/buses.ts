import { expect } from 'vitest';
import { MESSAGE_BYTES, type Bus, type GroupMessage, type OpenDatabase } from '../../src/core/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import type { BusFixture } from '../../src/testing/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { connect } from './fixture.ts';
import { Follower, until } from './follower.ts';

/** The bus of a database of its own, followed either way, by as many processes as are asked for. */
export function busFixture(name: string, server: () => PostgresServer, follow: 'log' | 'triggers'): BusFixture {
  return {
    name,
    skip: [],
    async open() {
      const url = await server().createDatabase();
      const all: Follower[] = [];
      const another = async (): Promise<Bus> => {
        // Its database's name: slots are the server's.
        const slot = new URL(url).pathname.slice(1);
        const follower = await Follower.of(postgres({ url, follow, connections: 2, ...(follow === 'log' && { slot }) }), []);
        all.push(follower);
        await follower.settled();
        return busOf(follower.open);
      };
      return {
        bus: await another(),
        another,
        async close() {
          await Promise.all(all.map((each) => each[Symbol.asyncDispose]()));
        },
      };
    },
  };
}

function busOf({ bus }: OpenDatabase): Bus {
  if (!bus) throw new Error('it has no bus');
  return bus;
}

const message = (payload: GroupMessage['payload']): GroupMessage => ({ group: 'g', stream: null, payload, except: null });

/** Beyond the port. */
export const BUS_LAWS: Readonly<Record<string, (server: PostgresServer, follow: 'log' | 'triggers') => Promise<void>>> = {
  async 'messages of any size come whole, up to one that is refused with a name for it'(server, follow) {
    const world = await busFixture('', () => server, follow).open();
    try {
      const other = await world.another();
      const heard: unknown[] = [];
      other.listen(({ payload }) => heard.push(payload));
      const sizes = [1, 7_850, 7_900, 8_000, 100_000, MESSAGE_BYTES - 100];
      for (const size of sizes) void world.bus.send(message('x'.repeat(size)));
      // The same again, in one transaction: nothing is taken for something else.
      for (const each of ['same', 'same', 'žluť']) void world.bus.send(message(each));
      await until(() => heard.length === sizes.length + 3);
      expect(heard).toEqual([...sizes.map((size) => 'x'.repeat(size)), 'same', 'same', 'žluť']);
      await expect(world.bus.send(message('x'.repeat(MESSAGE_BYTES)))).rejects.toMatchObject({ code: 'message_refused' });
    } finally {
      await world.close();
    }
  },

  async 'after a connection is cut messages are heard again, none twice'(server, follow) {
    const world = await busFixture('', () => server, follow).open();
    const admin = await connect(server.url);
    try {
      const other = await world.another();
      const heard: number[] = [];
      other.listen(({ payload }) => heard.push(Number(payload)));
      let sent = 0;
      const send = (): Promise<boolean> =>
        world.bus.send(message(++sent)).then(
          () => true,
          () => false,
        );
      for (let round = 0; round < 3; round++) {
        await until(send);
        await until(() => heard.includes(sent));
        await admin.run(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN ('rowcast log', 'rowcast listener')`,
        );
        await until(async () => (await send()) && heard.at(-1) === sent);
      }
      expect(heard).toEqual([...new Set(heard)].toSorted((one, another) => one - another));
    } finally {
      await admin.close();
      await world.close();
    }
  },
};
