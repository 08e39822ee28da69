import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Arrival, Found, OpenEndpoint, Refusal, Server, Session, Shown } from '../server/index.ts';
import { keyOf, placeOf, shownOf, wantedOf, type Place, type Wanted } from './event-places.ts';
import { EventTransport } from './event-transport.ts';
import { admitted, pathOf } from './handshake.ts';
import { events } from './packing.ts';
import { rowcast1 } from './rowcast1.ts';

const WIRE = rowcast1(events);

/** Tokens of those who may come back, and how long they are kept for them. */
const KEPT = 10_000;
const KEPT_MS = 300_000;
/** An event that says nothing, by which a line that is cut is found out. */
const COMMENT = Buffer.from(':\n\n');
const COMMENT_MS = 20_000;

/** Whose a session is. */
interface Owned {
  readonly principal: string | null;
  readonly endpoint: OpenEndpoint;
}

interface Open extends Owned {
  readonly session: Session<Buffer>;
  readonly wanted: readonly Wanted[];
  readonly transport: EventTransport;
  /** Ends with the last post that has come so far. */
  posts: Promise<void>;
}

/** What is left of a session that has ended, by what was wanted. */
interface Left extends Owned {
  readonly at: number;
  readonly views: ReadonlyMap<string, Shown>;
}

/**
 * `rowcast.1` over plain HTTP, where WebSockets are blocked: frames down as Server-Sent Events, frames up by `POST`. The same session as behind
 * a WebSocket; only the bytes travel differently.
 */
