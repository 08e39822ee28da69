import { fork } from 'node:child_process';
import { join } from 'node:path';

/** Schedules of the simulation over a mutant, from a seed on; null: over what is shipped, as it is. */
export interface Search {
  readonly mutant: string | null;
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

/**
 * Schedules, until one finds the mutant; null: none does.
 * @throws {Error} when the one that does breaks a law without the mutant, too: it says nothing of it.
 */
export async function search(what: Search & { readonly mutant: string }): Promise<Found | null> {
  const found = await broken(what);
  const shipped = found && (await broken({ mutant: null, first: found.seed, count: 1 }));
  if (shipped) throw new Error(`what is shipped breaks a law itself, by the schedule ${shipped.seed}: ${shipped.law}`);
  return found;
}

function broken(what: Search): Promise<Found | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Found | null>();
  const child = fork(join(import.meta.dirname, 'searching.ts'), [JSON.stringify(what)], { execArgv: [], silent: true });
  const name = `the simulation of "${what.mutant ?? 'what is shipped'}"`;
  const silent = setTimeout(() => {
    reject(new Error(`${name} does not come to an end`));
    child.kill('SIGKILL');
  }, PATIENCE);
  let last: Found | null = null;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.on('message', (found: Found | null) => {
    last = found;
    silent.refresh();
  });
  child.on('error', reject);
  child.on('close', (code, signal) => {
    clearTimeout(silent);
    if (code === 0) resolve(last);
    else reject(new Error(`${name} ended with ${signal ?? code}: ${output.slice(-2_000)}`));
  });
  return promise;
}
