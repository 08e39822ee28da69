import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compare, type Result } from '../measure.ts';
import { progress } from '../progress.ts';
import type { Scale } from '../scale.ts';

const MB = 1_000_000;
const npm = promisify(execFile);

/** What an app gets with `npm install rowcast`: once, since it is the same each time. */
export async function installed({ installs }: Scale): Promise<readonly Result[]> {
  if (!installs) {
    progress.say('skipped: a smoke run installs nothing');
    return [];
  }
  const folder = await mkdtemp(join(tmpdir(), 'rowcast-bench-'));
  try {
    const root = fileURLToPath(new URL('../../', import.meta.url));
    const { stdout } = await npm('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], { cwd: root });
    const [{ filename }] = JSON.parse(stdout) as [{ readonly filename: string }];
    await writeFile(join(folder, 'package.json'), '{ "private": true }');
    await npm('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', `./${filename}`], { cwd: folder });
    const lock = JSON.parse(await readFile(join(folder, 'node_modules/.package-lock.json'), 'utf8')) as { readonly packages: object };
    const workload = '`npm install rowcast` into an empty folder';
    return [
      compare(
        { workload, figure: 'MB on disk', better: 'less', targets: [{ limit: 3 }], headline: 'installed' },
        { rowcast: [(await size(join(folder, 'node_modules'))) / MB] },
      ),
      compare(
        { workload, figure: 'packages beside it', better: 'less', targets: [{ limit: 3 }] },
        { rowcast: [Object.keys(lock.packages).length - 1] },
      ),
    ];
  } catch (error) {
    progress.say(`skipped: it cannot be installed: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function size(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name))));
  return sizes.reduce((sum, each) => sum + each.size, 0);
}
