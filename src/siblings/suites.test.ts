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
  close(): Promise<void>;
}

/** Siblings with a clock of their own. @param first whether the first one that is opened is the one that is used */
async function inProcess(start: Position, bounds: Partial<BrokerOptions['bounds']>, first: boolean): Promise<World> {
  const broker = siblings(join(folder, `${++number}`));
  let now = 0;
  const clock: Clock = { ...systemClock, now: () => now };
  const options = { epoch: 'e', start, bounds: { ...UNMET, ...bounds }, clock, log: { info: silent, warn: silent, error: silent } };
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
    async close() {
      await Promise.all(opened.map((each) => each.close()));
      await host.ask({ act: 'close' });
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
      skip: [],
      async open(start, bounds) {
        const world = await open(start, bounds);
        return { ...world, ledger: world.one.ledger, another: async () => (await world.another()).ledger };
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
