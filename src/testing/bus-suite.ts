import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import type { Bus, GroupMessage, Json } from '../core/index.ts';
import { runLaws, type Laws, type Runner, type Skip } from './runner.ts';

/** A body of the bus port, put under test. */
export interface BusFixture {
  readonly name: string;
  readonly skip: readonly Skip[];
  open(): Promise<BusWorld>;
}

export interface BusWorld {
  readonly bus: Bus;
  /** The same bus as another process has it; the same object where there is but one process. */
  another(): Promise<Bus>;
  close(): Promise<void>;
}

/** The laws of the bus port, over one body of it. */
export function busSuite(fixture: BusFixture, { describe, test }: Runner): void {
  describe(`${fixture.name}: bus`, () => {
    runLaws(LAWS, fixture, ({ name, law, skipped }) => {
      if (skipped !== undefined) return test.skip(`${name} [skipped: ${skipped}]`, async () => {});
      return test(name, async () => {
        const world = await fixture.open();
        try {
          await law(world);
        } finally {
          await world.close();
        }
      });
    });
  });
}

function message(payload: Json): GroupMessage {
  return { group: 'g', stream: null, payload, except: null };
}

async function until(there: () => boolean): Promise<void> {
  for (const late = performance.now() + 20_000; !there();) {
    if (performance.now() > late) throw new Error('it was not heard');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const LAWS: Laws<BusWorld> = {
  async 'every listener hears what is sent, as it was sent, the sender and other processes included'(world) {
    const heard: GroupMessage[] = [];
    for (const bus of [world.bus, await world.another()]) bus.listen((each) => heard.push(each));
    const sent: GroupMessage = { group: 'žluť 🐎', stream: 's', payload: { a: [1, null, 'x', { b: true }] }, except: 'session' };
    await world.bus.send(sent);
    await until(() => heard.length === 2);
    assert.deepEqual(heard, [sent, sent]);
  },

  async 'the messages of one sender are heard in the order they were sent'(world) {
    const heard: Json[] = [];
    (await world.another()).listen(({ payload }) => heard.push(payload));
    const sent = Array.from({ length: 200 }, (_, at) => at);
    await Promise.all(sent.map((at) => world.bus.send(message(at))));
    await until(() => heard.length === sent.length);
    assert.deepEqual(heard, sent);
  },

  async 'who has stopped listening hears no more, and the others still do'({ bus }) {
    const heard: string[] = [];
    const stop = bus.listen(() => heard.push('first'));
    bus.listen(() => heard.push('second'));
    await bus.send(message(1));
    await until(() => heard.length === 2);
    stop();
    await bus.send(message(2));
    await until(() => heard.length === 3);
    assert.deepEqual(heard, ['first', 'second', 'second']);
  },

  async 'what was sent before listening is gone'({ bus }) {
    await bus.send(message('early'));
    const heard: Json[] = [];
    bus.listen(({ payload }) => heard.push(payload));
    await bus.send(message('late'));
    await until(() => heard.length > 0);
    assert.deepEqual(heard, ['late']);
  },
};
