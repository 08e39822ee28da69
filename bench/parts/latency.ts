import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Live } from 'rowcast';
import { answer } from '../process.ts';

/** Serves one hot row over a database, and writes to it as an app would: by a statement of its own, on its own connection. */
export function serve(live: Live, app: { write(value: number): Promise<void>; close(): Promise<void> }): void {
  live.endpoint('/', { connectionGroups: () => ['hot'] });
  const http = createServer();
  live.attach(http);
  let value = 0;
  answer({
    listen: () => new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve((http.address() as AddressInfo).port))),
    async commit({ commits }: { commits: number }) {
      const at: string[] = [];
      for (let n = 0; n < commits; n++) {
        await app.write(++value);
        at.push(process.hrtime.bigint().toString());
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
