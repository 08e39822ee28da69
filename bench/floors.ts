import type { Result } from './measure.ts';
import type { Judged } from './targets.ts';
import { round } from './text.ts';

/** Why a target is out of reach. */
export interface Floor {
  /** Of `workload: figure: target`, as they are shown. */
  readonly of: RegExp;
  /** What stops it, and which number is the honest limit: as Markdown, of the figures that were measured along with it. */
  readonly says: (result: Result) => string;
  /** Profiles that show it, as `--profile cpu` names them. */
  readonly flames?: readonly string[];
}

const median = ({ contenders }: Result, name: string): number => contenders[name]?.median ?? NaN;

/** What a bare loop takes of each reference that was measured along with it. */
function sharesOf(result: Result, bare: string): string {
  const [, ...references] = Object.keys(result.contenders).filter((name) => name !== bare);
  return references.map((name) => `${round(median(result, bare) / median(result, name))} of \`${name}\``).join(', ');
}

/** By workload. A target that is missed and not in here is in reach, and the page says so. */
export const FLOORS: Readonly<Record<string, readonly Floor[]>> = {
  fanout: [
    {
      of: /1 per tick/,
      says: (result) =>
        `One delivery in a turn is one system call. A bare \`net.Socket.write\` of the same bytes, which knows nothing of rows, groups or positions, costs ${sharesOf(result, 'net.Socket.write')} in this run: that is the floor, and 1.15 × it the honest limit.`,
      flames: ['fanout-fanout-rowcast-3', 'fanout-fanout-socket-3'],
    },
    {
      of: /16 per tick/,
      says: () =>
        'Sixteen messages go out in one write to a socket. What is left is that write, a sixteenth of it for each message, and what a commit costs once, which few sockets share: the more sockets, the nearer to the write alone. The honest limit is what 5,000 sockets show.',
    },
  ],
  groups: [
    {
      of: /25 messages to a socket per tick: deliveries per second/,
      says: (result) =>
        `A bare loop that has every socket’s bytes laid out and only writes them makes ${round(median(result, 'gathered net.Socket.write'))} a second on this machine, which is the floor; routing takes the rest. The ratio is what to hold it to.`,
      flames: ['groups-rooms-rowcast-2', 'groups-rooms-gathered-2'],
    },
  ],
  sparse: [
    {
      of: /10000 × 1 clients/,
      says: () =>
        'The code does the same for a commit, however many clients there are: one lookup, one frame, one write. The flame graphs of both have most of their frames in common. What differs is taken to be memory that was last touched ten thousand commits ago (a session, its socket, the kernel’s half of it) and is in no cache; cache misses were not counted, and no bare loop was measured beside it.',
      // Of ten thousand, and of a hundred.
      flames: ['sparse-rooms-rowcast-1', 'sparse-rooms-rowcast-3'],
    },
  ],
  latency: [
    {
      of: /sqlite: to the last/,
      says: () =>
        'SQLite tells nobody of a commit: it is looked for every 5 ms, 2.5 on average, and a thousand writes follow, one system call each. A shorter look would cost an idle app more than it is worth. The honest limit is that sum.',
    },
  ],
  capture: [
    {
      of: /reader’s CPU per row/,
      says: () =>
        'Who waits for whom. On a quiet machine the reader is as fast as the server sends, and finds little each time it looks: 100,000 rows came in 26,000 to 40,000 reads of about 1 KB, at 3.9 µs a row, which was 0.63 of `postgres.js` and 0.33 of `pg-logical-replication`. With two other processes at work on both cores the same rows waited for it in 453 reads of 64 KiB, at 1.6 µs, 0.27 and 0.14. Start-up and idling are in neither. The honest limit is that of the quiet machine; 1.6 µs is what decoding takes. Waiting on purpose for more to come was not tried: it would cost latency.',
    },
  ],
  writes: [
    {
      of: /by its log/,
      says: () =>
        'The server decodes each transaction for the slot, sends it, and the app reads it, on the same two cores that the writes are made on. It is taken to be that CPU: it was not measured on a machine with cores to spare.',
    },
    {
      of: /by triggers/,
      says: () =>
        'A trigger writes a second row, with both images of the first, and its index, in the same transaction: which is what the figure is. The log is there for who cannot pay that.',
    },
  ],
  bulk: [
    {
      of: /100,000 rows/,
      says: () =>
        'A commit reaches its viewers whole: what its entry makes of each connection’s bytes is done at one stroke. In the flame graph of the whole pass the garbage collector has a third; how much of that falls into the longest stall was not told apart. It is a little under 1 µs a row.',
      flames: ['bulk-bulk-postgres-4'],
    },
  ],
  inbound: [
    {
      of: /no database/,
      says: (result) =>
        `A server that parses and answers and does nothing else is at ${round(median(result, 'ws, parsed and answered'))}. What a write is beyond that: its digest, so that it is done once; the whitelist, the validators and the judge, each of which may be a promise; an entry in the log; and the answer, kept. The graph has no summit to take off: the garbage collector has a sixth, parsing and the digest a tenth each.`,
      flames: ['inbound-inbound-memory-1'],
    },
    {
      of: /SQLite/,
      says: () =>
        'Beside the update that the loop does too, a write reads its row, stores its answer and leaves a receipt in the journal, in the same transaction, and comes in and goes out by a socket.',
      flames: ['inbound-inbound-sqlite-1'],
    },
  ],
  'first-rows': [
    {
      of: /postgres, each a view of its own/,
      says: () =>
        'A thousand views that differ are a thousand queries, over ten connections at most: so many a connection of their own would be more than a server has. Clients that ask for the same view share one.',
    },
  ],
  memory: [
    {
      of: /100000 groups/,
      says: (result) =>
        `What is kept for a group that the app hands over as a value of its own, taken to be its string and its values: ${round(median(result, 'rowcast') - median(result, 'groups it is put into'))} MiB of the figure. Groups that a connection is put into by name are within the target.`,
    },
  ],
};

export const flamesOf = (name: string): readonly string[] => [...new Set((FLOORS[name] ?? []).flatMap(({ flames = [] }) => flames))];

/** Of a result’s missed target; not of one that is in reach. */
export function floor(name: string, result: Result, missed: Judged): Floor | undefined {
  const text = `${result.workload}: ${result.figure}: ${missed.target}`;
  return FLOORS[name]?.find(({ of }) => of.test(text));
}
