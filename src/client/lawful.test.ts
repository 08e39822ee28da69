import fc from 'fast-check';
import { expect, test } from 'vitest';
import { held, type Held } from '../../test/support/held-client.ts';
import { LawfulServer, type Model } from '../../test/support/lawful-server.ts';

const VIEWS = ['1', '2', '3'] as const;

const view = fc.constantFrom(...VIEWS);
const act = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('deliver'), frames: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('change'),
      changes: fc.array(fc.tuple(view, fc.nat(3), fc.nat(6)), { minLength: 1, maxLength: 4 }),
      parts: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('load'), which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reset'), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop'), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ping') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('join'), view }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close'), which: fc.nat(9) }) },
);
type Act = (typeof act)['generate'] extends (...args: never[]) => { readonly value: infer A } ? A : never;
type Stream = ReturnType<Held['client']['stream']>;

/** One handle, and what its events alone make of its rows. */
interface Handle {
  readonly name: string;
  readonly stream: Stream;
  readonly told: Map<unknown, unknown>;
}

class Run {
  readonly #all = held();
  readonly #server = new LawfulServer(VIEWS);
  readonly #handles: Handle[] = [];
  readonly #wrong: unknown[] = [];

  constructor() {
    this.#all.socket.welcome();
    this.#server.connect();
  }

  step(next: Act): void {
    switch (next.do) {
      case 'deliver':
        return this.#deliver(next.frames);
      case 'change':
        return this.#server.change(next.changes, next.parts);
      case 'load':
        return this.#server.load(next.which);
      case 'reset':
        return this.#server.reset(next.which);
      case 'drop':
        return this.#server.drop(next.which);
      case 'ping':
        return this.#server.ping();
      case 'cut':
        return this.#cut();
      case 'join':
        return this.#join(next.view);
      case 'close':
        return this.#close(next.which);
    }
  }

  /** Everything is said and heard. */
  settle(): void {
    this.#pass();
    for (let round = 0; round < 50; round++) {
      this.#server.load(0);
      this.#deliver(100);
    }
    this.#cut();
    for (let round = 0; round < 50; round++) {
      this.#server.load(0);
      this.#deliver(100);
    }
    for (const { stream } of this.#handles) expect(stream.status).toBe('live');
  }

  #deliver(frames: number): void {
    for (let count = 0; count < frames; count++) {
      const frame = this.#server.deliver();
      if (!frame) return;
      this.#all.socket.say(frame);
      this.#pass();
      this.#check();
    }
  }

  #pass(): void {
    this.#all.clock.pass();
    for (const frame of this.#all.socket.sent()) this.#server.hear(frame);
  }

  #cut(): void {
    this.#all.socket.end(1006);
    // What nobody looks at is not kept over it.
    for (const name of VIEWS) if (!this.#handles.some((handle) => handle.name === name)) this.#server.shows.delete(name);
    this.#all.clock.pass(1_000);
    this.#server.connect();
    this.#all.socket.welcome();
    this.#pass();
    this.#check();
  }

  #join(name: string): void {
    const stream = this.#all.client.stream('intval', { blogId: Number(name) });
    const told = new Map<unknown, unknown>();
    stream.on('create', ({ pk, data }) => void (told.has(pk) ? this.#wrong.push(['created twice', pk]) : told.set(pk, data)));
    stream.on('update', ({ pk, data }) => {
      if (!told.has(pk)) this.#wrong.push(['updated before', pk]);
      else if (JSON.stringify(told.get(pk)) === JSON.stringify(data)) this.#wrong.push(['updated to what it was', pk]);
      told.set(pk, data);
    });
    stream.on('delete', ({ pk }) => void (told.delete(pk) || this.#wrong.push(['deleted before', pk])));
    this.#handles.push({ name, stream, told });
  }

  #close(which: number): void {
    const [handle] = this.#handles.splice(which % Math.max(1, this.#handles.length), 1);
    handle?.stream.close();
    this.#pass();
  }

  /** What each handle shows is the view as of the last position it was told, and what its events say. */
  #check(): void {
    expect(this.#all.client.status).toBe('open');
    expect(this.#wrong).toEqual([]);
    for (const { name, stream, told } of this.#handles) {
      const model: Model = this.#server.shows.get(name) ?? new Map();
      const shown = new Map(stream.rows.map((row) => [stream.pk(row), row]));
      expect(sorted(shown)).toEqual(sorted(new Map([...model].map(([key, value]) => [key, { name: String(value), value }]))));
      expect(sorted(told)).toEqual(sorted(shown));
    }
  }
}

const sorted = (rows: ReadonlyMap<unknown, unknown>): unknown[] => [...rows].sort(([one], [other]) => Number(one) - Number(other));

test('whatever the server lawfully says, and whenever it is heard, each handle shows the table as of the last position it was told', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 10, maxLength: 120 }), (acts) => {
      const run = new Run();
      for (const next of acts) run.step(next);
      run.settle();
    }),
    { numRuns: 1_500 },
  );
});
