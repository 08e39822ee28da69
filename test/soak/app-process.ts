import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HeldUp } from './pulse.ts';

const PROGRAM = fileURLToPath(new URL('app.ts', import.meta.url));
/** Between two tries to start it, while the database is away. */
const AGAIN_MS = 500;
const TRIES = 40;
/** Lines of its log that are kept for the report. */
const LINES = 400;

export interface Memory {
  /** Milliseconds. */
  readonly at: number;
  readonly rss: number;
  readonly heapUsed: number;
  /** Which start of the program it is of. */
  readonly life: number;
}

/** A line of what it says (`app.ts`), its times by the clock that all processes share. */
type Said =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'alive'; readonly at: number; readonly rss: number; readonly heapUsed: number; readonly leads: boolean }
  | ({ readonly type: 'held up' } & HeldUp);

/** What one of several servers is told about itself. */
export interface Node {
  /** Its place in the log, or that of all. */
  readonly slot: string;
  /** What they share; null: the database. */
  readonly broker: { readonly kind: 'redis' | 'nats' | 'siblings'; readonly address: string } | null;
}

/** The app under test, as a supervisor sees it: started, killed, stopped, started again. */
export class AppProcess implements AsyncDisposable {
  readonly memory: Memory[] = [];
  readonly log: string[] = [];
  /** Starts so far. */
  lives = 0;
  /** Up to then it has told where it was held up: milliseconds, by this process's clock. */
  heard = 0;
  /** Is told where it was held up, by this process's clock. */
  heldUp: (heldUp: HeldUp) => void = () => undefined;
  /** Whether it said last that it reads the log for all. */
  leads = false;
  /** Whether it keeps the ledger of its siblings. */
  keeps = false;
  readonly #url: string;
  readonly #node: Node | null;
  #child: ChildProcess | null = null;

  /** The URL is the database's. `node`: it is one of several. */
  constructor(url: string, node: Node | null = null) {
    this.#url = url;
    this.#node = node;
  }

  /**
   * The port it listens at. Where it ends before it listens, it is started again: the database may be away.
   * @throws {Error} when it has tried for long enough; the message is what the app said.
   */
  async start(): Promise<number> {
    for (let tries = 0; tries < TRIES; tries++) {
      const port = await this.#try();
      if (port !== null) return port;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    throw new Error(`the app does not start:\n${this.log.slice(-20).join('\n')}`);
  }

  /** As a power cut does. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.leads = this.keeps = false;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  stop(): void {
    this.#child?.kill('SIGSTOP');
  }

  go(): void {
    this.#child?.kill('SIGCONT');
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #try(): Promise<number | null> {
    const life = ++this.lives;
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, this.#url, JSON.stringify(this.#node)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdin?.on('error', () => undefined);
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => this.#note(life, line));
    return new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#note(life, `ended with ${code ?? signal}`);
        resolve(null);
      });
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const said = JSON.parse(line) as Said;
        if (said.type === 'listening') resolve(said.port);
        else this.#hear(said, life);
      });
    });
  }

  #hear(said: Exclude<Said, { type: 'listening' }>, life: number): void {
    const here = (at: number): number => at - performance.timeOrigin;
    switch (said.type) {
      case 'alive':
        this.heard = here(said.at);
        this.leads = said.leads;
        this.memory.push({ at: this.heard, rss: said.rss, heapUsed: said.heapUsed, life });
        return;
      case 'held up':
        this.heldUp({ from: here(said.from), until: here(said.until), busyMs: said.busyMs });
        return;
    }
  }

  #note(life: number, line: string): void {
    if (/siblings: (this|another) process keeps the ledger/.test(line)) this.keeps = line.includes('this process');
    this.log.push(`${life}: ${line.slice(0, 2_000)}`);
    if (this.log.length > LINES) this.log.splice(0, this.log.length - LINES);
  }
}
