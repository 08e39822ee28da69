import { compare, interleaved, type Result } from '../measure.ts';
import type { Scale } from '../scale.ts';
import type { Target } from '../targets.ts';
import { contenders, cost, each, type Cost } from './contenders.ts';

const SERVERS = { rowcast: 'fanout-rowcast', 'net.Socket.write': 'fanout-socket', 'ws.send(string)': 'fanout-ws' };

/** By the messages of a turn of the event loop. */
const TARGETS: Readonly<Record<number, readonly Target[]>> = {
  1: [
    { against: 'net.Socket.write', ratio: 1.15 },
    { against: 'ws.send(string)', ratio: 0.85 },
  ],
  16: [{ against: 'ws.send(string)', ratio: 1 / 12 }],
};

const SMALL = 64;

interface Broadcast {
  /** No fewer than those of the one before. */
  readonly sockets: number;
  readonly deliveries: number;
  /** Messages of a turn of the event loop. */
  readonly each: readonly number[];
  /** Of the row's text. */
  readonly bytes: number;
}

/** One hot row, everybody in its group: the server's CPU per delivery, at one message per turn of the event loop and at 16. */
export async function fanout(scale: Scale): Promise<readonly Result[]> {
  const { sockets, deliveries } = scale;
  const few = { sockets: sockets / 10, deliveries: deliveries / 4, each: [1, 16], bytes: SMALL };
  const many = { sockets: sockets * 5, deliveries: deliveries / 4, each: [1, 16], bytes: SMALL };
  return broadcast(scale, [few, { sockets, deliveries, each: [1, 16], bytes: SMALL }, many]);
}

/** The same row, when it is wide. */
export async function wide(scale: Scale): Promise<readonly Result[]> {
  const { sockets, deliveries } = scale;
  const kilobyte = { sockets, deliveries: deliveries / 4, each: [1], bytes: 1_000 };
  return broadcast(scale, [kilobyte, { sockets, deliveries: deliveries / 10, each: [1], bytes: 10_000 }]);
}

async function broadcast({ passes, against }: Scale, broadcasts: readonly Broadcast[]): Promise<readonly Result[]> {
  const results: Result[] = [];
  let sockets = (broadcasts[0] as Broadcast).sockets;
  await using all = await contenders({ servers: SERVERS, sockets, stream: 'hot', against });
  for (const { bytes, deliveries, ...of } of broadcasts) {
    await Promise.all(Object.values(all).map(({ sink }) => sink.ask('more', { sockets: of.sockets - sockets })));
    ({ sockets } = of);
    for (const messages of of.each) {
      const ticks = Math.max(1, Math.round(deliveries / sockets / messages));
      const runs = each(all, (contender) => cost(contender, { ticks, each: messages, bytes }).then(perDelivery));
      for (const run of Object.values(runs)) await run(); // warm
      const values = await interleaved(passes, runs);
      const what = bytes > SMALL ? `a row of ${bytes} bytes` : '1 row';
      const workload = `fan-out: ${what} to ${sockets} sockets, ${messages} per tick`;
      const targets = bytes > SMALL ? [] : (TARGETS[messages] ?? []);
      results.push(compare({ workload, figure: 'µs CPU per delivery', better: 'less', targets }, values));
    }
  }
  return results;
}

export function perDelivery({ us, deliveries }: Cost): number {
  return us / deliveries;
}
