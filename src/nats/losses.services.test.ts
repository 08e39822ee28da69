import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HAS_NATS, startNats, type NatsServer } from '../../test/servers/nats.ts';
import { asked, backAgain, FleetWorld } from '../../test/support/nats-world.ts';
import type { Entry, Ledger, Position } from '../core/index.ts';
import { at, entries, START } from '../testing/ledger-trial.ts';
import { nats } from './index.ts';
import { namesOf } from './stream.ts';

let server: NatsServer;
beforeAll(async () => {
  if (HAS_NATS) server = await startNats();
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

interface Site extends AsyncDisposable {
  readonly world: FleetWorld;
  readonly ledger: Ledger;
  readonly stream: string;
  readonly log: string;
  another(): Promise<Ledger>;
  /** One read of a follower of its own. */
  read(after: Position): Promise<readonly Entry[]>;
}

async function site(bounds = {}): Promise<Site> {
  const world = new FleetWorld(START, bounds);
  const { stream, log } = namesOf(world.epoch);
  const another = async (): Promise<Ledger> => (await world.open(nats(server.url))).ledger;
  const ledger = await another();
  return {
    world,
    ledger,
    stream,
    log,
    another,
    read: (after) => reader(ledger, after)(),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

function reader(ledger: Ledger, after: Position, signal = new AbortController().signal): () => Promise<readonly Entry[]> {
  const batches = ledger.follow(after, signal)[Symbol.asyncIterator]();
  return async () => (await batches.next()).value as readonly Entry[];
}

async function until(read: () => Promise<readonly Entry[]>, count: number): Promise<readonly Entry[]> {
  const got: Entry[] = [];
  while (got.length < count) got.push(...(await read()));
  return got;
}

/** What the stream says of itself. */
async function stateOf(stream: string): Promise<{ messages: number; first_seq: number; last_seq: number }> {
  const { state } = (await asked(server, `STREAM.INFO.${stream}`)) as { state: { messages: number; first_seq: number; last_seq: number } };
  return state;
}

describe.skipIf(!HAS_NATS)('what becomes of a stream', () => {
  test('killed and started with its data, the ledger goes on: what was taken is there, and who slept is woken by what comes', async () => {
    await using own = await site();
    const { ledger } = own;
    const term = await ledger.lead();
    await ledger.append(entries(1, 3), term);
    const asleep = reader(ledger, at(3))();
    const told = expect(asleep).rejects.toMatchObject({ code: 'ledger_lost' });
    await server.kill();
    await told;
    for (const call of [() => ledger.tail(), () => ledger.floor(), () => ledger.lead(), () => ledger.append(entries(4, 1), term)]) {
      await expect(call()).rejects.toMatchObject({ code: 'ledger_lost' });
    }
    await expect(own.read(START)).rejects.toMatchObject({ code: 'ledger_lost' });
    await server.start();
    await backAgain(ledger);
    expect(await ledger.tail()).toBe(at(3));
    const next = reader(ledger, at(3))();
    await ledger.append(entries(4, 1), term);
    expect(await next).toEqual(entries(4, 1));
    expect(await until(reader(ledger, START), 4)).toEqual(entries(1, 4));
  });

  test('killed and started without its data, nobody leads it, and it begins where the next leader says', async () => {
    await using own = await site();
    const { ledger } = own;
    const term = await ledger.lead();
    await ledger.append(entries(1, 3), term);
    await server.kill();
    await server.empty();
    await server.start();
    await backAgain(ledger);
    await expect(ledger.append(entries(4, 1), term)).rejects.toMatchObject({ code: 'ledger_fenced' });
    const next = await ledger.lead(term + 1, at(3));
    await expect(own.read(at(2))).rejects.toMatchObject({ code: 'ledger_gap' });
    const read = own.read(at(3));
    await ledger.append(entries(4, 1), next);
    expect(await read).toEqual(entries(4, 1));
  });

  test('a server that answers nothing is an error within seconds, and not a wait', async () => {
    await using own = await site();
    const term = await own.ledger.lead();
    server.freeze();
    const calls = [own.ledger.tail(), own.ledger.append(entries(1, 1), term), own.read(START)];
    const outcomes = await Promise.allSettled(calls);
    server.thaw();
    expect(outcomes.map((each) => (each.status === 'rejected' ? (each.reason as { code: string }).code : each.status))).toEqual([
      'ledger_lost',
      'ledger_lost',
      'ledger_lost',
    ]);
    await backAgain(own.ledger);
    // It may have been taken, though nobody heard so: the same entry again is refused, or taken once.
    const tail = await own.ledger.tail();
    if (tail === START) await own.ledger.append(entries(1, 1), term);
    else await expect(own.ledger.append(entries(1, 1), term)).rejects.toMatchObject({ code: 'ledger_conflict' });
    expect(await own.read(START)).toEqual(entries(1, 1));
  });

  test('purged, it is as one that nobody has begun, and who led it appends nothing', async () => {
    await using own = await site();
    const { ledger } = own;
    const term = await ledger.lead();
    await ledger.append(entries(1, 3), term);
    const slept = reader(ledger, START);
    await until(slept, 3);
    await asked(server, `STREAM.PURGE.${own.stream}`);
    await expect(ledger.append(entries(4, 1), term)).rejects.toMatchObject({ code: 'ledger_fenced' });
    expect([await ledger.floor(), await ledger.tail()]).toEqual([START, START]);
    const next = await ledger.lead(term + 1, at(3));
    await ledger.append(entries(4, 1), next);
    expect(await slept()).toEqual(entries(4, 1));
    await expect(own.read(at(1))).rejects.toMatchObject({ code: 'ledger_gap' });
  });

  test('deleted and made anew by another leader, with as many messages as there were: who led before appends nothing', async () => {
    await using own = await site();
    const { ledger } = own;
    const old = await ledger.lead();
    await ledger.append(entries(1, 1), old);
    await ledger.append(entries(2, 1), old);
    const { last_seq: before } = await stateOf(own.stream);
    await asked(server, `STREAM.DELETE.${own.stream}`);
    const other = await own.another();
    // The same term again, on purpose: the term alone would let the old leader in.
    const term = await other.lead(old, at(1));
    expect(term).toBe(old);
    const stray = { ...(entries(2, 1)[0] as Entry), receipts: [] };
    await other.append([stray], term);
    await other.append(entries(3, 1), term);
    const { last_seq: last } = await stateOf(own.stream);
    expect(last).toBe(before);
    await expect(ledger.append(entries(3, 1), old)).rejects.toMatchObject({ code: 'ledger_conflict' });
    expect(await until(reader(other, at(1)), 2)).toEqual([stray, ...entries(3, 1)]);
  });

  test('trimmed by another, its floor is the position before the first that is left', async () => {
    await using own = await site();
    const { ledger } = own;
    const term = await ledger.lead();
    for (let number = 1; number <= 6; number++) await ledger.append(entries(number, 1), term);
    const behind = reader(ledger, at(1));
    await asked(server, `STREAM.PURGE.${own.stream}`, { seq: 5 });
    expect([await ledger.floor(), await ledger.tail()]).toEqual([at(3), at(6)]);
    await expect(behind()).rejects.toMatchObject({ code: 'ledger_gap' });
    expect(await until(reader(ledger, at(3)), 3)).toEqual(entries(4, 3));
    await ledger.append(entries(7, 1), term);
    expect(await (await own.another()).floor()).toBe(at(3));
  });

  test('a message that is taken away in the middle is a gap for who has not had it', async () => {
    await using own = await site();
    const { ledger } = own;
    const term = await ledger.lead();
    for (let number = 1; number <= 4; number++) await ledger.append(entries(number, 1), term);
    const read = reader(ledger, START);
    await asked(server, `STREAM.MSG.DELETE.${own.stream}`, { seq: 3 });
    expect(await read()).toEqual(entries(1, 1));
    await expect(read()).rejects.toMatchObject({ code: 'ledger_gap' });
    expect(await until(reader(ledger, at(2)), 2)).toEqual(entries(3, 2));
  });

  test('its last message taken away by hand: nobody is given anything twice, or over a hole, and it is appended to on', async () => {
    for (let round = 0; round < 10; round++) {
      await using own = await site();
      const { ledger } = own;
      const term = await ledger.lead();
      for (let number = 1; number <= 3; number++) await ledger.append(entries(number, 1), term);
      const had = reader(ledger, START);
      await until(had, 3);
      await asked(server, `STREAM.MSG.DELETE.${own.stream}`, { seq: 4 });
      // By one look of the server the message is there, by another it is not: it says which one by what it takes.
      const isTail = round % 2 === 0 && (await ledger.tail()) === at(2);
      const taken = await ledger.append(entries(4, 1), term).then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'ledger_conflict' });
          return false;
        },
      );
      expect(isTail && taken).toBe(false);
      if (!taken) {
        await ledger.append(entries(3, 1), term);
        await ledger.append(entries(4, 1), term);
      }
      expect(await had()).toEqual(entries(4, 1));
      const late = until(reader(await own.another(), START), 4);
      if (taken) await expect(late).rejects.toMatchObject({ code: 'ledger_gap' });
      else expect(await late).toEqual(entries(1, 4));
    }
  });

  test('what somebody else puts into the stream is nothing, and stops nobody', async () => {
    await using own = await site();
    const { ledger } = own;
    const term = await ledger.lead();
    await ledger.append(entries(1, 1), term);
    const connection = await connect({ servers: server.url });
    for (const text of ['', 'x', '{}\n', 'null\n[]', '\u0000\n']) await connection.request(`${own.log}.x`, text);
    await connection.close();
    expect(await ledger.tail()).toBe(at(1));
    await ledger.append(entries(2, 1), term);
    expect(await until(reader(ledger, START), 2)).toEqual(entries(1, 2));
  });

  test('what has gone by the bounds goes from the server too, though later and many at once', async () => {
    await using own = await site({ entries: 20 });
    const { ledger } = own;
    const term = await ledger.lead();
    for (let number = 1; number <= 200; number++) await ledger.append(entries(number, 1), term);
    await expect.poll(async () => (await stateOf(own.stream)).first_seq, { timeout: 20_000 }).toBeGreaterThan(100);
    expect(await ledger.floor()).toBe(at(180));
    expect(await until(reader(ledger, at(180)), 20)).toEqual(entries(181, 20));
    // A leader that was not there when they were appended trims them as well.
    const other = await own.another();
    const next = await other.lead();
    for (let number = 201; number <= 210; number++) await other.append(entries(number, 1), next);
    expect(await ledger.floor()).toBe(at(190));
  });
});
