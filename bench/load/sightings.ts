import { machineMs } from './arrivals.ts';

/** What became of a run of writes, each of a value one higher than the last. */
export interface Sight {
  /** Ms from before each write until the last client had it, or a newer one. */
  readonly lasts: readonly number[];
  /** Of all committed states times all clients: the part that came. */
  readonly states: number;
  /** Frames that came. */
  readonly deliveries: number;
}

/** When each client first saw each of a run of values. */
export class Sightings {
  readonly first: number;
  readonly #clients: number;
  readonly #writes: number;
  readonly #times: Float64Array;
  #deliveries = 0;

  constructor(clients: number, { first, writes }: { readonly first: number; readonly writes: number }) {
    this.first = first;
    this.#clients = clients;
    this.#writes = writes;
    this.#times = new Float64Array(clients * writes).fill(Infinity);
  }

  see(client: number, value: number): void {
    const write = value - this.first;
    if (write < 0 || write >= this.#writes) return;
    this.#deliveries++;
    const place = client * this.#writes + write;
    if (this.#times[place] === Infinity) this.#times[place] = machineMs();
  }

  /** `sent`: when each was about to be written. */
  sight(sent: readonly number[]): Sight {
    const lasts = sent.map(() => 0);
    let states = 0;
    for (let client = 0; client < this.#clients; client++) {
      let had = Infinity;
      for (let write = this.#writes - 1; write >= 0; write--) {
        const time = this.#times[client * this.#writes + write] as number;
        if (time !== Infinity) states++;
        had = Math.min(had, time);
        lasts[write] = Math.max(lasts[write] as number, had - (sent[write] as number));
      }
    }
    return { lasts, states: states / (this.#clients * this.#writes), deliveries: this.#deliveries };
  }
}
