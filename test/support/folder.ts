import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty folder, gone with who asked for it. */
export function folder(prefix: string): Disposable & { at(name: string): string } {
  const path = mkdtempSync(join(tmpdir(), prefix));
  return {
    at: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
