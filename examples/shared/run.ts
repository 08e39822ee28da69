import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Listens, says where, and ends in order when it is told to. */
export function run(http: Server, close: () => Promise<void>): void {
  const { HOST = '127.0.0.1', PORT = '3000' } = process.env;
  http.listen(Number(PORT), HOST, () => console.log(`ready http://${HOST}:${(http.address() as AddressInfo).port}`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      http.close();
      void close().then(() => {
        http.closeAllConnections();
        process.exit(0);
      });
    });
  }
}
