import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

/** What an app says when it serves. */
interface Serving {
  readonly port: number;
  /** From before the first import of Rowcast to then. */
  readonly ms: number;
}

/** An app in a process of its own, from the moment of its start. */
export class App {
  readonly #child: ChildProcess;
  readonly #begin: number;

  constructor(file: string, args: readonly string[]) {
    this.#begin = performance.now();
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      execArgv: ['--expose-gc'],
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** Resolves when a first handshake is answered. `since` its start. */
  async serving(): Promise<{ readonly ms: number; readonly since: number }> {
    const { port, ms } = await this.#said<Serving>();
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write(
      'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: rowcast.1\r\n\r\n',
    );
    await once(socket, 'data');
    const since = performance.now() - this.#begin;
    socket.destroy();
    return { ms, since };
  }

  /** Bytes of its process, at rest. */
  async rss(): Promise<number> {
    const said = this.#said<{ readonly rss: number }>();
    this.#child.send('rss');
    return (await said).rss;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await ended;
  }

  async #said<T>(): Promise<T> {
    const ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the app ended with ${code}`);
    });
    ended.catch(() => undefined);
    const [said] = (await Promise.race([once(this.#child, 'message'), ended])) as [T];
    return said;
  }
}
