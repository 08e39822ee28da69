import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { connect as connectTo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientAt, upgrade } from '../doors/served.ts';
import { startDemo, type Demo } from './demo.ts';

// What scripts against the demo rely on, without a browser.

const PATIENCE = { timeout: 15_000 };

let demo: Demo;
let cookies: Readonly<Record<'reader' | 'editor', string>>;

beforeAll(async () => {
  demo = await startDemo();
  cookies = { reader: await login('reader'), editor: await login('editor') };
});

afterAll(() => demo?.[Symbol.asyncDispose]());

const post = (body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`${demo.url}/login`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body,
  });

async function login(role: string): Promise<string> {
  const [line = ''] = (await post(`role=${role}`)).headers.getSetCookie();
  return line.split(';')[0] as string;
}

const get = (path: string, cookie = ''): Promise<Response> => fetch(demo.url + path, { headers: { cookie } });
/** What a page shows that is opened by this visitor. */
async function rows(stream: string, query: string, cookie?: string): Promise<Record<string, unknown>[]> {
  const client = connect(query, cookie);
  try {
    const shown = client.stream(stream);
    await new Promise((resolve) => shown.on('ready', () => resolve(null)));
    return shown.rows.map((row) => ({ pk: shown.pk(row), ...row }));
  } finally {
    client.close();
  }
}

const connect = (query: string, cookie?: string) =>
  clientAt(`${demo.url}/binding/${query}`, cookie === undefined ? {} : { cookie, origin: demo.url });

test('the folder is made, its secret is for its owner alone, and one line says ready', async () => {
  expect((await stat(join(demo.folder, 'data', 'secret'))).mode & 0o777).toBe(0o600);
  expect(demo.said).toEqual({ out: `ready ${demo.url}\n`, err: '' });
});

test('login sets a signed cookie that scripts in the page cannot read, and leads back to the page it came from', async () => {
  const response = await post('role=editor', { referer: `${demo.url}/?blog=2` });
  expect(response.status).toBe(303);
  expect(response.headers.get('location')).toBe('/?blog=2');
  expect(response.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^live_blog=editor\..+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/),
  ]);
  expect((await post('role=editor', { referer: 'http://evil.example/x' })).headers.get('location')).toBe('/');
  expect((await post('role=editor', { referer: `${demo.url}//evil.example` })).headers.get('location')).toBe('/');
  expect((await post('role=admin')).status).toBe(400);
});

test('a form longer than a form is refused before it is read, and no path is too strange for an answer', async () => {
  const before = demo.said.err;
  expect((await post(`role=editor&more=${'x'.repeat(1_024)}`)).status).toBe(413);
  expect((await post(`role=editor&more=${'x'.repeat(900)}`)).status).toBe(303);
  for (const path of ['//', '///', '/%', '//evil.example/', '/\\', '*', '@', '//@:x'])
    expect([path, await raw(path)]).toEqual([path, expect.stringMatching(/^40[045]$/)]);
  expect(demo.said.err).toBe(before);
});

/** The status of a request target that no URL of `fetch` would hold. */
async function raw(target: string): Promise<string> {
  const socket = connectTo(Number(new URL(demo.url).port), '127.0.0.1');
  socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return String(data).slice(9, 12);
}

test('rows: published posts for a reader, all for an editor, the fields of the binding and no other', async () => {
  const [asked, read, edited] = await Promise.all([
    rows('posts', '?blog=1'),
    rows('posts', '?blog=1', cookies.reader),
    rows('posts', '?blog=1', cookies.editor),
  ]);
  expect(asked).toEqual(read);
  expect(read.length).toBeGreaterThan(0);
  expect(read.every(({ published }) => published === true)).toBe(true);
  expect(edited.length).toBe(read.length + 1);
  for (const row of edited) expect(Object.keys(row)).toEqual(['pk', 'id', 'blogId', 'title', 'body', 'published']);
  for (const forged of [cookies.reader.replace('=reader.', '=editor.'), `${cookies.editor}x`, 'live_blog=editor', 'live_blog=editor.1.']) {
    expect(await rows('posts', '?blog=1', forged)).toEqual(read);
  }
  for (const blog of ['', '?blog=', '?blog=x', '?blog=1e999', '?blog=99']) expect(await rows('posts', blog)).toEqual([]);
  expect((await rows('intval', '')).map((row) => Object.keys(row))).toContainEqual(['pk', 'id', 'name', 'value']);
  expect(await rows('blogs', '')).toEqual([
    { pk: 1, id: 1, title: 'Launch day' },
    { pk: 2, id: 2, title: 'Harbour regatta' },
  ]);
});

test('only what is meant to be given away can be asked for', async () => {
  for (const path of [
    '/pages/blog.html',
    '/pages/../server.ts',
    '/pages/%2e%2e/server.ts',
    '/data/secret',
    '/pages/blog.tsx',
    '/assets/',
    '/nothing',
  ]) {
    expect([path, (await get(path)).status]).toEqual([path, 404]);
  }
  expect((await fetch(demo.url, { method: 'DELETE' })).status).toBe(405);
  const [, script = ''] = /<script type="module"[^>]* src="(\/[^"]+)"/.exec(await (await get('/')).text()) ?? [];
  expect((await get(script)).headers.get('content-type')).toMatch(/^text\/javascript/);
});

