import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { rowcast } from 'rowcast';
import { built, type Asset } from '../shared/page.ts';
import { run } from '../shared/run.ts';
import { bindingsOf, groupsOf, type User } from './bindings.ts';
import { open } from './database.ts';
import { isRole, signIn } from './sign-in.ts';

const { DATABASE_URL } = process.env;
const folder = 'data';
mkdirSync(folder, { recursive: true });

const database = await open(DATABASE_URL, folder);
const { userOf, cookieFor } = signIn(folder);
const bindings = bindingsOf(database.tables);
const live = await rowcast({ source: database.source, bindings });

/** `/binding/?blog=1`: whoever connects sees the blogs, the integer values, and of that blog what the role allows. */
export const app = live.endpoint('/binding/', {
  authenticate: (request): User => userOf(request.headers.get('cookie')),
  connectionGroups: (user, { query }) => groupsOf(user, query.getAll('blog').map(Number).filter(Number.isSafeInteger)),
});

// Built anew at each start: a third of a second.
const assets = await built(import.meta.dirname, { pages: ['pages/blog.html', 'pages/intval.html'] });
const http = createServer((request, response) => {
  if (live.handle(request, response)) return; // where WebSockets are blocked
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    if (!response.headersSent) send(response, 500, 'Something went wrong; the server has noted it.');
  });
});
live.attach(http);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const user = userOf(request.headers.cookie);
  if (!request.url?.startsWith('/')) return send(response, 400, 'That is no path.');
  const { pathname } = new URL(`http://localhost${request.url}`); // joined: resolved, `//` would be no URL
  if (request.method === 'POST' && pathname === '/login') return login(request, response);
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'There is nothing here to do that to.');
  switch (pathname) {
    case '/':
      return page(response, assets.get('/pages/blog.html'), user);
    case '/intval':
      return page(response, assets.get('/pages/intval.html'), user);
    default: {
      const asset = assets.get(pathname);
      return asset && !pathname.endsWith('.html')
        ? send(response, 200, asset.body, asset.type)
        : send(response, 404, 'There is no such page.');
    }
  }
}

async function login(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const form = await body(request);
  if (form === null) return send(response.setHeader('connection', 'close'), 413, `A form has at most ${FORM} bytes here.`);
  const role = new URLSearchParams(form).get('role');
  if (!isRole(role)) return send(response, 400, 'The form field "role" is reader or editor.');
  response.writeHead(303, { location: cameFrom(request), 'set-cookie': cookieFor(role), 'cache-control': 'no-store' }).end();
}

const FORM = 1_024; // bytes

/** Null: it is longer than a form may be, and the rest of it was not read. */
async function body(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > FORM) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

/** Back to the page with the form, if it is one of ours. */
function cameFrom({ headers: { referer = '', host } }: IncomingMessage): string {
  const page = URL.canParse(referer) ? new URL(referer) : undefined;
  return page && page.host === host && page.pathname.startsWith('/') && !page.pathname.startsWith('//') ? page.pathname + page.search : '/';
}

function page(response: ServerResponse, asset: Asset | undefined, { role }: User): void {
  if (!asset) return send(response, 404, 'There is no such page.');
  const shell = database.shell.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  send(response, 200, String(asset.body).replaceAll('{{role}}', role).replaceAll('{{shell}}', shell), asset.type);
}

function send(response: ServerResponse, status: number, body: string | Uint8Array, type = 'text/plain; charset=utf-8'): void {
  response
    .writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    })
    .end(body);
}

run(http, async () => {
  await live.close();
  await database.close();
});
