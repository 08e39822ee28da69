import { WebSocket } from 'ws';
import { createClient } from '../../src/client/core.ts';
import type { CoreClient } from '../../src/client/types.ts';

type Row = Readonly<Record<string, unknown>>;

/** All that was true, by a client that has no writes of its own and no trouble: the table at each position, and which texts were written by then. */
export class Truth implements Disposable {
  readonly #client: CoreClient;
  readonly #states: { readonly position: string; readonly rows: readonly Row[] }[] = [];
  readonly #deeds = new Map<string, { readonly position: string; readonly post: number }[]>();
  #wake: (() => void)[] = [];
  /** Both of its views are there. */
  readonly #begun: Promise<unknown>;

  private constructor(client: CoreClient) {
    this.#client = client;
    const [posts, deeds] = [client.stream('posts'), client.stream('deeds')];
    this.#begun = Promise.all([posts, deeds].map((each) => new Promise<void>((resolve) => each.on('ready', resolve))));
    posts.on('commit', ({ position, merged }) => {
      if (merged && this.#states.length > 0) throw new Error('the control fell behind: there are states that it has not seen');
      this.#states.push({ position, rows: posts.rows });
    });
    deeds.on('commit', ({ position, changes }) => {
      for (const { data } of changes) {
        const { text, post } = data as { readonly text: string; readonly post: number };
        const known = this.#deeds.get(text);
        if (known) known.push({ position, post });
        else this.#deeds.set(text, [{ position, post }]);
      }
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  static async open(url: string): Promise<Truth> {
    const client = createClient(url, { webSocket: WebSocket });
    const truth = new Truth(client);
    await truth.#begun;
    return truth;
  }

  /** The table as of this position, by key. */
  at(position: string): readonly Row[] {
    let [least, most] = [0, this.#states.length];
    while (least < most) {
      const middle = (least + most) >> 1;
      if ((this.#states[middle]?.position ?? '') <= position) least = middle + 1;
      else most = middle;
    }
    return this.#states[least - 1]?.rows ?? [];
  }

  /** Whether this was written by then. */
  has(text: string, position: string): boolean {
    return this.#deeds.get(text)?.some((each) => each.position <= position) ?? false;
  }

  times(text: string): number {
    return this.#deeds.get(text)?.length ?? 0;
  }

  /** The key of the row it was written to. */
  keyOf(text: string): string | undefined {
    const key = this.#deeds.get(text)?.[0]?.post;
    return key === undefined ? undefined : String(key);
  }

  /** Every text that was written more than once. */
  get doubled(): readonly string[] {
    return [...this.#deeds].filter(([, deeds]) => deeds.length > 1).map(([text]) => text);
  }

  /** Resolves once it was written. */
  async written(text: string): Promise<void> {
    while (!this.#deeds.has(text)) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}
