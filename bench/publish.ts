import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { flame, type CpuProfile } from './flame.ts';
import { flamesOf } from './floors.ts';
import { PROFILES } from './going.ts';
import { flameOf } from './pages.ts';
import { merge, type Published, type Run } from './results.ts';
import { WORKLOADS } from './workloads.ts';

// `node bench/publish.ts bench/results/<run>.json …` publishes what was measured before.

const file: URL = new URL('../docs/bench/results.json', import.meta.url);

/** Takes the newest figures of these runs into docs/bench, and makes anew all that is made of them. Says what it did. */
export async function publish(runs: readonly Run[]): Promise<string> {
  const before = await readFile(file, 'utf8').catch(() => '{}');
  const published = merge(JSON.parse(before) as Published, runs, Object.keys(WORKLOADS));
  await mkdir(new URL('./', file), { recursive: true });
  await writeFile(file, await format(JSON.stringify(published), { ...(await resolveConfig(file)), parser: 'json' }));
  return renewed();
}

/** Px, of a frame in a published graph: a narrower one explains no target, and there are hundreds of them. */
const LEAST = 4;

/** Draws the profiles of these workloads that explain a target, which the run before has left. Says what it did. */
export async function publishFlames(names: readonly string[]): Promise<string> {
  const drawn: string[] = [];
  for (const stem of names.flatMap(flamesOf)) {
    const profile = await readFile(join(PROFILES, `${stem}.cpuprofile`), 'utf8').catch(() => null);
    if (profile === null) continue;
    const to = new URL(`../${flameOf(stem)}`, import.meta.url);
    await mkdir(new URL('./', to), { recursive: true });
    await writeFile(to, flame(JSON.parse(profile) as CpuProfile, stem, LEAST));
    drawn.push(flameOf(stem));
  }
  return [`flame graphs published: ${drawn.join(', ') || 'none'}`, renewed()].join('\n');
}

function renewed(): string {
  const root = fileURLToPath(new URL('../', import.meta.url));
  return execFileSync(process.execPath, ['scripts/readme.ts', '--write'], { cwd: root, encoding: 'utf8' }).trim();
}

if (import.meta.main) {
  const runs = await Promise.all(process.argv.slice(2).map(async (each) => JSON.parse(await readFile(each, 'utf8')) as Run));
  console.log(await publish(runs));
}
