import type { Log, Reset, Routed, Stream } from '../core/index.ts';

/**
 * Which streams cannot be told row by row just now: a hook fails on their rows, or the table is not what the model says. Their viewers are
 * told so once, and not at every commit; they hear nothing more until a row passes again, and then read once more.
 */
export class Standing {
  readonly #log: Log;
  readonly #paused = new Set<string>();
  /** Those whose hook's failure is in the log already. */
  readonly #said = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  failed({ name }: Stream, error: unknown): void {
    if (this.#said.has(name)) return;
    this.#said.add(name);
    this.#log.error(
      { stream: name, err: error },
      `"${name}": a hook failed on a row; its viewers are told to read again, and nothing more until it works`,
    );
  }

  after(routed: Routed | null): Routed | null {
    if (!routed || (routed.resets.length === 0 && this.#paused.size === 0)) return routed;
    const resets = routed.resets.filter((reset) => this.#isNews(reset));
    const back = new Set(routed.deliveries.map(({ stream }) => stream).filter((stream) => this.#paused.delete(stream)));
    for (const stream of back) {
      this.#said.delete(stream);
      resets.push({ stream, reason: 'serializer' });
    }
    const deliveries = back.size === 0 ? routed.deliveries : routed.deliveries.filter(({ stream }) => !back.has(stream));
    const nothing = resets.length + deliveries.length + routed.receipts.length + routed.members.length === 0;
    if (nothing) return null;
    return { ...routed, resets, deliveries };
  }

  #isNews({ stream, reason }: Reset): boolean {
    if (reason !== 'serializer' && reason !== 'schema') return true;
    const news = !this.#paused.has(stream);
    this.#paused.add(stream);
    return news;
  }
}
