import { compare, interleaved, type Result } from '../measure.ts';
import { references } from '../references/install.ts';
import type { Scale } from '../scale.ts';
import type { Target } from '../targets.ts';
import { contenders, cost, each, type Cost, type Field } from './contenders.ts';

const SERVERS = { rowcast: 'fanout-rowcast', 'net.Socket.write': 'fanout-socket', 'ws.send(string)': 'fanout-ws' };

/** Packages that do the same job, each as its documentation has it at its fastest. */
const PACKAGES = {
  'socket.io': { part: '../references/socketio', dialect: 'socket.io' },
  feathers: { part: '../references/feathers', dialect: 'socket.io' },
} as const;

/** By the messages of a turn of the event loop. */
const TARGETS: Readonly<Record<number, readonly Target[]>> = {
  1: [
    { against: 'net.Socket.write', ratio: 1.15 },
    { against: 'ws.send(string)', ratio: 0.85 },
    { against: 'socket.io', ratio: 0.7 },
    { against: 'feathers', ratio: 0.35 },
  ],
  16: [
    { against: 'ws.send(string)', ratio: 1 / 12 },
    { against: 'socket.io', ratio: 1 / 10 },
  ],
};

const SMALL = 64;

interface Broadcast {
  readonly servers?: Field['servers'];
  readonly sockets: number;
  readonly deliveries: number;
  /** Messages of a turn of the event loop. */
  readonly each: readonly number[];
  /** Of the row's text. */
  readonly bytes: number;
}

/** One hot row, everybody in its group: the server's CPU per delivery, at one message per turn of the event loop and at 16. */
export async function fanout(scale: Scale): Promise<readonly Result[]> {
  const { sockets } = scale;
  const deliveries = scale.deliveries / 4;
  const servers = { ...SERVERS, ...((await references(scale)) && PACKAGES) };
  return [
    ...(await broadcast(scale, { sockets: sockets / 10, deliveries, each: [1, 16], bytes: SMALL })),
    ...(await broadcast(scale, { servers, sockets, deliveries, each: [1, 16], bytes: SMALL })),
    ...(await broadcast(scale, { sockets: sockets * 5, deliveries, each: [1, 16], bytes: SMALL })),
  ];
}

/** The same row, when it is wide. */
export async function wide(scale: Scale): Promise<readonly Result[]> {
  const { sockets, deliveries } = scale;
  return [
    ...(await broadcast(scale, { sockets, deliveries: deliveries / 4, each: [1], bytes: 1_000 })),
    ...(await broadcast(scale, { sockets, deliveries: deliveries / 10, each: [1], bytes: 10_000 })),
  ];
}

async function broadcast({ passes, against }: Scale, { servers = SERVERS, ...of }: Broadcast): Promise<readonly Result[]> {
  const { sockets, deliveries, bytes } = of;
  const results: Result[] = [];
  await using all = await contenders({ servers, sockets, stream: 'hot', against });
  for (const messages of of.each) {
    const ticks = Math.max(1, Math.round(deliveries / sockets / messages));
    const runs = each(all, (contender) => cost(contender, { ticks, each: messages, bytes }).then(perDelivery));
    for (const run of Object.values(runs)) await run(); // warm
    const values = await interleaved(passes, runs);
    const what = bytes > SMALL ? `a row of ${bytes} bytes` : '1 row';
    const workload = `fan-out: ${what} to ${sockets} sockets, ${messages} per tick`;
    const targets = bytes > SMALL ? [] : (TARGETS[messages] ?? []).filter((target) => 'against' in target && target.against in all);
    // The README shows it at the size that all contenders are measured at.
    const headline = servers === SERVERS ? {} : { headline: `one row to ${sockets.toLocaleString('en')} sockets, ${messages} a turn` };
    results.push(compare({ workload, figure: 'µs CPU per delivery', better: 'less', targets, ...headline }, values));
  }
  return results;
}

export function perDelivery({ us, deliveries }: Cost): number {
  return us / deliveries;
}