export class EventDoor {
  readonly #server: Server;
  readonly #open = new Map<string, Open>();
  /** By session, in the order in which they ended. */
  readonly #left = new Map<string, Left>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** False: this request is no endpoint's, and nothing was done with it. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { method = 'GET', headers } = request;
    const streamed = method === 'GET' && (headers.accept ?? '').includes('text/event-stream');
    if (!streamed && method !== 'POST' && method !== 'OPTIONS') return false;
    const found = this.#server.at(pathOf(request));
    if (!found) return false;
    // Whatever the answer: a page that may not read why it was refused would ask again for ever.
    for (const [name, value] of allowed(found.endpoint, request)) response.setHeader(name, value);
    const answer =
      method === 'OPTIONS' ? preflight(response) : streamed ? this.#stream(found, request, response) : this.#post(found, request, response);
    answer.catch((error: unknown) => {
      this.#server.log.error({ err: error, path: found.endpoint.path }, 'a request for events failed');
      if (response.headersSent) response.destroy();
      else refuse(response, { status: 500, message: 'the server could not answer' });
    });
    return true;
  }

  /** Resolves when the last stream is gone: the server ends their sessions. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ transport }) => transport.gone));
  }

  async #stream(found: Found, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { endpoint } = found;
    const asked = new URL(request.url ?? '/', 'http://x').searchParams;
    const wanted = wantedOf(asked.get('subscribe'));
    if (!wanted) return refuse(response, { status: 400, message: '?subscribe= is a JSON array of {"stream", "params"}' });
    if (this.#server.full(endpoint)) return refuse(response, FULL);
    const admission = await admitted(this.#server, found, request);
    if (response.destroyed) return;
    if (!admission.ok) return refuse(response, admission);
    if (this.#server.full(endpoint)) return refuse(response, FULL);
    this.#opened(admission.arrival, { request, response }, { wanted, client: asked.get('client') });
  }

  #opened(arrival: Arrival, { request, response }: Exchange, { wanted, client }: Asked): void {
    const { endpoint, principal } = arrival;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no', // nginx would hold events back
    });
    response.flushHeaders();
    const transport = new EventTransport(response, this.#server.clock);
    const session = this.#server.connect(arrival, { wire: WIRE, transport });
    transport.of(session);
    const open: Open = { session, principal, endpoint, wanted, transport, posts: Promise.resolve() };
    this.#open.set(session.id, open);
    const comment = this.#commenting(response);
    const age = this.#server.clock.after(endpoint.limits.ageSeconds * 1_000, () => session.end('aged', 'old: come back'));
    void transport.gone.then(() => {
      comment.cancel();
      age.cancel();
      this.#open.delete(session.id);
      this.#leave(open);
      void this.#server.disconnect(session, 1006);
    });
    this.#begin(open, client, placeOf(String(request.headers['last-event-id'] ?? '')));
  }

  /** What a plain `EventSource` cannot say itself. */
  #begin({ session, wanted, principal, endpoint }: Open, client: string | null, place: Place | null): void {
    if (client !== null) session.receive(JSON.stringify({ type: 'hello', client }));
    const left = place && this.#comesBack(place, { principal, endpoint });
    for (const [index, { stream, params }] of wanted.entries()) {
      const had = left?.get(keyOf({ stream, ...(params && { params }) }));
      // Where nobody knows any more that it was had, or it was not had whole, that is a token that is none: the client is told so, and gets the rows.
      const from = place ? { at: place.position, token: had && had.readied <= place.readied ? had.token : '' } : {};
      session.receive(JSON.stringify({ type: 'subscribe', id: index + 1, stream, ...(params && { params }), ...from }));
    }
  }

  /** The views of the session it had; one that has not been found out to be over yet is. */
  #comesBack({ session: id }: Place, { principal, endpoint }: Owned): ReadonlyMap<string, Shown> | null {
    const open = this.#open.get(id);
    const left = open ? { ...open, views: shownOf(open.session, open.wanted) } : this.#left.get(id);
    if (left?.endpoint !== endpoint || left.principal !== principal) return null;
    this.#left.delete(id);
    open?.session.end('replaced', 'it has come back');
    return left.views;
  }

  #leave(open: Open): void {
    const { session, principal, endpoint } = open;
    const at = this.#server.clock.now();
    const views = shownOf(open.session, open.wanted);
    if (views.size > 0) this.#left.set(session.id, { principal, endpoint, at, views });
    for (const [other, { at: since }] of this.#left) {
      if (this.#left.size <= KEPT && at - since < KEPT_MS) break;
      this.#left.delete(other);
    }
  }

  async #post(found: Found, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { endpoint } = found;
    const open = this.#open.get(String(request.headers['rowcast-session'] ?? ''));
    const before = open?.posts;
    let done = (): void => undefined;
    if (open) open.posts = new Promise((resolve) => (done = resolve));
    try {
      const admission = await admitted(this.#server, found, request);
      if (!admission.ok) return refuse(response, admission);
      // A session of somebody else is none.
      if (!open || open.endpoint !== endpoint || open.principal !== admission.arrival.principal) return refuse(response, NO_SESSION);
      // One after another, and none is read before there is room for it: else whoever posts faster than it is worked on fills the memory.
      await before;
      await open.transport.room;
      const body = await bodyOf(request, endpoint.limits.frameBytes);
      if (body === null) return refuse(response, { status: 413, message: `a request holds at most ${endpoint.limits.frameBytes} bytes` });
      if (!open.session.box.open) return refuse(response, NO_SESSION);
      for (const frame of body.split('\n')) if (frame.trim() !== '') open.session.receive(frame);
      response.writeHead(202, { 'Cache-Control': 'no-store' }).end();
    } finally {
      // One that is refused has not waited: what comes after it waits for what was before it.
      void (before ?? Promise.resolve()).then(done);
    }
  }

  #commenting(response: ServerResponse): { cancel(): void } {
    let timer: { cancel(): void };
    const again = (): void => {
      timer = this.#server.clock.after(COMMENT_MS, () => {
        if (response.writableLength === 0 && !response.writableEnded) response.write(COMMENT);
        again();
      });
    };
    again();
    return { cancel: () => timer.cancel() };
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Asked {
  readonly wanted: readonly Wanted[];
  readonly client: string | null;
}

/** Null: it is longer. */
async function bodyOf(request: IncomingMessage, most: number): Promise<string | null> {
  if (Number(request.headers['content-length']) > most) return null;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > most) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** A page of another origin that may connect may read the answer, with its visitor's cookies. */
function allowed({ options: { origins = [] } }: OpenEndpoint, { headers: { origin } }: IncomingMessage): readonly [string, string][] {
  if (origin === undefined || (origins !== 'any' && !origins.includes(origin))) return [];
  return [
    ['Access-Control-Allow-Origin', origin],
    ['Access-Control-Allow-Credentials', 'true'],
    ['Vary', 'Origin'],
  ];
}

async function preflight(response: ServerResponse): Promise<void> {
  response
    .writeHead(204, {
      'Access-Control-Allow-Methods': 'GET, POST',
      'Access-Control-Allow-Headers': 'Rowcast-Session, Last-Event-ID, Authorization, Content-Type',
      'Access-Control-Max-Age': '600',
    })
    .end();
}

const NO_SESSION = { status: 404, message: 'there is no such session: open a stream of events first' };
const FULL: Refusal = { ok: false, status: 503, message: 'too many connections' };

function refuse(response: ServerResponse, { status, message }: { readonly status: number; readonly message: string }): void {
  if (response.destroyed) return;
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    ...(status === 503 ? { 'Retry-After': '5' } : {}),
  };
  response.writeHead(status, headers).end(`${message}\n`);
}
