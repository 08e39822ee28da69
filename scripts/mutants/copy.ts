import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');
const COPIED = ['src', 'test', 'scripts', 'package.json', 'vitest.config.ts', 'tsconfig.base.json'];
/** A mutant may run for ever. */
const PATIENCE = 300_000; // ms

/** What came of running something over a mutant. */
export interface Run {
  readonly code: number | null;
  readonly output: string;
}

/** The repository with one mutant in it, in a folder of its own. */
export class MutantCopy implements Disposable {
  readonly #folder: string;

  /** @throws {Error} when what it changes is not there, or more than once: what is shipped has moved on, and the mutant must too. */
  constructor({ name, edits }: Mutant) {
    this.#folder = mkdtempSync(join(tmpdir(), 'rowcast-mutant-'));
    try {
      for (const each of COPIED) cpSync(join(ROOT, each), join(this.#folder, each), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules'), join(this.#folder, 'node_modules'));
      for (const { file, find, replace } of edits) {
        const path = join(this.#folder, file);
        const text = readFileSync(path, 'utf8');
        const places = text.split(find).length - 1;
        if (places !== 1) throw new Error(`the mutant "${name}" changes a text of ${file} that is there ${places} times: ${find}`);
        writeFileSync(
          path,
          text.replace(find, () => replace),
        );
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Schedules from a seed on, until one breaks a law. */
  async simulate(first: number, count: number): Promise<number | null> {
    const { code, output } = await this.#run(process.execPath, ['scripts/simulate.ts', String(first), String(count), 'brief']);
    const found = /^seed (\d+): /m.exec(output);
    if (found) return Number(found[1]);
    if (code === 0) return null;
    throw new Error(`the simulation did not run to its end (${code}): ${output.slice(-2_000)}`);
  }

  /** Whether the law fails. */
  async breaks({ file, name }: NonNullable<Mutant['law']>): Promise<boolean> {
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const { output } = await this.#run(process.execPath, [vitest, 'run', '--project', 'unit', file, '-t', name]);
    const counted = /^(\d+) passed, (\d+) failed, \d+ skipped$/m.exec(output);
    if (!counted || Number(counted[1]) + Number(counted[2]) === 0)
      throw new Error(`there is no law "${name}" in ${file}: ${output.slice(-2_000)}`);
    return Number(counted[2]) > 0;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(command: string, args: readonly string[]): Promise<Run> {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        cwd: this.#folder,
        timeout: PATIENCE,
        killSignal: 'SIGKILL',
        env: { ...process.env, NO_COLOR: '1' },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, output }));
    });
  }
}
