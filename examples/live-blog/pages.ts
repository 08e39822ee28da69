import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Every file the server gives away, by its path, read once: what is not in here cannot be asked for. The client comes as the ES modules of
 * the built package, found by an import map on each page, so there is nothing to bundle.
 */
export function pages(): ReadonlyMap<string, Asset> {
  const built = new URL('../', import.meta.resolve('rowcast/client'));
  return new Map([
    ...filesOf(new URL('pages/', import.meta.url), '/pages/'),
    ...filesOf(new URL('client/', built), '/rowcast/client/'),
    ...filesOf(new URL('protocol/', built), '/rowcast/protocol/'),
  ]);
}

function filesOf(folder: URL, path: string): [string, Asset][] {
  return readdirSync(folder).flatMap((name): [string, Asset][] => {
    const type = TYPES[extname(name)];
    return type ? [[path + name, { type, body: readFileSync(new URL(name, folder), 'utf8') }]] : [];
  });
}
