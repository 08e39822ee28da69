import Fastify, { type FastifyInstance } from 'fastify';
import { rowcast } from 'rowcast';
import { postgres } from 'rowcast/postgres';
import { authOf, userOf } from './auth.ts';
import { bindings } from './bindings.ts';
import { commandsOf } from './commands.ts';
import { connect } from './database.ts';
import { authRoutes, taskRoutes } from './routes.ts';

export interface AppOptions {
  /** Of a Postgres with `wal_level=logical`, and the tables in it. */
  readonly url: string;
  /** Signs session cookies: 32 characters of chance, the same at every start. */
  readonly secret: string;
  /** Where people find it: `https://app.example`. */
  readonly origin: string;
  readonly log?: boolean;
}

export type App = Awaited<ReturnType<typeof appOf>>;

/** `createHooks<LiveApp>()`: what a page may ask for and send, by its types alone. */
export type LiveApp = App['endpoint'];

export async function appOf({ url, secret, origin, log = false }: AppOptions) {
  const http = Fastify({ forceCloseConnections: true, logger: log && { level: 'warn' } });
  const { db, close } = connect(url, (error) => http.log.error(error));
  const auth = authOf({ db, secret, origin, ended: (session) => live.revoke({ session }) });
  const live = await rowcast({ source: postgres(url), bindings, log: http.log });
  const tell = (userId: string, text: string): void => http.log.info({ userId }, text); // a mail, in an app that sends them

  const endpoint = live.endpoint('/live/', {
    consumers: { ...bindings, ...commandsOf({ db, tell }) },
    origins: [origin],
    authenticate: ({ headers }) => userOf(auth, headers),
  });
  live.attach(http.server);
  // Where WebSockets are blocked, the same comes over plain HTTP.
  http.addHook('onRequest', (request, reply, next) => (live.handle(request.raw, reply.raw) ? void reply.hijack() : next()));

  authRoutes(http, auth);
  taskRoutes(http, { db, auth, live });
  http.addHook('onClose', async () => {
    await live.close();
    await close();
  });
  return { http: http as FastifyInstance, live, endpoint, db, auth };
}
