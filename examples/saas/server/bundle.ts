import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type * as PageModule from '../pages/server.tsx';
import type { Bundle } from './pages.ts';

const ROOT = resolve(import.meta.dirname, '..');
const BROWSER = 'pages/browser.tsx';
const SERVER = 'pages/server.tsx';

/** Vite in this process: a change of a file is on the screen at once. `cache` is a folder for what it prepares. */
export async function developmentBundle(http: FastifyInstance, cache: string): Promise<Bundle> {
  const { createServer } = await import('vite');
  const vite = await createServer({
    root: ROOT,
    cacheDir: resolve(cache),
    appType: 'custom',
    server: { middlewareMode: true, hmr: { server: http.server } },
    optimizeDeps: { entries: [BROWSER] }, // there is no index.html to find them from: found late, they load an open page again
  });
  http.addHook('onRequest', (request, reply, next) => vite.middlewares(request.raw, reply.raw, next));
  http.addHook('onClose', () => vite.close());
  return {
    render: async (page) => ((await vite.ssrLoadModule(`/${SERVER}`)) as typeof PageModule).render(page),
    styles: ['/pages/style.css'],
    scripts: ['/@vite/client', `/${BROWSER}`],
  };
}

/** Makes what {@link builtBundle} serves. */
export async function build(folder: string): Promise<void> {
  const { build: run } = await import('vite');
  const common = { root: ROOT, logLevel: 'warn' as const };
  const outDir = (name: string): string => resolve(folder, name);
  await run({
    ...common,
    build: { outDir: outDir('browser'), emptyOutDir: true, manifest: 'manifest.json', rolldownOptions: { input: BROWSER } },
  });
  await run({ ...common, build: { outDir: outDir('server'), emptyOutDir: true, ssr: SERVER }, ssr: { noExternal: true } }); // whole in itself
}

const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8' };

/** What `build` made: every file read once, and what was not made cannot be asked for. */
export async function builtBundle(http: FastifyInstance, folder: string): Promise<Bundle> {
  const assets = resolve(folder, 'browser', 'assets');
  for (const name of readdirSync(assets)) {
    const body = readFileSync(join(assets, name));
    const type = TYPES[extname(name)] ?? 'application/octet-stream';
    // Its name changes with what is in it.
    http.get(`/assets/${name}`, (_request, reply) =>
      reply.type(type).header('cache-control', 'public, max-age=31536000, immutable').send(body),
    );
  }
  const manifest = JSON.parse(readFileSync(resolve(folder, 'browser', 'manifest.json'), 'utf8')) as Record<
    string,
    { file: string; css?: string[] }
  >;
  const entry = manifest[BROWSER];
  if (!entry) throw new Error(`${folder} is not what the build makes: npm run build`);
  const module = (await import(pathToFileURL(resolve(folder, 'server', 'server.js')).href)) as typeof PageModule;
  return {
    render: async (page) => module.render(page),
    styles: (entry.css ?? []).map((file) => `/${file}`),
    scripts: [`/${entry.file}`],
  };
}
