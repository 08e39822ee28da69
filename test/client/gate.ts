import { WebSocket } from 'ws';
import type { SocketLike } from '../../src/client/index.ts';
import type { ClientFrame, ServerFrame } from '../../src/protocol/index.ts';

/** `away`: there is no network. `deaf`: what is said first is lost, and the line with it. */
export type Passing = 'open' | 'away' | 'deaf';

/** The way of one page to its server, and all that went over it. */
export class Gate {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly sent: ClientFrame[] = [];
  readonly taken: ServerFrame[] = [];
  #passing: Passing;
  #line: WebSocket | undefined;

  constructor(url: string, { user, passing = 'open' }: { readonly user: string; readonly passing?: Passing }) {
    this.#url = url;
    this.#headers = { 'x-user': user };
    this.#passing = passing;
  }

  set passing(passing: Passing) {
    this.#passing = passing;
    if (passing === 'away') this.#line?.terminate();
  }

  /** Every write, batch and call that was sent. */
  get writes(): readonly ClientFrame[] {
    return this.sent.filter(({ type }) => type === 'write' || type === 'batch' || type === 'call');
  }

  readonly socket = (): SocketLike => {
    const line = new WebSocket(this.#url, 'rowcast.1', { headers: this.#headers });
    this.#line = line;
    const socket: SocketLike = {
      onopen: null,
      onmessage: null,
      onclose: null,
      send: (text) => {
        const frame = JSON.parse(text) as ClientFrame;
        this.sent.push(frame);
        if (this.#passing === 'deaf' && frame.type !== 'hello') line.terminate();
        else line.send(text);
      },
      close: () => line.terminate(),
    };
    line.on('open', () => (this.#passing === 'away' ? line.terminate() : socket.onopen?.({})));
    line.on('message', (data) => {
      if (line.readyState !== WebSocket.OPEN) return; // what came with the handshake of a line that was cut in it
      this.taken.push(JSON.parse(String(data)) as ServerFrame);
      socket.onmessage?.({ data: String(data) });
    });
    line.on('close', (code) => socket.onclose?.({ code, reason: '' }));
    line.on('error', () => undefined);
    return socket;
  };
}
