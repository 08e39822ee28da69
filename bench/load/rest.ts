const NOTHING = Buffer.alloc(0);

/** Takes chunks apart into frames, and keeps what is too little of one until there is more. */
export class Rest {
  #bytes: Buffer = NOTHING;

  /**
   * @param from where in the chunk the first frame begins; nothing is kept from before where that is not 0
   * @param frame takes what begins at a place, and gives where the next one does; the place itself: too little of it is there
   */
  take(chunk: Buffer, from: number, frame: (data: Buffer, at: number) => number): void {
    const data = this.#bytes.length > 0 ? Buffer.concat([this.#bytes, chunk]) : chunk;
    this.#bytes = NOTHING;
    for (let at = from; at < data.length;) {
      const next = frame(data, at);
      if (next === at) {
        this.#bytes = Buffer.from(data.subarray(at)); // the whole chunk must not be kept for a few bytes
        return;
      }
      at = next;
    }
  }
}
