import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Schedules of the simulation over a mutant, from a seed on. */
export interface Search {
  readonly mutant: string;
  readonly first: number;
  readonly count: number;
}

/** The first schedule that broke a law. */
export interface Found {
  readonly seed: number;
  readonly law: string;
}

/** A mutant may run for ever: so long without a word from it, ms. */
const PATIENCE = 120_000;

/** Schedules, until one breaks a law; null: none does. */
export function search(what: Search): Promise<Found | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Found | null>();
  const thread = new Worker(join(import.meta.dirname, 'searching.ts'), { workerData: what, execArgv: [] });
  const silent = setTimeout(() => {
    reject(new Error(`the simulation of "${what.mutant}" does not come to an end`));
    void thread.terminate();
  }, PATIENCE);
  let last: Found | null = null;
  thread.on('message', (found: Found | null) => {
    last = found;
    silent.refresh();
  });
  thread.on('error', reject);
  thread.on('exit', () => {
    clearTimeout(silent);
    resolve(last);
  });
  return promise;
}
