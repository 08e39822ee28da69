import { lstat, readdir } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import type { Broker, Finding } from '../core/index.ts';
import { faultOf, folderOf, placeOf } from './place.ts';
import { Sibling } from './sibling.ts';

/**
 * Several processes of one user on one machine, as one per core, with nothing to install: whichever comes first keeps what happened in its memory
 * and hands it to the others over a unix socket, in a folder that is this user's alone. When that process dies another takes its place, and the
 * database is read again from where it has to be.
 *
 * Processes on the same database meet by themselves. A name keeps apart those that shall not; an absolute path is that of the socket itself. It
 * has to be in a folder that nobody else may write to, of one database, and at most 96 bytes long.
 *
 * @example
 * ```ts
 * // Under node:cluster, or any other way to start a program several times:
 * const live = await rowcast({ source: postgres(url), bindings, broker: siblings() })
 * ```
 */
export function siblings(name: string = ''): Broker {
  return {
    name: 'siblings',
    open: (options) => Sibling.open(placeOf(name, options.epoch, options.clock), options),
    examine: async () => [await examined(isAbsolute(name) ? dirname(name) : folderOf())],
  };
}

async function examined(folder: string): Promise<Finding> {
  const about = `siblings in ${folder}`;
  try {
    if (process.platform === 'win32') {
      return {
        about,
        level: 'error',
        message: 'there is no user of a file here',
        cure: ['use a broker on this system: redis(url) or nats(url)'],
      };
    }
    const found = await lstat(folder).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? null : Promise.reject(error)));
    if (!found) return { about, level: 'ok', message: 'there is no folder yet; the first process makes it', cure: [] };
    const fault = await faultOf(folder);
    if (fault !== null) return { about, level: 'error', message: fault, cure: [] };
    const sockets = (await readdir(folder)).filter((file) => file.endsWith('.sock'));
    return { about, level: 'ok', message: `this user's alone; ${sockets.length} sockets`, cure: [] };
  } catch (error) {
    return { about, level: 'error', message: `it cannot be looked at: ${String(error)}`, cure: [] };
  }
}
