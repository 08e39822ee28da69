import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Orders, Report } from './fleet-child.ts';
import { Viewer } from './viewer.ts';

/** A process of a fleet, by itself. */
export class FleetProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, { port }: Report) {
    this.#child = child;
    this.#port = port;
  }

  static async start(orders: Orders): Promise<FleetProcess> {
    const child = fork(new URL('./fleet-child.ts', import.meta.url), [JSON.stringify(orders)], {
      execArgv: [],
      stdio: ['ignore', 'inherit', process.env['FLEET_LOG'] === undefined ? 'ignore' : 'inherit', 'ipc'],
    });
    const died = once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`a process of the fleet ended as it began: ${String(code)}`)),
    );
    died.catch(() => undefined);
    const [report] = (await Promise.race([once(child, 'message'), died])) as [Report];
    return new FleetProcess(child, report);
  }

  async report(): Promise<Report> {
    const said = once(this.#child, 'message');
    this.#child.send('report');
    return ((await said) as [Report])[0];
  }

  viewer(): Promise<Viewer> {
    return Viewer.open(`ws://127.0.0.1:${this.#port}/`);
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
