import type { Live } from 'rowcast';
import { machineMs } from '../load/arrivals.ts';
import { answer } from '../process.ts';
import { serving } from './serving.ts';

/** Serves one hot row over a database, and writes to it as an app would: by a statement of its own, on its own connection. */
export function serve(live: Live, app: { write(value: number): Promise<void>; close(): Promise<void> }): void {
  const { listen } = serving(live, ['hot']);
  let value = 0;
  answer({
    listen,
    async commit({ commits }: { commits: number }) {
      const at: number[] = [];
      for (let n = 0; n < commits; n++) {
        await app.write(++value);
        at.push(machineMs());
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      return at;
    },
    close: async () => {
      await live.close();
      await app.close();
    },
  });
}
