import { createClient, type Client, type ClientClock, type ClientOptions, type SocketLike } from '../../src/client/index.ts';
import { parseClientFrame, type ClientFrame, type ServerFrame, type StreamInfo } from '../../src/protocol/index.ts';
import { STREAMS } from './scripted-client.ts';

/** Time that passes when a test says so, and takes everything that falls due with it at once. */
export class HeldClock implements ClientClock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): { cancel(): void } {
    const timer = { at: this.#now + ms, fire };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** What falls due is fired in order, what is put off to now included. */
  pass(ms = 0): void {
    const end = this.#now + ms;
    for (;;) {
      const [due] = [...this.#timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.fire();
    }
    this.#now = end;
  }
}

/** A socket whose other end is the test: what it says is heard before it goes on. */
export class HeldSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  #sent: ClientFrame[] = [];
  /** The code it was closed with from this side. */
  closed: number | null = null;

  send(text: string): void {
    this.#sent.push(parseClientFrame(text, { bytes: 65_536, depth: 32, keys: 2_048 }));
  }

  close(code = 1000): void {
    this.closed ??= code;
  }

  /** What the client has sent and nobody has looked at. */
  sent(): readonly ClientFrame[] {
    return this.#sent.splice(0);
  }

  say(...frames: readonly ServerFrame[]): void {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  welcome(streams: Readonly<Record<string, StreamInfo | null>> = STREAMS, heartbeat = 20, user: string | null = null): void {
    this.onopen?.();
    this.say({
      type: 'welcome',
      session: `${Math.random()}`,
      epoch: '1',
      position: '0000000000000001',
      user,
      build: 'b',
      heartbeat,
      streams,
    });
  }

  end(code: number): void {
    this.onclose?.({ code, reason: '' });
  }
}

export interface Held {
  readonly client: Client;
  readonly clock: HeldClock;
  /** All that it has opened, the newest last. */
  readonly sockets: readonly HeldSocket[];
  /** The newest one. */
  readonly socket: HeldSocket;
}

/** A client without a network, time or chance of its own: nothing happens that the test does not do. */
export function held(options: ClientOptions = {}): Held {
  const clock = new HeldClock();
  const sockets: HeldSocket[] = [];
  const socket = (): HeldSocket => {
    const made = new HeldSocket();
    sockets.push(made);
    return made;
  };
  const client = createClient('', { socket, clock, random: () => 0, name: 'held-client', linger: 0, ...options });
  return {
    client,
    clock,
    sockets,
    get socket() {
      return sockets.at(-1) as HeldSocket;
    },
  };
}

/** The nth position. */
export const at = (n: number): string => n.toString(16).padStart(16, '0');
