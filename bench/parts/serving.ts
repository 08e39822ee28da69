import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Group, Limits, Live } from 'rowcast';

/** What every server of a benchmark answers. */
export interface Serving {
  readonly listen: () => Promise<number>;
  /** Resolves when nobody is connected any more. */
  readonly empty: () => Promise<void>;
  readonly sockets: ReadonlySet<Socket>;
}

/** One endpoint for everybody. */
export function serving(live: Live, groups: readonly Group[], limits: Partial<Limits> = {}): Serving {
  live.endpoint('/', { connectionGroups: () => groups, limits });
  return served(live);
}

/** Whatever endpoints it has. */
export function served(live: Live): Serving {
  const http = createServer();
  live.attach(http);
  const sockets = new Set<Socket>();
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return {
    sockets,
    listen: () =>
      new Promise((resolve) =>
        http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => resolve((http.address() as AddressInfo).port)),
      ),
    async empty() {
      while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    },
  };
}
