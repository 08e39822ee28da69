import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DeployOrder, DeployOrders, DeployReport } from './deploy-node.ts';

const PROGRAM = fileURLToPath(new URL('deploy-node.ts', import.meta.url));
/** Lines of its log that are kept. */
const LINES = 200;

/** A node, as its supervisor sees it. */
export class DeployProcess implements AsyncDisposable {
  readonly port: number;
  readonly log: readonly string[];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, { port, log }: { readonly port: number; readonly log: readonly string[] }) {
    this.#child = child;
    this.port = port;
    this.log = log;
    this.#ended = once(child, 'exit');
  }

  /** `within`: a command that runs what follows it somewhere: `['ip', 'netns', 'exec', 'one']`. @throws {Error} where it ends before it listens. */
  static async start(orders: DeployOrders, within: readonly string[] = []): Promise<DeployProcess> {
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM, JSON.stringify(orders)] as const;
    const [command, ...args] = [...within, ...node];
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    const log: string[] = [];
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      log.push(line);
      if (log.length > LINES) log.shift();
    });
    const died = once(child, 'exit').then(([code]) => Promise.reject(new Error(`a node ended with ${String(code)}:\n${log.join('\n')}`)));
    died.catch(() => undefined);
    const [{ port }] = (await Promise.race([once(child, 'message'), died])) as [DeployReport];
    return new DeployProcess(child, { port, log });
  }

  /** @throws {Error} where it has ended. */
  async report(): Promise<DeployReport> {
    const said = once(this.#child, 'message') as Promise<[DeployReport]>;
    this.#tell('report');
    const gone = this.#ended.then(() => Promise.reject(new Error('the process has ended')));
    return (await Promise.race([said, gone]))[0];
  }

  /** Sends its clients away over so many milliseconds, closes, and ends. */
  async goDown(drainMs: number): Promise<void> {
    this.#tell({ drainMs });
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #tell(order: DeployOrder): void {
    // Who has ended meanwhile hears nothing: that is seen by its end.
    if (this.#child.connected) this.#child.send(order, () => undefined);
  }
}
