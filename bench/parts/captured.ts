import { machineMs } from '../load/arrivals.ts';

/** What came of a backlog. */
export interface Captured {
  /** When the last row had been dealt with, by the machine's clock. */
  readonly at: number;
  /** Microseconds of CPU since the rows were expected. */
  readonly us: number;
}

/** A backlog that is to be read by this process: what it costs until it says that it has. */
export class Reading {
  #cpu = process.cpuUsage();

  /** Gives this process's number: it is frozen while the rows are written, so that it finds all of them waiting. */
  expect(): number {
    globalThis.gc?.();
    this.#cpu = process.cpuUsage();
    return process.pid;
  }

  over(): Captured {
    const { user, system } = process.cpuUsage(this.#cpu);
    return { at: machineMs(), us: user + system };
  }
}

/** The same, for who is told of rows as they come. */
export class Counting {
  readonly #reading = new Reading();
  #wanted = 0;
  #seen = 0;
  #all: PromiseWithResolvers<Captured> = Promise.withResolvers();

  expect(rows: number): number {
    this.#wanted = rows;
    this.#seen = 0;
    this.#all = Promise.withResolvers();
    return this.#reading.expect();
  }

  came(rows: number): void {
    this.#seen += rows;
    if (this.#seen > this.#wanted) throw new Error(`${this.#seen} rows, not ${this.#wanted}`);
    if (this.#seen === this.#wanted) this.#all.resolve(this.#reading.over());
  }

  get done(): Promise<Captured> {
    return this.#all.promise;
  }
}
