import type { RequestListener } from 'node:http';
import { extname } from 'node:path';
import { build, type PluginOption } from 'vite';

export interface Asset {
  readonly type: string;
  readonly body: string | Uint8Array;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export const typeOf = (name: string): string => TYPES[extname(name)] ?? 'application/octet-stream';

/** What Vite makes of a folder's pages, by path: in memory, in a third of a second. */
export async function built(folder: string, { plugins = [], pages = ['index.html'] }: Building = {}): Promise<Map<string, Asset>> {
  const made = await build({
    configFile: false,
    root: folder,
    logLevel: 'error',
    plugins,
    build: { write: false, rolldownOptions: { input: pages.map((page) => `${folder}/${page}`) } },
  });
  const files = 'output' in made ? made.output : [];
  return new Map(
    files.map((file) => [`/${file.fileName}`, { type: typeOf(file.fileName), body: file.type === 'chunk' ? file.code : file.source }]),
  );
}

export interface Building {
  /** Of the framework the pages are written for. */
  readonly plugins?: PluginOption[];
  readonly pages?: readonly string[];
}

/** Gives away these files, and nothing else. `/` is `/index.html`. */
export function serving(assets: ReadonlyMap<string, Asset>): RequestListener {
  return ({ url = '' }, response) => {
    const [path = ''] = url.split('?');
    const asset = assets.get(path === '/' ? '/index.html' : path);
    if (!asset) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': asset.type, 'cache-control': 'no-store' }).end(asset.body);
  };
}
