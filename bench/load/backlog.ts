import type { Captured } from '../parts/captured.ts';
import { interleaved } from '../measure.ts';
import { machineMs } from './arrivals.ts';
import type { Part } from '../process.ts';

/**
 * Reads a backlog in turn. Once a pass something is written that all of the readers are to read, all of them being frozen; then each goes on
 * while the others stand still, and finds everything waiting for it.
 */
export class Backlog {
  readonly #readers: Readonly<Record<string, Part>>;
  readonly #rows: number;
  readonly #write: () => Promise<void>;
  readonly #pids = new Map<Part, number>();
  #turns = 0;
  readonly cpu: Record<string, number[]> = {};

  constructor(readers: Readonly<Record<string, Part>>, rows: number, write: () => Promise<void>) {
    this.#readers = readers;
    this.#rows = rows;
    this.#write = write;
  }

  /** Rows per second; `cpu` has the µs per row. */
  async read(passes: number): Promise<Record<string, readonly number[]>> {
    for (const name of Object.keys(this.#readers)) await this.#turn(name); // warm
    for (const name of Object.keys(this.#readers)) this.cpu[name] = [];
    return interleaved(passes, Object.fromEntries(Object.keys(this.#readers).map((name) => [name, () => this.#turn(name)])));
  }

  async #turn(name: string): Promise<number> {
    if (this.#turns++ % Object.keys(this.#readers).length === 0) await this.#freeze();
    const part = this.#readers[name] as Part;
    const begin = machineMs();
    this.#thaw(part);
    const { at, us } = await part.ask<Captured>('done');
    this.cpu[name]?.push(us / this.#rows);
    return (this.#rows / (at - begin)) * 1_000;
  }

  async #freeze(): Promise<void> {
    try {
      for (const part of Object.values(this.#readers)) {
        const pid = await part.ask<number>('expect', { rows: this.#rows });
        process.kill(pid, 'SIGSTOP');
        this.#pids.set(part, pid);
      }
      await this.#write();
    } catch (error) {
      for (const part of Object.values(this.#readers)) this.#thaw(part);
      throw error;
    }
  }

  #thaw(part: Part): void {
    const pid = this.#pids.get(part);
    if (pid !== undefined) process.kill(pid, 'SIGCONT');
    this.#pids.delete(part);
  }
}