test('an editor writes over the socket, a reader is refused, and a post that moves leaves one blog for the other', async () => {
  const [editor, reader, other] = [connect('?blog=1', cookies.editor), connect('?blog=1'), connect('?blog=2', cookies.reader)];
  const [meddler, stranger] = [connect('?blog=1'), connect('?blog=2', cookies.reader)]; // who writes sees its own writes, too
  const heard: string[] = [];
  try {
    const ready = [reader, other].map((client) => new Promise((resolve) => client.stream('posts').on('ready', () => resolve(null))));
    reader.stream('posts').on('change', ({ action, data }) => heard.push(`reader ${action} ${String(data?.title)}`));
    other.stream('posts').on('change', ({ action, data }) => heard.push(`other ${action} ${String(data?.title)}`));
    await Promise.all(ready);
    heard.length = 0; // those that were there
    const posts = editor.stream('posts');
    const made = await posts.create({ blogId: 1, title: 'Over the socket', body: '', published: true });
    if (!made.ok) throw new Error(made.message);
    expect(await meddler.stream('posts').update(made.pk, { title: 'No' })).toMatchObject({ ok: false, code: 'forbidden' });
    expect(await stranger.stream('posts').update(made.pk, { title: 'No' })).toMatchObject({ ok: false, code: 'not_found' });
    expect(await posts.update(made.pk, { notes: 'No' })).toMatchObject({ ok: false, code: 'unknown_field' });
    expect(await posts.update(made.pk, { blogId: 99 })).toMatchObject({
      ok: false,
      code: 'invalid',
      fields: { blogId: expect.any(String) },
    });
    expect(await posts.update(made.pk, { blogId: 2 })).toMatchObject({ ok: true });
    expect(await posts.delete(made.pk)).toMatchObject({ ok: true });
    await expect.poll(() => heard.length, PATIENCE).toBe(4);
    expect(heard.filter((line) => line.startsWith('reader'))).toEqual(['reader create Over the socket', 'reader delete undefined']);
    expect(heard.filter((line) => line.startsWith('other'))).toEqual(['other create Over the socket', 'other delete undefined']);
  } finally {
    for (const client of [editor, reader, other, meddler, stranger]) client.close();
  }
});

test('deleting a blog past the app takes its posts from every screen: a cascade is a change like any other', async () => {
  const shell = new DatabaseSync(join(demo.folder, 'data', 'live-blog.db'));
  const client = connect('?blog=7', cookies.editor);
  const there: unknown[] = [];
  const gone: unknown[] = [];
  try {
    const stream = client.stream('posts');
    stream.on('create', ({ pk }) => there.push(pk));
    stream.on('delete', ({ pk }) => gone.push(pk));
    await new Promise((resolve) => stream.on('ready', () => resolve(null)));
    shell.exec(`PRAGMA busy_timeout = 5000; INSERT INTO blog (id, title) VALUES (7, 'Short-lived')`);
    shell.exec(`INSERT INTO post (id, blog_id, title) VALUES (701, 7, 'one'), (702, 7, 'two')`);
    await expect.poll(() => there.length, PATIENCE).toBe(2);
    shell.exec('DELETE FROM blog WHERE id = 7');
    await expect.poll(() => gone.length, PATIENCE).toBe(2);
    expect(new Set(gone)).toEqual(new Set([701, 702]));
  } finally {
    client.close();
    shell.close();
  }
});

test('a foreign page gets no socket with the cookie of a visitor', async () => {
  const url = `${demo.url.replace('http', 'ws')}/binding/?blog=1`;
  expect(await upgrade(url, { cookie: cookies.editor, origin: 'http://evil.example' })).toBe(403);
  expect(await upgrade(url, { cookie: cookies.editor, origin: demo.url })).toBe(101);
});

test('a restart keeps rows and signed-in visitors, and SIGTERM ends it with code 0', async () => {
  const before = await rows('posts', '?blog=1', cookies.editor);
  expect(await demo.stop()).toBe(0);
  await demo.start();
  expect(await rows('posts', '?blog=1', cookies.editor)).toEqual(before);
  expect(before.some(({ published }) => published === false)).toBe(true);
});

test('an empty secret is no secret: another is made, for its owner alone', async () => {
  const secret = join(demo.folder, 'data', 'secret');
  await demo.stop();
  await writeFile(secret, '');
  await demo.start();
  expect((await readFile(secret, 'utf8')).length).toBeGreaterThanOrEqual(43);
  expect((await stat(secret)).mode & 0o777).toBe(0o600);
  const forged = `live_blog=editor.me.${createHmac('sha256', '').update('editor.me').digest('base64url')}`;
  expect(await rows('posts', '?blog=1', forged)).toEqual(await rows('posts', '?blog=1'));
});
