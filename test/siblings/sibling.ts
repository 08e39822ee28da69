import { RowcastError, type Entry, type OpenBroker, type Position } from '../../src/core/index.ts';
import { systemClock } from '../../src/server/index.ts';
import { siblings } from '../../src/siblings/index.ts';
import type { Asked, SiblingStart } from './process.ts';

// Siblings, as a program: does what the process that started it asks for, and ends with it.

/** One broker of this process's, and what it followed. */
class One {
  passed = 0;
  hosted = 0;
  broker: OpenBroker | undefined;
  /** The position of the last entry it was given, and how many those were. */
  at: Position = '';
  count = 0;
  readonly wrong: string[] = [];
  readonly heard: unknown[] = [];
  readonly #ended = new AbortController();

  async open({ path, start, bounds, still }: SiblingStart): Promise<void> {
    const clock = still ? { ...systemClock, now: () => this.passed } : systemClock;
    const info = (_about: object, message: string): void => void (/keeps the ledger/.test(message) && this.hosted++);
    const log = { info, warn: () => {}, error: () => {} };
    this.broker = await siblings(path).open({ epoch: 'e', start, bounds, clock, log });
    this.broker.bus.listen(({ payload }) => this.heard.push(payload));
  }

  /** As a gateway does: wherever it was cut off, it goes on after its own position. */
  async follow(after: Position): Promise<void> {
    this.at = after;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        for await (const batch of (this.broker as OpenBroker).ledger.follow(this.at, signal)) this.#take(batch);
      } catch (error) {
        if (!(error instanceof RowcastError) || error.code !== 'ledger_lost') this.wrong.push(String(error));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.broker?.close();
  }

  #take(batch: readonly Entry[]): void {
    for (const { position, prev } of batch) {
      if (prev > this.at || position <= this.at) this.wrong.push(`${position} after ${prev} was given to one that is at ${this.at}`);
      this.at = position;
      this.count++;
    }
  }
}

const ones = new Map<string, One>();

async function act(asked: Asked): Promise<unknown> {
  if (asked.act === 'open') {
    const one = new One();
    ones.set(asked.with.path, one);
    return one.open(asked.with);
  }
  const one = ones.get(asked.path);
  if (!one?.broker) throw new Error('it is not open');
  switch (asked.act) {
    case 'pass':
      one.passed += asked.ms;
      return null;
    case 'lead':
      return one.broker.ledger.lead(asked.least, asked.start);
    case 'append':
      return one.broker.ledger.append(asked.entries, asked.term);
    case 'tail':
      return one.broker.ledger.tail();
    case 'send':
      return one.broker.bus.send({ group: 'g', stream: null, payload: asked.payload, except: null });
    case 'follow':
      void one.follow(asked.after);
      return null;
    case 'look':
      return { at: one.at, count: one.count, wrong: one.wrong, heard: one.heard, hosted: one.hosted };
    case 'close':
      ones.delete(asked.path);
      return one.close();
  }
}

process.on('message', ({ id, asked }: { id: number; asked: Asked }) => {
  act(asked).then(
    (value) => process.send?.({ id, value: value ?? null }),
    (error: { code?: string; message: string }) => process.send?.({ id, code: error.code ?? error.message }),
  );
});
process.on('disconnect', () => process.exit());
