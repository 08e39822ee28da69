import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import vue from '@vitejs/plugin-vue';
import { build, type Alias, type InlineConfig, type PluginOption } from 'vite';
import solid from 'vite-plugin-solid';
import type { Kept } from '../../../src/client/index.ts';

export interface Framework {
  readonly name: string;
  /** The folder of its page. */
  readonly folder: 'react' | 'vue' | 'svelte' | 'solid';
  readonly extension: 'ts' | 'tsx';
  readonly plugins: () => PluginOption[];
  readonly alias?: readonly Alias[];
}

const react18: readonly Alias[] = [
  { find: /^react(\/.*)?$/, replacement: 'react-18$1' },
  { find: /^react-dom(\/.*)?$/, replacement: 'react-dom-18$1' },
];

export const frameworks: readonly Framework[] = [
  { name: 'React 19', folder: 'react', extension: 'tsx', plugins: () => [] },
  { name: 'React 18', folder: 'react', extension: 'tsx', plugins: () => [], alias: react18 },
  { name: 'Vue 3', folder: 'vue', extension: 'ts', plugins: () => [vue()] },
  { name: 'Svelte 5', folder: 'svelte', extension: 'ts', plugins: () => [svelte({ configFile: false, compilerOptions: { dev: true } })] },
  { name: 'Solid', folder: 'solid', extension: 'tsx', plugins: () => [solid({ ssr: true, dev: false, hot: false })] },
];

/** Its page, built twice: for the browser, and to be rendered on a server. */
export interface Built {
  /** The page; with rows in it when there are some. */
  html(options: { readonly snapshot: Kept | null; readonly suspense: boolean }): Promise<string>;
  readonly script: string;
}

interface Rendering {
  readonly head?: string;
  render(snapshot: Kept): string | Promise<string>;
}

export async function buildPage({ name, folder, extension, plugins, alias = [] }: Framework, into: string): Promise<Built> {
  const here = fileURLToPath(new URL(`./${folder}/`, import.meta.url));
  const out = join(into, name.replace(' ', '-').toLowerCase());
  // As it is developed: React's Strict Mode does everything twice then, and each of them complains of what does not hydrate.
  const common = (): InlineConfig => ({
    configFile: false,
    root: here,
    mode: 'development',
    logLevel: 'error',
    plugins: plugins(),
    resolve: { alias: [...alias] },
    define: { 'process.env.NODE_ENV': '"development"', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'true' },
  });
  const entry = (file: string): string => join(here, `${file}.${extension}`);
  const names = { entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' };
  await build({
    ...common(),
    build: { outDir: join(out, 'browser'), minify: false, rollupOptions: { input: entry('client'), output: names } },
  });
  await build({
    ...common(),
    ssr: { noExternal: true },
    build: { outDir: join(out, 'server'), minify: false, ssr: entry('server'), rollupOptions: { output: names } },
  });
  const server = (await import(pathToFileURL(join(out, 'server', 'server.mjs')).href)) as Rendering;
  return {
    script: await readFile(join(out, 'browser', 'client.mjs'), 'utf8'),
    async html({ snapshot, suspense }) {
      const given = JSON.stringify({ snapshot, suspense }).replaceAll('<', '\\u003c');
      const body = snapshot ? await server.render(snapshot) : '';
      return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${name}</title>
<script>window.given = ${given}; window.drawn = {}; window.waited = false</script>${server.head ?? ''}</head>
<body><div id="app">${body}</div><script type="module" src="/client.mjs"></script></body></html>`;
    },
  };
}

/** Serves the page: `/?rendered` with rows in it from the server, `/?suspense`. */
export function serve(built: Built, snapshot: () => Promise<Kept>) {
  return async ({ url }: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (url === '/favicon.ico') return void response.writeHead(204).end();
    if (url === '/client.mjs') return void response.setHeader('content-type', 'text/javascript').end(built.script);
    if (!url?.startsWith('/?') && url !== '/') return void response.writeHead(404).end();
    const html = await built.html({ snapshot: url === '/?rendered' ? await snapshot() : null, suspense: url === '/?suspense' });
    response.setHeader('content-type', 'text/html').end(html);
  };
}
