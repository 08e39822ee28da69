import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { current, type Going } from './going.ts';
import type { Kind, Profile } from './profile.ts';

/** A part of a benchmark in a process of its own, asked by message and answering each. */
export class Part {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  readonly #name: string;
  readonly #going: Going = current();
  #asked = 0;
  #profiled = false;

  /** `from`: another checkout, whose part of that name it is. */
  constructor(name: string, from?: string) {
    this.#name = name;
    const file =
      from === undefined ? fileURLToPath(new URL(`./parts/${name}.ts`, import.meta.url)) : join(from, 'bench/parts', `${name}.ts`);
    const execArgv = [...process.execArgv, '--expose-gc'];
    const env = { ...process.env, NODE_ENV: 'production' };
    this.#child = fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv, env });
    this.#child.on('message', ({ id, value, error }: { id: number; value: never; error?: string }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(`${name}: ${error}`));
    });
    this.#child.on('error', (error) => this.#end(error));
    this.#child.on('exit', (code, signal) => this.#end(new Error(`${name} ended with ${code ?? signal}`)));
    this.#going.parts.add(this);
    this.profile().catch(() => undefined); // where passes count already. Asked before anything else, so answered before
  }

  ask<T>(call: string, argument: object = {}): Promise<T> {
    const id = ++this.#asked;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, call, argument }, (error) => {
        if (error && this.#waiting.delete(id)) reject(new Error(`${this.#name} is gone: ${error.message}`));
      });
    });
  }

  async stop(): Promise<void> {
    if (!this.#going.parts.has(this)) return;
    if (this.#profiled) await this.profiled();
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    // It exits by itself then, and takes its folder with it.
    if (this.#child.connected) this.#child.disconnect();
    await ended;
  }

  /** Whoever waits for its answers hears that there will be none. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2_000); // where it is too busy to hear
    if (this.#child.connected) this.#child.disconnect();
    await ended;
    clearTimeout(timer);
  }

  /** From now on, until `profiled`. A load generator is none of our business. */
  async profile(): Promise<void> {
    const { profile: kind } = this.#going;
    if (kind === undefined || this.#profiled || this.#name.includes('sink')) return;
    this.#profiled = true;
    await this.ask('profile', { kind });
  }

  async profiled(): Promise<void> {
    if (!this.#profiled) return;
    this.#profiled = false;
    await this.ask('profiled', { stem: this.#going.stem(this.#name) });
  }

  #end(error: Error): void {
    this.#going.parts.delete(this);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

export interface Cpu {
  /** Microseconds of CPU, user and system. */
  readonly us: number;
}

export interface Memory {
  /** Bytes of the process. */
  readonly rss: number;
  /** Bytes of JavaScript's heap and of what it holds outside of it, garbage collected. */
  readonly used: number;
}

/** Answers a benchmark's questions in this process. `cpu` and `memory` every part answers: what it has used so far. */
export function answer(calls: Record<string, (argument: never) => unknown>): void {
  let profile: Profile | undefined;
  const all: Record<string, (argument: never) => unknown> = {
    cpu: (): Cpu => {
      const { user, system } = process.cpuUsage();
      return { us: user + system };
    },
    memory: async (): Promise<Memory> => {
      for (let round = 0; round < 3; round++) {
        globalThis.gc?.();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const { rss, heapUsed, external } = process.memoryUsage();
      return { rss, used: heapUsed + external };
    },
    profile: async ({ kind }: { kind: Kind }) => {
      const { profiled } = await import('./profile.ts'); // a part that is not profiled has no inspector in its memory
      profile = await profiled(kind);
    },
    profiled: async ({ stem }: { stem: string }) => {
      await profile?.write(stem);
      profile = undefined;
    },
    ...calls,
  };
  process.on('message', ({ id, call, argument }: { id: number; call: string; argument: never }) => {
    void (async () => {
      try {
        const called = all[call];
        if (!called) throw new Error(`it answers ${Object.keys(all).join(', ')}; not ${call}`);
        process.send?.({ id, value: await called(argument) });
      } catch (error) {
        process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    })();
  });
  process.on('disconnect', () => process.exit(0));
}
