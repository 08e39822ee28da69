import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { progress } from '../progress.ts';

const folder = new URL('./', import.meta.url);
const lock = new URL('package-lock.json', folder);
/** What was installed last. */
const installed = new URL('node_modules/.installed-lock.json', folder);

let answer: Promise<boolean> | undefined;

/**
 * Whether what Rowcast is compared with is there: packages that are no dependency of it, installed into this folder when a run
 * first asks for them. A run that may not install, and one that cannot, goes on without them and says so; once.
 *
 * @example
 * ```ts
 * const contenders = { rowcast: 'fanout-rowcast', ...((await references(scale)) && { 'socket.io': 'fanout-socketio' }) };
 * ```
 */
export function references({ installs }: { readonly installs: boolean }): Promise<boolean> {
  answer ??= find(installs);
  return answer;
}

async function find(installs: boolean): Promise<boolean> {
  if (await current()) return true;
  if (!installs) {
    progress.say('skipped: what must be installed to compare with is not; a full run installs it into bench/references');
    return false;
  }
  progress.say('installing what to compare with into bench/references');
  try {
    await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: fileURLToPath(folder), timeout: 300_000 });
    await copyFile(lock, installed);
    return true;
  } catch (error) {
    progress.say(`skipped: what to compare with cannot be installed: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

async function current(): Promise<boolean> {
  const there = await readFile(installed, 'utf8').catch(() => '');
  return there === (await readFile(lock, 'utf8'));
}
