import { and, eq, isNull } from 'drizzle-orm';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Live } from 'rowcast';
import { userOf, type Auth } from './auth.ts';
import type { Db } from './database.ts';
import { mayEdit } from './roles.ts';
import { task } from './schema.ts';

/** A request as better-auth and Rowcast read it: by the web's own classes. */
export function headersOf({ headers }: Pick<FastifyRequest, 'headers'>): Headers {
  const list = Object.entries(headers).flatMap(([name, value = []]) => [value].flat().map((one): [string, string] => [name, one]));
  return new Headers(list);
}

/** All of better-auth: `/api/auth/sign-in/email`, `/api/auth/sign-out` … */
export function authRoutes(http: FastifyInstance, auth: Auth): void {
  http.route({
    method: ['GET', 'POST'],
    url: '/api/auth/*',
    async handler(request, reply) {
      const { method, url, body, host, protocol } = request;
      const init = { method, headers: headersOf(request), ...(body ? { body: JSON.stringify(body) } : {}) };
      const response = await auth.handler(new Request(new URL(url, `${protocol}://${host}`), init));
      reply.status(response.status);
      for (const [name, value] of response.headers) reply.header(name, value);
      return reply.send(response.body ? await response.text() : null);
    },
  });
}

interface TaskRoutes {
  readonly db: Db;
  readonly auth: Auth;
  readonly live: Pick<Live, 'receipt'>;
}

/** Endpoints as the app had them before: mobile clients and scripts use them. Nothing in them publishes anything: what is committed is on every screen. */
export function taskRoutes(http: FastifyInstance, { db, auth, live }: TaskRoutes): void {
  http.post<{ Params: { id: number } }>('/api/tasks/:id/done', { schema: BY_ID }, async (request, reply) => {
    const user = await userOf(auth, headersOf(request));
    if (!user) return reply.status(401).send({ message: 'Sign in first.' });
    const done = await db.transaction(async (tx) => {
      if (!(await mayEdit(tx, user.id, request.params.id))) return false;
      await tx
        .update(task)
        .set({ status: 'done' })
        .where(and(eq(task.id, request.params.id), isNull(task.deletedAt)));
      // The one line that makes it flicker-free for the page that asked: it learns which commit was its own.
      const receipt = request.headers['rowcast-receipt'];
      if (typeof receipt === 'string') await live.receipt(tx, receipt);
      return true;
    });
    return done ? { ok: true } : reply.status(404).send({ message: 'There is no such task.' });
  });
}

const BY_ID = { params: { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] } };
