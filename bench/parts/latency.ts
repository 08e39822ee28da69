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

/** Serves one hot row over a database, and writes to it as an app would: by a statement of its own, on its own connection. */
export function serve(live: Live, app: { write(value: number): Promise<void>; close(): Promise<void> }): void {
  const { listen } = serving(live, ['hot']);
  let value = 0;
  answer({
    listen,
    /** One every so many ms. */
    async commit({ commits, every = 25 }: { commits: number; every?: number }): Promise<Committed> {
      const at: number[] = [];
      const took: number[] = [];
      for (let n = 0; n < commits; n++) {
        const begin = machineMs();
        await app.write(++value);
        at.push(machineMs());
        took.push((at.at(-1) as number) - begin);
        await new Promise((resolve) => setTimeout(resolve, every));
      }
      return { at, took };
    },
    close: async () => {
      await live.close();
      await app.close();
    },
  });
}
