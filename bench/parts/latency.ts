import type { Live } from 'rowcast';
import { machineMs } from '../load/arrivals.ts';
import { answer } from '../process.ts';
import { serving } from './serving.ts';

export interface Committed {
  /** When the app had its answer, by the machine's clock. */
  readonly at: readonly number[];
  /** How long it waited for that, ms. */
  readonly took: readonly number[];
}

export interface Writing {
  readonly commits: number;
  /** One every so many ms. */
  readonly every?: number;
}

/** An app that writes to the hot row: by a statement of its own, on its own connection. */
export function writer(write: (value: number) => Promise<void>): (writing: Writing) => Promise<Committed> {
  let value = 0;
  return async ({ commits, every = 25 }) => {
    const at: number[] = [];
    const took: number[] = [];
    for (let n = 0; n < commits; n++) {
      const begin = machineMs();
      await write(++value);
      at.push(machineMs());
      took.push((at.at(-1) as number) - begin);
      await new Promise((resolve) => setTimeout(resolve, every));
    }
    return { at, took };
  };
}

interface App {
  /** A file, or a URL. */
  readonly at: string;
  write(value: number): Promise<void>;
  close(): Promise<void>;
}

/** Serves one hot row over a database, in the process of an app that writes to it. */
export function serve(live: Live, app: App): void {
  answer({
    listen: serving(live, ['hot']).listen,
    at: () => app.at,
    commit: writer((value) => app.write(value)),
    close: async () => {
      await live.close();
      await app.close();
    },
  });
}
