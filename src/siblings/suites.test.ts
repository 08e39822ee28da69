import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { BrokerOptions, Clock, OpenBroker, Position } from '../core/index.ts';
import { ORIGIN } from '../core/index.ts';
import { systemClock } from '../server/index.ts';
import { busSuite, ledgerSuite } from '../testing/index.ts';
import { siblings } from './index.ts';
import { SiblingProcess } from '../../test/siblings/process.ts';

// Every law over every way there is: the ledger in one's own process, a socket away, and two who both reach one that a third process keeps.

const TAILS = [
  'a lost tail that is appended again is given to nobody twice, and to nobody with a hole',
  'who appends after a lost tail learns of it, and nothing is taken',
  'what comes instead of a lost tail is given to who had that tail, after its own position',
];
const UNMET = { entries: 1_000_000, bytes: 2 ** 40, age: 2 ** 40 };
let folder: string;
let elsewhere: SiblingProcess;
let number = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siblings-'));
  elsewhere = new SiblingProcess();
});
afterAll(async () => {
  await elsewhere.kill();
  await rm(folder, { recursive: true });
});

function silent(): void {}

interface World {
  readonly one: OpenBroker;
  another(): Promise<OpenBroker>;
  pass(ms: number): Promise<void>;
  /** The one who keeps it is gone, and all that it kept. */
  lose(): Promise<void>;
  close(): Promise<void>;
}

/** Siblings with a clock of their own. @param first whether the first one that is opened is the one that is used */
async function inProcess(start: Position, bounds: Partial<BrokerOptions['bounds']>, first: boolean): Promise<World> {
  const path = join(folder, `${++number}`);
  const broker = siblings(path);
  let now = 0;
  let gone: () => void = silent;
  const warn = (_about: object, message: string): void => void (message.includes('another process keeps') && gone());
  const clock: Clock = { ...systemClock, now: () => now };
  const options = { epoch: 'e', start, bounds: { ...UNMET, ...bounds }, clock, log: { info: silent, warn, error: silent } };
  const opened = [await broker.open(options)];
  const open = async (): Promise<OpenBroker> => {
    const one = await broker.open(options);
    opened.push(one);
    return one;
  };
  return {
    one: first ? (opened[0] as OpenBroker) : await open(),
    another: async () => (first ? open() : (opened[0] as OpenBroker)),
    pass: async (ms) => void (now += ms),
    // Its file is: it steps down when it sees that.
    lose: async () => {
      const lost = new Promise<void>((resolve) => (gone = resolve));
      await rm(path);
      await lost;
    },
    close: async () => void (await Promise.all(opened.map((each) => each.close()))),
  };
}

/** Two who reach a ledger that another process keeps. */
async function apart(start: Position, bounds: Partial<BrokerOptions['bounds']>): Promise<World> {
  const path = join(folder, `${++number}`);
  const host = await elsewhere.open({ path, start, bounds: { ...UNMET, ...bounds }, still: true });
  const broker = siblings(path);
  const log = { info: silent, warn: silent, error: silent };
  const opened: OpenBroker[] = [];
  const open = async (): Promise<OpenBroker> => {
    const one = await broker.open({ epoch: 'e', start, bounds: UNMET, clock: systemClock, log });
    opened.push(one);
    return one;
  };
  return {
    one: await open(),
    another: open,
    pass: (ms) => host.ask({ act: 'pass', ms }),
    lose: () => host.ask({ act: 'close' }),
    async close() {
      await Promise.all(opened.map((each) => each.close()));
      await host.ask({ act: 'close' }).catch(silent);
    },
  };
}

const ways = {
  'siblings, who keeps it': (start: Position, bounds: Partial<BrokerOptions['bounds']>) => inProcess(start, bounds, true),
  'siblings, a socket away': (start: Position, bounds: Partial<BrokerOptions['bounds']>) => inProcess(start, bounds, false),
  'siblings, kept by another process': apart,
};

for (const [name, open] of Object.entries(ways)) {
  ledgerSuite(
    {
      name,
      skip: [{ reason: 'it is lost as a whole, with the process that keeps it', tests: TAILS }],
      loses: true,
      async open(start, bounds) {
        const world = await open(start, bounds);
        const { one, another, lose, ...rest } = world;
        return { ...rest, ledger: one.ledger, another: async () => (await another()).ledger, lose: { all: lose } };
      },
    },
    { describe, test },
  );
  busSuite(
    {
      name,
      skip: [],
      async open() {
        const world = await open(ORIGIN, {});
        return { bus: world.one.bus, another: async () => (await world.another()).bus, close: world.close };
      },
    },
    { describe, test },
  );
}
