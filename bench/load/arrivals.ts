/** How long things took, in ms. */
export interface Ways {
  /** From each commit to its first and to its last client. */
  readonly firsts: readonly number[];
  readonly lasts: readonly number[];
  readonly p50: number;
  readonly p99: number;
}

/** Milliseconds of a clock that all processes of this machine share. */
export function machineMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** When the nth commit came to each client. */
export class Arrivals {
  readonly #clients: number;
  readonly #times: Float64Array;

  constructor(clients: number, commits: number) {
    this.#clients = clients;
    this.#times = new Float64Array(clients * commits);
  }

  note(client: number, commit: number): void {
    const place = commit * this.#clients + client;
    if (place < this.#times.length) this.#times[place] = machineMs();
  }

  /** `sent`: when each was committed. Those who got nothing are left out. */
  ways(sent: readonly number[]): Ways {
    const firsts: number[] = [];
    const lasts: number[] = [];
    const all: number[] = [];
    for (const [commit, at] of sent.entries()) {
      const came = [...this.#times.subarray(commit * this.#clients, (commit + 1) * this.#clients)].filter((time) => time > 0);
      const ways = came.map((time) => time - at).sort((one, other) => one - other);
      firsts.push(ways[0] as number);
      lasts.push(ways.at(-1) as number);
      all.push(...ways);
    }
    all.sort((one, other) => one - other);
    return { firsts, lasts, p50: all[Math.floor(all.length * 0.5)] as number, p99: all[Math.floor(all.length * 0.99)] as number };
  }
}
