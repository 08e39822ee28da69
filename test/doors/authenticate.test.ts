import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { jwtVerify, SignJWT } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import type { Live } from '../../src/main/index.ts';
import { clientAt, listening, roundTrip, seedExample, upgrade, type Member } from './served.ts';

const opened: { live: Pick<Live, 'close'>; http: Server }[] = [];

afterEach(async () => {
  for (const { live, http } of opened.splice(0)) {
    await live.close();
    http.closeAllConnections();
    http.close();
  }
});

/** An endpoint that lets in whom the function knows. Gives its host. */
async function endpoint(authenticate: (request: Request) => Promise<Member | null>): Promise<string> {
  const live = await seedExample();
  live.endpoint('/binding/', { authenticate, connectionGroups: () => ['intval-updates'] });
  const http = createServer().listen(0, '127.0.0.1');
  live.attach(http);
  opened.push({ live, http });
  return `127.0.0.1:${await listening(http)}`;
}

/** Writes one value, and gives whom the server took the writer for. */
async function authorAt(url: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const client = clientAt(url, headers);
  try {
    return ((await roundTrip(client, 'a value')) as { author: unknown }).author;
  } finally {
    client.close();
  }
}

test('better-auth: a session cookie is its user; without one, with a forged one or a signed-out one nobody gets in', async () => {
  const auth = betterAuth({
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    secret: 'a secret of the test and of nobody else',
    baseURL: 'http://127.0.0.1',
    telemetry: { enabled: false },
  });
  const host = await endpoint(async (request) => {
    const found = await auth.api.getSession({ headers: request.headers });
    return found && { id: found.user.id };
  });
  const signedUp = await auth.api.signUpEmail({
    body: { name: 'Ada', email: 'ada@example.com', password: 'correct horse battery' },
    asResponse: true,
  });
  const { user } = (await signedUp.json()) as { user: { id: string } };
  const cookie = signedUp.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const url = `ws://${host}/binding/`;
  const origin = `http://${host}`;

  expect(await authorAt(url, { cookie, origin })).toBe(user.id);
  expect(await upgrade(url, { origin })).toBe(4100);
  expect(await upgrade(url, { origin, cookie: cookie.replace(/=./, '=_') })).toBe(4100);
  expect(await upgrade(url, { origin: 'http://evil.example', cookie })).toBe(403);
  expect(await upgrade(url, { cookie })).toBe(403); // a cookie without an Origin: not a browser's doing

  await auth.api.signOut({ headers: new Headers({ cookie, origin }) });
  expect(await upgrade(url, { cookie, origin })).toBe(4100);
});

describe('jose: a JWT says who it is', () => {
  const secret = new TextEncoder().encode('thirty-two bytes that nobody else knows');
  const other = new TextEncoder().encode('thirty-two bytes that somebody guessed');
  const token = (claims: Record<string, unknown>, key = secret, expires = '5 minutes'): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setSubject('ada').setExpirationTime(expires).sign(key);

  const start = (): Promise<string> =>
    endpoint(async (request) => {
      const cookie = /(?:^|; )token=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1];
      const bearer = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1];
      const given = bearer ?? cookie ?? new URL(request.url).searchParams.get('token') ?? '';
      try {
        const { payload } = await jwtVerify<{ role?: string }>(given, secret, { algorithms: ['HS256'] });
        return payload.sub ? { id: payload.sub, ...(payload.role && { role: payload.role }) } : null;
      } catch {
        return null;
      }
    });

  test('in a cookie, in Authorization, in the query and among the subprotocols', async () => {
    const host = await start();
    const jwt = await token({});
    expect(await authorAt(`ws://${host}/binding/`, { cookie: `token=${jwt}`, origin: `http://${host}` })).toBe('ada');
    expect(await authorAt(`ws://${host}/binding/`, { authorization: `Bearer ${jwt}` })).toBe('ada');
    expect(await authorAt(`ws://${host}/binding/?token=${jwt}`)).toBe('ada');
    const socket = new WebSocket(`ws://${host}/binding/`, ['rowcast.1', `bearer.${Buffer.from(jwt).toString('base64url')}`]);
    const [first] = (await once(socket, 'message')) as [MessageEvent<string>];
    expect(JSON.parse(first.data)).toMatchObject({ type: 'welcome', user: expect.any(String) as string });
    expect(socket.protocol).toBe('rowcast.1');
    socket.close();
  });

  test("expired, signed by another, unsigned or missing: 4100, and the role it carries is the writer's", async () => {
    const host = await start();
    const url = `ws://${host}/binding/`;
    const header = Buffer.from('{"alg":"none"}').toString('base64url');
    const claims = Buffer.from('{"sub":"ada"}').toString('base64url');
    const bad = ['', 'x.y.z', `${header}.${claims}.`, await token({}, other), await token({}, secret, '-1 minute')];
    for (const jwt of bad) expect(await upgrade(url, { authorization: `Bearer ${jwt}` })).toBe(4100);

    const client = clientAt(url, { authorization: `Bearer ${await token({ role: 'guest' })}` });
    expect(await client.stream('intval').create({ name: 'refused', value: 1 })).toMatchObject({ ok: false, code: 'forbidden' });
    client.close();
  });
});
