import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { BrokerOptions, Entry, Json, Position } from '../../src/core/index.ts';

export interface SiblingStart {
  readonly path: string;
  readonly start: Position;
  readonly bounds: BrokerOptions['bounds'];
  /** Its clock stands still, but for `pass`. */
  readonly still?: boolean;
}

/** What a process of siblings is asked for: to open one, and then what of it. */
export type Asked = { readonly act: 'open'; readonly with: SiblingStart } | ({ readonly path: string } & AskedOf);
type AskedOf =
  | { readonly act: 'pass'; readonly ms: number }
  | { readonly act: 'lead'; readonly least: number; readonly start?: Position }
  | { readonly act: 'append'; readonly entries: readonly Entry[]; readonly term: number }
  | { readonly act: 'send'; readonly payload: Json }
  | { readonly act: 'follow'; readonly after: Position }
  | { readonly act: 'tail' | 'look' | 'close' };

export interface Looked {
  /** Where its follower is, and how many entries that was given. */
  readonly at: Position;
  readonly count: number;
  /** What must not be. */
  readonly wrong: readonly string[];
  readonly heard: readonly Json[];
  /** How many times it came to keep the ledger. */
  readonly hosted: number;
}

/** A process with siblings in it, to be frozen and killed as one. What it is asked for is refused with the code of its error. */
export class SiblingProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #gone: Promise<unknown>;
  #last = 0;

  constructor() {
    this.#child = fork(new URL('./sibling.ts', import.meta.url), { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#gone = once(this.#child, 'exit').then(() => {
      for (const { reject } of this.#waiting.values()) reject(Object.assign(new Error('the process is gone'), { code: 'ledger_lost' }));
      this.#waiting.clear();
    });
    this.#child.on('message', ({ id, value, code }: { readonly id: number; readonly value?: unknown; readonly code?: string }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (code === undefined) waiting?.resolve(value);
      else waiting?.reject(Object.assign(new Error(code), { code }));
    });
  }

  async open(options: SiblingStart): Promise<OneThere> {
    await this.#ask({ act: 'open', with: options });
    return { ask: <T>(asked: AskedOf) => this.#ask<T>({ path: options.path, ...asked }) };
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  #ask<T>(asked: Asked): Promise<T> {
    const id = ++this.#last;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id, asked }, (error) => error && reject(Object.assign(error, { code: 'ledger_lost' })));
    });
  }
}

/** A sibling in another process. */
export interface OneThere {
  ask<T>(asked: AskedOf): Promise<T>;
}
