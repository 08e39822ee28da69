// The package as npm would send it: packed, then read by publint and by attw. `dist` must be built.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'rowcast-pack-'));
try {
  const run = (command: string, args: readonly string[]): string =>
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const packed = run('npm', ['pack', '--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder]);
  const tarball = readTarball(JSON.parse(packed));
  const stray = tarball.files.filter((path) => /\.test\.|\.test-d\.|tsbuildinfo|tsconfig/.test(path));
  if (stray.length > 0) throw new Error(`the package would carry what nobody needs; see "files" in package.json:\n${stray.join('\n')}`);
  run('publint', ['run', join(folder, tarball.name), '--strict']);
  run('attw', [join(folder, tarball.name), '--profile', 'esm-only', '--format', 'ascii']);
  console.log(`package: ${tarball.files.length} files, publint and attw find nothing`);
} catch (error) {
  const shown = error as { readonly stdout?: string; readonly message: string };
  console.error(shown.stdout || shown.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

// npm 11 prints a list of packages, npm 12 a record by name.
function readTarball(packed: unknown): { readonly name: string; readonly files: readonly string[] } {
  const [first] = Object.values(packed as Record<string, { filename: string; files: { path: string }[] }>);
  if (!first) throw new Error('npm pack printed no package');
  return { name: first.filename, files: first.files.map((file) => file.path) };
}
