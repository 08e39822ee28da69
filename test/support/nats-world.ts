import { systemClock } from '../../src/server/time/clock.ts';
import { connect } from '@nats-io/transport-node';
import type { NatsServer } from '../servers/nats.ts';
import type { Ledger, Broker, Clock, Log, OpenBroker, LedgerBounds, Position } from '../../src/core/index.ts';

const NEVER: LedgerBounds = { entries: 1e9, bytes: 1e12, age: 1e12 };
export const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Brokers of one history, with a time of day that only moves when it is told to. */
export class FleetWorld implements AsyncDisposable {
  readonly epoch: string = `epoch ${systemClock.id()}`;
  readonly #opened: OpenBroker[] = [];
  readonly #opening: { readonly start: Position; readonly bounds: LedgerBounds };
  #time = 1_700_000_000_000;

  constructor(start: Position, bounds: Partial<LedgerBounds> = {}) {
    this.#opening = { start, bounds: { ...NEVER, ...bounds } };
  }

  readonly clock: Clock = { ...systemClock, time: () => this.#time };

  pass(ms: number): void {
    this.#time += ms;
  }

  async open(broker: Broker): Promise<OpenBroker> {
    const opened = await broker.open({ ...this.#opening, epoch: this.epoch, clock: this.clock, log: SILENT });
    this.#opened.push(opened);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened) await opened.close();
  }
}

/** Resolves when the broker answers again. */
export async function backAgain(ledger: Ledger): Promise<void> {
  for (const late = Date.now() + 20_000; ;) {
    try {
      return void (await ledger.tail());
    } catch (error) {
      if (Date.now() > late) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** What somebody else does to JetStream, by its own API. */
export async function asked(server: NatsServer, what: string, body: object = {}): Promise<unknown> {
  const connection = await connect({ servers: server.url });
  try {
    return (await connection.request(`$JS.API.${what}`, JSON.stringify(body))).json();
  } finally {
    await connection.close();
  }
}

export async function deleted(server: NatsServer, stream: string): Promise<void> {
  await asked(server, `STREAM.DELETE.${stream}`);
}
