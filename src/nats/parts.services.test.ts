import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HAS_NATS, startNats, type NatsServer } from '../../test/servers/nats.ts';
import { asked, FleetWorld } from '../../test/support/nats-world.ts';
import { textOf, type Entry, type Ledger, type Position } from '../core/index.ts';
import { at, entries, START } from '../testing/ledger-trial.ts';
import { nats } from './index.ts';
import { encode, stateOf, unbegun } from './state.ts';
import { namesOf } from './stream.ts';

const SMALL = 8 * 1024; // bytes

let server: NatsServer;
beforeAll(async () => {
  if (HAS_NATS) server = await startNats({ config: `max_payload: ${SMALL}` });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

interface Site extends AsyncDisposable {
  readonly world: FleetWorld;
  readonly ledger: Ledger;
}

async function opened(bounds = {}): Promise<Site> {
  const world = new FleetWorld(START, bounds);
  const { ledger } = await world.open(nats(server.url));
  return { world, ledger, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

async function readAll(ledger: Ledger, after: Position, count: number): Promise<readonly (readonly Entry[])[]> {
  const batches: (readonly Entry[])[] = [];
  let got = 0;
  for await (const batch of ledger.follow(after, new AbortController().signal)) {
    batches.push(batch);
    got += batch.length;
    if (got >= count) break;
  }
  return batches;
}

describe.skipIf(!HAS_NATS)('a call that is larger than a message', () => {
  test('is read whole, from before it, from within it and from after it', async () => {
    await using site = await opened();
    const { ledger } = site;
    const term = await ledger.lead();
    await ledger.append(entries(1, 1), term);
    await ledger.append(entries(2, 50), term);
    await ledger.append(entries(52, 1, { pad: 10 * SMALL }), term);
    await ledger.append(entries(53, 2), term);
    expect(await ledger.tail()).toBe(at(54));
    const all = await readAll(ledger, START, 54);
    expect(all.map(({ length }) => length)).toEqual([1, 50, 1, 2]);
    expect(all.flat()).toEqual([...entries(1, 51), ...entries(52, 1, { pad: 10 * SMALL }), ...entries(53, 2)]);
    expect((await readAll(ledger, at(30), 24)).map(({ length }) => length)).toEqual([21, 1, 2]);
    expect((await readAll(ledger, at(51), 3)).flat()[0]).toEqual(entries(52, 1, { pad: 10 * SMALL })[0]);
    expect((await readAll(ledger, at(52), 2)).flat()).toEqual(entries(53, 2));
  });

  test('that was never finished is nothing: not for who reads, not for the tail, not for who leads next', async () => {
    await using site = await opened();
    const { world, ledger } = site;
    const term = await ledger.lead();
    await ledger.append(entries(1, 1), term);
    const { log } = namesOf(world.epoch);
    const connection = await connect({ servers: server.url });
    // As a leader leaves it that dies between the parts.
    const before = { ...unbegun(START, 2), term, tail: at(1), floor: START, count: 1, bytes: 1 };
    const half = Buffer.from(textOf(entries(2, 2)));
    for (const [part, seq] of [
      [1, 3],
      [2, 4],
    ] as const) {
      const head = { ...stateOf(before), seq, prev: at(1), part, parts: 3 };
      await connection.request(`${log}.half`, encode(head, half.subarray((part - 1) * 100, part * 100)));
    }
    await connection.close();
    expect(await ledger.tail()).toBe(at(1));
    const asleep = readAll(ledger, at(1), 1);
    const next = await ledger.lead();
    await ledger.append(entries(2, 1), next);
    expect((await asleep).flat()).toEqual(entries(2, 1));
    expect((await readAll(ledger, START, 2)).flat()).toEqual(entries(1, 2));
  });

  test('of which a part is taken away is a gap for who has not had it, and what comes after it is read', async () => {
    await using site = await opened();
    const { world, ledger } = site;
    const term = await ledger.lead();
    await ledger.append(entries(1, 1), term);
    await ledger.append(entries(2, 50), term);
    await ledger.append(entries(52, 1), term);
    await asked(server, `STREAM.MSG.DELETE.${namesOf(world.epoch).stream}`, { seq: 4 });
    expect((await readAll(ledger, START, 1)).flat()).toEqual(entries(1, 1));
    for (const after of [at(1), at(30)]) await expect(readAll(ledger, after, 1)).rejects.toMatchObject({ code: 'ledger_gap' });
    expect((await readAll(ledger, at(51), 1)).flat()).toEqual(entries(52, 1));
  });

  test('goes by the bounds entry by entry, and by another leader too', async () => {
    await using site = await opened({ entries: 30 });
    const { world, ledger } = site;
    const term = await ledger.lead();
    await ledger.append(entries(1, 40), term);
    expect([await ledger.floor(), await ledger.tail()]).toEqual([at(10), at(40)]);
    await ledger.append(entries(41, 5), term);
    expect(await ledger.floor()).toBe(at(15));
    const other = (await world.open(nats(server.url))).ledger;
    const next = await other.lead();
    await other.append(entries(46, 5), next);
    await other.append(entries(51, 30), next);
    expect([await ledger.floor(), await other.floor(), await other.tail()]).toEqual([at(50), at(50), at(80)]);
    expect((await readAll(ledger, at(50), 30)).flat()).toEqual(entries(51, 30));
  });

  test('calls that wait for one another go together, and each is told what became of it', async () => {
    await using site = await opened();
    const { world, ledger } = site;
    const term = await ledger.lead();
    const calls = [entries(1, 2), entries(3, 1), entries(4, 2), entries(9, 1), entries(6, 1), entries(6, 1)];
    const outcomes = await Promise.allSettled(calls.map((call) => ledger.append(call, term)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected']);
    const fenced = await Promise.allSettled([ledger.append(entries(7, 1), term), ledger.append(entries(8, 1), term + 1)]);
    expect(fenced.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((await readAll(ledger, START, 7)).flat()).toEqual(entries(1, 7));
    const more = Array.from({ length: 20 }, (_, index) => ledger.append(entries(8 + index, 1), term));
    await Promise.all(more);
    const { state } = (await asked(server, `STREAM.INFO.${namesOf(world.epoch).stream}`)) as { state: { messages: number } };
    expect(state.messages).toBeLessThan(15);
    expect((await readAll(ledger, at(7), 20)).flat()).toEqual(entries(8, 20));
  });
});
