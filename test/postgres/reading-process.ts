import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A commit with rows, as `reading-child.ts` says it. */
export interface Said {
  readonly at: string;
  readonly xid: string;
  readonly ids: readonly string[];
}

export interface Child {
  readonly said: unknown[];
  told(): readonly Said[];
  readonly ended: Promise<void>;
  kill(): void;
  /** It does nothing more, and does not end: kill it. */
  freeze(): void;
}

/** A process that reads a database from its floor, by its log where a slot is named, and can be killed. */
export function readingChild(url: string, { slot }: { readonly slot?: string } = {}): Child {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('reading-child.ts', import.meta.url)), url, ...(slot === undefined ? [] : [slot])],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const said: unknown[] = [];
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    said.push(...lines.map((line): unknown => JSON.parse(line)));
  });
  return {
    said,
    told: () => said.slice(1) as readonly Said[],
    ended: new Promise((resolve) => void child.once('close', () => resolve())),
    kill: () => void child.kill('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
  };
}
