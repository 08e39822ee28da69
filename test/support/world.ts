import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rowcast, type Bindings, type Live, type Log, type RowcastOptions } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { Viewer, type ViewerOptions } from './viewer.ts';

/** What was logged, and who waits for it. */
export class Notes implements Log {
  readonly lines: { readonly level: 'info' | 'warn' | 'error'; readonly about: Record<string, unknown>; readonly message: string }[] = [];
  #wake: (() => void)[] = [];

  readonly info = this.#note('info');
  readonly warn = this.#note('warn');
  readonly error = this.#note('error');

  /** Resolves once so many lines hold the text. */
  async holds(text: string, times = 1): Promise<void> {
    while (this.count(text) < times) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  count(text: string): number {
    return this.lines.filter(({ about, message }) => `${message} ${JSON.stringify(about)}`.includes(text)).length;
  }

  #note(level: 'info' | 'warn' | 'error') {
    return (about: object, message: string): void => {
      this.lines.push({ level, about: about as Record<string, unknown>, message });
      for (const wake of this.#wake.splice(0)) wake();
    };
  }
}

export interface World<B extends Bindings> extends AsyncDisposable {
  readonly live: Live<B>;
  readonly http: Server;
  readonly notes: Notes;
  readonly port: number;
  url(path: string): string;
  /** Connects and remembers what comes. */
  viewer(path: string, options?: ViewerOptions): Promise<Viewer>;
}

/** Rowcast behind an HTTP server of its own; over rows in memory unless `source` says otherwise. Endpoints are the test's to declare. */
export async function world<const B extends Bindings>(
  options: Omit<RowcastOptions<B>, 'source'> & { readonly source?: RowcastOptions<B>['source'] },
): Promise<World<B>> {
  const notes = new Notes();
  const live = await rowcast({ source: memory(), log: notes, ...options } as RowcastOptions<B>);
  const http = createServer((_request, response) => response.end());
  live.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const viewers: Viewer[] = [];
  const url = (path: string): string => `ws://127.0.0.1:${port}${path}`;
  return {
    live,
    http,
    notes,
    port,
    url,
    async viewer(path, how) {
      const viewer = await Viewer.open(url(path), how);
      viewers.push(viewer);
      return viewer;
    },
    async [Symbol.asyncDispose]() {
      for (const viewer of viewers) viewer.socket.terminate();
      await live.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
