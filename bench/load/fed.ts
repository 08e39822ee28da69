import { createClient, type Client, type SocketLike } from 'rowcast/client';

const STREAMS = {
  rows: {
    view: 1,
    key: [['id', ['int', 'number']]],
    fields: { name: ['text', 'string'], value: ['int', 'number'], at: ['timestamptz', 'date'] },
    writable: [],
  },
};

/** A client, and the frames of a server that is not there: what is measured is what a page does with them, and nothing else. */
export class Fed {
  readonly client: Client;
  #socket: SocketLike | undefined;
  #position = 0;
  #rows = 0;

  constructor() {
    const socket = (): SocketLike =>
      (this.#socket = { onopen: null, onmessage: null, onclose: null, send: () => undefined, close: () => undefined });
    this.client = createClient('', { socket });
  }

  /** The stream `rows`, with so many. */
  async fill(rows: number) {
    const handle = this.client.stream('rows');
    this.#socket?.onopen?.({});
    this.hear([
      JSON.stringify({
        type: 'welcome',
        session: 's',
        epoch: '1',
        position: this.#next(),
        user: null,
        build: '',
        heartbeat: 3_600,
        streams: STREAMS,
      }),
    ]);
    await new Promise((resolve) => setTimeout(resolve)); // who asks for a stream has a moment to listen to it
    const all = Array.from({ length: rows }, (_, id) => [id, row(id, 0)]);
    this.hear([
      JSON.stringify({ type: 'subscribed', id: 1, view: 2 }),
      JSON.stringify({ type: 'rows', view: 2, rows: all, count: rows, total: rows }),
      JSON.stringify({ type: 'ready', view: 2, position: this.#next(), token: 't' }),
    ]);
    this.#rows = rows;
    return handle;
  }

  /** Frames of commits that update so many rows each, here and there. */
  commits(count: number, each: number): readonly string[] {
    return Array.from({ length: count }, (_, commit) => {
      const changes = Array.from({ length: each }, (__, at) => {
        const id = ((commit * each + at) * 7_919) % this.#rows;
        return [2, 'update', id, row(id, commit)];
      });
      return JSON.stringify({ type: 'commit', position: this.#next(), changes });
    });
  }

  hear(frames: readonly string[]): void {
    for (const data of frames) this.#socket?.onmessage?.({ data });
  }

  #next(): string {
    return (++this.#position).toString(16).padStart(16, '0');
  }
}

function row(id: number, value: number): object {
  return { name: `the row of number ${id}`, value, at: '2026-11-23T12:34:56.789012Z' };
}
