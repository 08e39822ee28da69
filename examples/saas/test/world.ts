import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { createClient, type ClientOptions } from 'rowcast/client';
import { WebSocket } from 'ws';
import { appOf, type App, type LiveApp } from '../server/app.ts';
import type { User } from '../server/auth.ts';
import { migrate } from '../server/database.ts';
import { freePort, startEmbedded } from '../server/embedded.ts';
import { user as account } from '../server/schema-auth.ts';
import { organisation } from '../server/schema.ts';
import { PASSWORD, PEOPLE, seed } from '../server/seed.ts';

export type Who = 'ada' | 'bo' | 'kim';

/** The whole app on a Postgres of its own, in this process, with the seed's tenants. */
export interface World extends App, AsyncDisposable {
  readonly origin: string;
  readonly juniper: number;
  readonly harbour: number;
  userOf(who: Who): User;
  /** Their cookie, from a sign-in over HTTP. */
  signIn(who: Who): Promise<string>;
  post(path: string, cookie: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** A client as a page has it, over a real socket, by this cookie. */
  over(cookie: string): ReturnType<typeof createClient<LiveApp>>;
}

export async function startWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'saas-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  const postgres = await startEmbedded(folder).catch((error: unknown) => remove().then(() => Promise.reject(error)));
  const stop = (): Promise<void> => postgres.stop().finally(remove);
  return worldOn(postgres.url, stop).catch((error: unknown) => stop().then(() => Promise.reject(error)));
}

async function worldOn(url: string, stop: () => Promise<void>): Promise<World> {
  await migrate(url);
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const app = await appOf({ url, origin, secret: randomBytes(32).toString('base64url') });
  await seed(app);
  await app.http.listen({ port, host: 'localhost' });

  const users = new Map<Who, User>();
  for (const { email } of PEOPLE) {
    const [found] = await app.db.select().from(account).where(eq(account.email, email));
    if (found)
      users.set(email.split('@')[0] as Who, { id: found.id, name: found.name, session: 'none', until: new Date(Date.now() + 3_600_000) });
  }
  const idOf = async (slug: string): Promise<number> =>
    (await app.db.select().from(organisation).where(eq(organisation.slug, slug)))[0]?.id ?? 0;

  const send = (path: string, headers: Readonly<Record<string, string>>, body = '{}'): Promise<Response> =>
    fetch(origin + path, { method: 'POST', headers: { 'content-type': 'application/json', origin, ...headers }, body });

  return {
    ...app,
    origin,
    juniper: await idOf('juniper'),
    harbour: await idOf('harbour'),
    userOf: (who) => users.get(who) as User,
    async signIn(who) {
      const email = PEOPLE.find((each) => each.email.startsWith(who))?.email;
      const response = await send('/api/auth/sign-in/email', {}, JSON.stringify({ email, password: PASSWORD }));
      return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    },
    post: (path, cookie, headers = {}) => send(path, { cookie, ...headers }),
    over(cookie) {
      class Socket extends WebSocket {
        constructor(address: string, protocol: string) {
          super(address, protocol, { headers: { cookie, origin } });
        }
      }
      const webSocket = Socket as unknown as NonNullable<ClientOptions['webSocket']>;
      return createClient<LiveApp>(`${origin}/live/`, { webSocket, delay: () => 50 });
    },
    async [Symbol.asyncDispose]() {
      await app.http.close().finally(stop);
    },
  };
}
