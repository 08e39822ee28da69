import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Mutant } from './mutant.ts';
import { ROOT } from './mutate.ts';

/** What came of a test, or what kept all of a file's from running. */
export type Told = { readonly law: string; readonly holds: boolean } | { readonly error: string };

/** A mutant may run for ever, ms. */
const PATIENCE = 120_000;

/**
 * Whether the law fails over the mutant.
 * @throws {Error} when there is no such law, or it did not come to an end.
 */
export async function breaks(mutant: string, { file, name }: NonNullable<Mutant['law']>): Promise<boolean> {
  const [vitest, config] = [join(ROOT, 'node_modules/vitest/vitest.mjs'), join(import.meta.dirname, 'law.config.ts')];
  const filter = `${name.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')}$`;
  const output = await said(process.execPath, [vitest, 'run', '--config', config, file, '-t', filter], { ROWCAST_MUTANT: mutant });
  const told = output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Told] : []));
  const law = told.find((each) => 'law' in each && each.law === name);
  if (law === undefined || !('law' in law)) throw new Error(`there is no law “${name}” in ${file}: ${output.slice(-2_000)}`);
  return !law.holds;
}

function said(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, {
    cwd: ROOT,
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
    env: { ...process.env, ...env, NO_COLOR: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.on('error', reject);
  child.on('close', () => resolve(output));
  return promise;
}
