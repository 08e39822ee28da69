import type { CLOSE } from '../protocol/index.ts';
import { either } from './either.ts';
import { absolute, type Fallback, type SocketFactory, type SocketLike } from './socket.ts';

const CUT = 1006;
const UNAUTHORIZED: typeof CLOSE.unauthorized = 4100;
const TOO_LARGE: typeof CLOSE.tooLarge = 4001;

/** Characters of a post of several frames: with what an endpoint takes by default it fits, whatever the characters. */
const BATCH = 16_384;

/**
 * For networks in which WebSockets do not come through: the same frames over HTTP. Used when nothing was heard on two WebSockets in a row,
 * and where there are none at all. What `createClient` falls back on, unless it is told otherwise.
 */
export const events: Fallback = (url, first) => {
  const second = eventSocket(url);
  return first ? either(first, second) : second;
};

/**
 * Sockets over Server-Sent Events and `POST`, and never a WebSocket: `createClient(url, { socket: eventSocket(url) })`.
 *
 * @throws {TypeError} for a relative URL where there is no page to be relative to.
 */
export function eventSocket(url: string): SocketFactory {
  const href = absolute(url);
  return (token) => new EventSocket(href, token);
}

class EventSocket implements SocketLike {
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  readonly #url: string;
  readonly #abort = new AbortController();
  #token: string | undefined;
  #session: string | undefined;
  #batch = BATCH;
  #waiting: string[] = [];
  #posting = false;
  #ended = false;

  constructor(url: string, token: string | undefined) {
    this.#url = url;
    this.#token = token;
    void this.#orEnd(this.#listen());
  }

  send(text: string): void {
    this.#waiting.push(text);
    if (!this.#posting) void this.#orEnd(this.#post());
  }

  close(code = 1000, reason = ''): void {
    queueMicrotask(() => this.#end(code, reason));
  }

  async #listen(): Promise<void> {
    // Of no session yet. That it is there says whose page this is, where a browser does not: over http.
    const { ok, status, headers, body } = await this.#fetch({ accept: 'text/event-stream', 'rowcast-session': '' });
    // A proxy's page is no stream of events, though all may be well with it.
    if (!ok || !body || !headers.get('content-type')?.startsWith('text/event-stream')) return this.#refused(status);
    this.onopen?.({});
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let text = '';
    let event = '';
    let data = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return this.#end(CUT);
      const lines = (text + decoder.decode(value, { stream: true })).split(/\r?\n/);
      text = lines.pop() as string;
      for (const line of lines) {
        if (this.#ended) return;
        const [, field, said = ''] = /^(\w+): ?(.*)/s.exec(line) ?? [];
        if (field === 'event') event = said;
        if (field === 'data') data = said; // one line: JSON has no breaks
        if (line !== '') continue;
        if (data !== '') this.#hear(event, data);
        event = data = '';
      }
    }
  }

  #hear(event: string, data: string): void {
    if (event === 'close') {
      const { code, reason } = JSON.parse(data) as { readonly code: number; readonly reason: string };
      return this.#end(code, reason);
    }
    this.onmessage?.({ data });
    if (this.#ended || this.#session !== undefined) return;
    // The first one is `welcome`: it has what posts are addressed to.
    this.#session = (JSON.parse(data) as { readonly session: string }).session;
    void this.#orEnd(this.#post());
  }

  /** One after another, each with what has gathered during the one before. */
  async #post(): Promise<void> {
    if (this.#session === undefined) return;
    this.#posting = true;
    while (this.#waiting.length > 0 && !this.#ended) {
      const frames = this.#gathered();
      const { ok, status } = await this.#fetch({ 'rowcast-session': this.#session }, frames.join('\n'));
      if (status === 413 && frames.length > 1) {
        // An endpoint that takes less at once. It has read none of them.
        this.#waiting.unshift(...frames);
        this.#batch = 0;
      } else if (!ok) return this.#refused(status);
      else for (const frame of frames) this.#renew(frame);
    }
    this.#posting = false;
  }

  #gathered(): string[] {
    let size = 0;
    const past = this.#waiting.findIndex((frame, at) => (size += frame.length + 1) > this.#batch && at > 0);
    return this.#waiting.splice(0, past < 0 ? Infinity : past);
  }

  /** Newer credentials are for what is posted from now on as well. */
  #renew(frame: string): void {
    if (!frame.startsWith('{"type":"refresh"')) return;
    this.#token = (JSON.parse(frame) as { readonly token: string }).token;
  }

  #fetch(headers: Record<string, string>, body?: string): Promise<Response> {
    return fetch(this.#url, {
      headers: this.#token === undefined ? headers : { ...headers, authorization: `Bearer ${this.#token}` },
      ...(body === undefined ? {} : { method: 'POST', body }),
      credentials: 'include', // as a WebSocket has them
      signal: this.#abort.signal,
    });
  }

  async #orEnd(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch {
      this.#end(CUT);
    }
  }

  #refused(status: number): void {
    this.#end(status === 401 ? UNAUTHORIZED : status === 413 ? TOO_LARGE : CUT);
  }

  #end(code: number, reason = ''): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#abort.abort();
    this.onclose?.({ code, reason });
  }
}
