import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Listens, says where, and ends in order when it is told to. A port that is taken: says the cure, and ends. */
export function run(http: Server, close: () => Promise<void>): void {
  const { HOST = '127.0.0.1', PORT = '3000' } = process.env;
  http.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    console.error(`port ${PORT} is taken: stop what listens there, or choose another: PORT=${Number(PORT) + 1} npm …`);
    process.exit(1);
  });
  http.listen(Number(PORT), HOST, () => {
    const { address, port } = http.address() as AddressInfo;
    console.log(`ready http://${address.includes(':') ? `[${address}]` : address}:${port}`);
  });
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
