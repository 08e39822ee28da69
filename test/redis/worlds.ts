import { createClient } from 'redis';
import { Redis } from 'ioredis';
import type { BrokerOptions, OpenBroker, Position } from '../../src/core/index.ts';
import { redis, type RedisClient } from '../../src/redis/index.ts';
import { suiteClock } from '../../src/testing/opened.ts';

/** Bounds that are never met. */
export const UNMET = { entries: Infinity, bytes: Infinity, age: Infinity };

const silent = (): void => undefined;
export const QUIET = { info: silent, warn: silent, error: silent };

/** A client of each driver, never connected: Rowcast makes its own connections as it would. */
export const DRIVERS: Readonly<Record<string, (url: string) => RedisClient>> = {
  'node-redis': (url) => createClient({ url }),
  ioredis: (url) => new Redis(url, { lazyConnect: true }),
};

let epochs = 0;

/** An epoch of its own, and processes that share it. */
export class Fleet {
  readonly epoch: string = `epoch {${++epochs}} ${suiteClock.id()}`;
  readonly prefix: string;
  readonly #client: () => RedisClient;
  readonly #options: Omit<BrokerOptions, 'epoch'>;
  readonly #open: OpenBroker[] = [];
  #passed = 0;

  constructor(client: () => RedisClient, start: Position, options: Partial<BrokerOptions> = {}, prefix: string = 'rowcast') {
    this.#client = client;
    this.prefix = prefix;
    // Time stands still, but for what is let pass: close enough to the server's, so it is gone by.
    const begun = Date.now();
    const clock = { ...suiteClock, time: () => begun + this.#passed };
    this.#options = { start, bounds: UNMET, clock, log: QUIET, ...options };
  }

  pass(ms: number): void {
    this.#passed += ms;
  }

  /** Another process. */
  async join(patience: number = 5_000): Promise<OpenBroker> {
    const open = await redis(this.#client(), { prefix: this.prefix, patience }).open({ ...this.#options, epoch: this.epoch });
    this.#open.push(open);
    return open;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((each) => each.close()));
  }

  /** A key of its ledger. */
  key(name: 'state' | 'log' | 'index'): string {
    return `{${this.prefix}:${encodeURIComponent(this.epoch)}}:${name}`;
  }
}
