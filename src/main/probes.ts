import type { IncomingMessage, ServerResponse } from 'node:http';
import { EXPOSITION_TYPE } from '../server/index.ts';
import type { Live } from './live.ts';

/** Where each is answered. `null`: nowhere. */
export interface ProbePaths {
  /** 200 while the process can do its work, 503 when only a restart helps. Default: `/health`. */
  readonly health?: string | null;
  /** 200 while new connections may come here, else 503. Default: `/ready`. */
  readonly ready?: string | null;
  /** The numbers, as Prometheus reads them. Default: nowhere, since whoever reaches it reads them. */
  readonly metrics?: string | null;
}

export interface Probes {
  /** For Node's `http`, Express, Fastify's `routing`: false where the request is none of these, and the app's own to answer. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** For what speaks in web requests (Hono, Next): null where it is none of these. */
  fetch(request: Request): Promise<Response> | null;
}

interface Told {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

type Looked = Pick<Live, 'health' | 'metrics'>;

/**
 * Answers `GET /health` and `GET /ready`, and `/metrics` where a path is given for it. `live`: left out or null while it starts, which is alive
 * and not ready.
 *
 * @example
 * ```ts
 * const probe = probes(live, { metrics: '/metrics' })
 * const http = createServer((request, response) => probe.handle(request, response) || app(request, response))
 * ```
 */
export function probes(
  live: Looked | (() => Looked | null),
  { health = '/health', ready = '/ready', metrics = null }: ProbePaths = {},
): Probes {
  const look = (): Looked | null => (typeof live === 'function' ? live() : live);
  const answers = new Map<string | null, () => Promise<Told>>([
    [health, () => Promise.resolve(report(look(), 'live'))],
    [ready, () => Promise.resolve(report(look(), 'ready'))],
    [metrics, () => numbers(look())],
  ]);
  answers.delete(null);
  const asked = (method: string | undefined, path: string): (() => Promise<Told>) | undefined =>
    method === 'GET' || method === 'HEAD' ? answers.get(path) : undefined;
  return {
    handle(request, response) {
      const answer = asked(request.method, (request.url ?? '').split('?', 1)[0] ?? '');
      if (!answer) return false;
      void answer().then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'content-length': Buffer.byteLength(body) });
        response.end(request.method === 'HEAD' ? undefined : body);
      });
      return true;
    },
    fetch(request) {
      const answer = asked(request.method, new URL(request.url).pathname);
      if (!answer) return null;
      return answer().then(({ status, type, body }) => {
        const headers = { 'content-type': type, 'cache-control': 'no-store' };
        return new Response(request.method === 'HEAD' ? null : body, { status, headers });
      });
    },
  };
}

const JSON_TYPE = 'application/json';

function report(live: Looked | null, of: 'live' | 'ready'): Told {
  if (!live) {
    const body = JSON.stringify({ live: true, ready: false, reasons: ['it has not started yet'] });
    return { status: of === 'live' ? 200 : 503, type: JSON_TYPE, body };
  }
  const health = live.health();
  return { status: health[of] ? 200 : 503, type: JSON_TYPE, body: JSON.stringify(health) };
}

async function numbers(live: Looked | null): Promise<Told> {
  if (!live) return { status: 503, type: EXPOSITION_TYPE, body: '' };
  return { status: 200, type: EXPOSITION_TYPE, body: await live.metrics() };
}
