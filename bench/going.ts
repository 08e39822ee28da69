import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Part } from './process.ts';
import type { Kind } from './profile.ts';

export const PROFILES: string = fileURLToPath(new URL('./results/profiles/', import.meta.url));

/** A workload while it runs: the parts it has started, and what is profiled of them. Several may run at once, each with its own. */
export class Going {
  readonly workload: string;
  readonly parts: Set<Part> = new Set();
  readonly #profile: Kind | undefined;
  readonly #folder: string;
  readonly #taken = new Map<string, number>();
  #counting = 0;

  /** `folder`: where profiles go. */
  constructor(workload: string, profile?: Kind, folder: string = PROFILES) {
    this.workload = workload;
    this.#folder = folder;
    this.#profile = profile;
  }

  /** What is to be profiled now: nothing, before passes count and after. */
  get profile(): Kind | undefined {
    return this.#counting > 0 ? this.#profile : undefined;
  }

  /** Around passes that count. */
  async counting(): Promise<AsyncDisposable> {
    this.#counting++;
    await Promise.all([...this.parts].map((part) => part.profile()));
    return {
      [Symbol.asyncDispose]: async () => {
        this.#counting--;
        if (this.#counting === 0) await Promise.all([...this.parts].map((part) => part.profiled()));
      },
    };
  }

  /** The path of the next profile of a part, without what it ends in. */
  stem(part: string): string {
    const number = (this.#taken.get(part) ?? 0) + 1;
    this.#taken.set(part, number);
    return join(this.#folder, `${this.workload}-${part.replaceAll(/[^\w-]+/g, '')}-${number}`);
  }

  /** Ends every part that still runs: a workload that hangs fails by it, and cleans up. */
  async kill(): Promise<void> {
    await Promise.all([...this.parts].map((part) => part.kill()));
  }
}

export const going: AsyncLocalStorage<Going> = new AsyncLocalStorage();

/** Outside of any run, as in a test: of nobody. */
export const current = (): Going => going.getStore() ?? NOBODY;
const NOBODY = new Going('');
