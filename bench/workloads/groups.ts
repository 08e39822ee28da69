import { roomsIn, type Layout } from '../load/rooms.ts';
import { compare, interleaved, type Result } from '../measure.ts';
import type { Scale } from '../scale.ts';
import { contenders, cost, each } from './contenders.ts';
import { perDelivery } from './fanout.ts';

const SERVERS = { rowcast: 'rooms-rowcast', 'gathered net.Socket.write': 'rooms-gathered', 'ws.send(string)': 'rooms-ws' };
const BYTES = 200;
const HELD = 10;

/** By the messages a socket gets in one turn of the event loop: deliveries per second, at least. */
const RATES = { 5: 250_000, 25: 1_200_000 };

/** Each socket in ten groups of fifty, every socket's ten others; and each in one of its own beside one that all are in. */
export async function groups(scale: Scale): Promise<readonly Result[]> {
  return [...(await distinct(scale)), ...(await personal(scale))];
}

async function distinct({ passes, sockets, deliveries, against }: Scale): Promise<readonly Result[]> {
  const clients = sockets * 5;
  const layout: Layout = { kind: 'sets', clients, each: HELD, rooms: Math.max(3 * HELD, clients / 5) };
  const results: Result[] = [];
  await using all = await contenders({ servers: SERVERS, sockets: clients, listen: { layout }, stream: 'items', numbered: 0, against });
  for (const [messages, limit] of Object.entries(RATES)) {
    const perTick = Math.round((Number(messages) * layout.rooms) / HELD);
    const ticks = Math.max(2, Math.round(deliveries / clients / Number(messages)));
    const workload = `fan-out: ${clients} sockets × ${HELD} groups, no two alike, ${messages} messages to a socket per tick`;
    const [cpu, rates] = await measured({ passes, all }, { ticks, each: perTick, bytes: BYTES });
    results.push(
      compare(
        { workload, figure: 'deliveries per second', better: 'more', targets: [{ limit }], headline: headlined(clients, messages) },
        rates,
      ),
      compare({ workload, figure: 'µs CPU per delivery', better: 'less' }, cpu),
    );
  }
  const ours = Object.fromEntries(Object.entries(all).filter(([name]) => name === 'rowcast' || !(name in SERVERS)));
  const moves = { call: 'moves', ticks: Math.max(2, Math.round(deliveries / layout.rooms / 50)), each: layout.rooms / HELD, bytes: BYTES };
  const values = await interleaved(
    passes,
    each(ours, (contender) => cost(contender, moves).then(perDelivery)),
  );
  results.push(
    compare(
      {
        workload: `fan-out: rows that go from group to group, ${clients} sockets × ${HELD} groups`,
        figure: 'µs CPU per delivery',
        better: 'less',
      },
      values,
    ),
  );
  return results;
}

async function personal({ passes, sockets, deliveries, against }: Scale): Promise<readonly Result[]> {
  const layout: Layout = { kind: 'shared', clients: sockets };
  await using all = await contenders({ servers: SERVERS, sockets, listen: { layout }, stream: 'items', numbered: 0, against });
  const ticks = Math.max(2, Math.round(deliveries / sockets / 4));
  const [cpu] = await measured({ passes, all }, { ticks, each: roomsIn(layout), bytes: BYTES });
  const workload = `fan-out: ${sockets} sockets, each in a group of its own and in everybody's`;
  return [compare({ workload, figure: 'µs CPU per delivery', better: 'less' }, cpu)];
}

const headlined = (clients: number, messages: string): string =>
  `${clients.toLocaleString('en')} sockets × ${HELD} groups, no two alike, ${messages} messages a turn`;

type Values = Record<string, readonly number[]>;

/** CPU per delivery, and deliveries per second. */
async function measured(
  { passes, all }: { passes: number; all: Awaited<ReturnType<typeof contenders>> },
  run: Record<string, unknown>,
): Promise<readonly [Values, Values]> {
  const rates: Record<string, number[]> = {};
  for (const contender of Object.values(all)) await cost(contender, run); // warm
  const runs = Object.entries(all).map(([name, contender]) => {
    const rate = (rates[name] = [] as number[]);
    return [
      name,
      async (): Promise<number> => {
        const spent = await cost(contender, run);
        rate.push((spent.deliveries / spent.tookUs) * 1e6);
        return perDelivery(spent);
      },
    ] as const;
  });
  return [await interleaved(passes, Object.fromEntries(runs)), rates];
}
