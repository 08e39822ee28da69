import { createHash } from 'node:crypto';
import { lstat, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { RowcastError, type Clock } from '../core/index.ts';

/** What the kernel takes as a socket's path on every system, less what a name of one's own has more. */
const LONGEST = 96; // bytes
/** Held while one file takes another's place: who holds it for longer was killed there. */
const LOCK_MS = 5_000;

/** A socket's file, as it was found. */
export type Seen = string;

/** Where the socket is that siblings meet at. */
export class Place {
  readonly path: string;
  readonly #clock: Clock;

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
  }

  /** Where a server of one's own listens, until it is the one. */
  own(): string {
    return `${this.path}.${this.#clock.id().slice(0, 6)}`;
  }

  /** Makes the folder, for this user alone. @throws {RowcastError} `ledger_lost` when another could put a socket there. */
  async prepare(): Promise<void> {
    const folder = dirname(this.path);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const fault = await faultOf(folder);
    if (fault !== null) throw new RowcastError('ledger_lost', fault);
    if (Buffer.byteLength(this.path) > LONGEST) {
      throw new RowcastError('ledger_lost', `"${this.path}" is too long for a socket: give siblings() a path of at most ${LONGEST} bytes`);
    }
  }

  /** The file that is there; null: none. Renamed, it is the same one. */
  async look(path: string = this.path): Promise<Seen | null> {
    const found = await absent(stat(path, { bigint: true }));
    return found && `${found.dev}:${found.ino}:${found.mtimeNs}`;
  }

  /**
   * Puts a socket that listens already in the place of one that nobody answers at; false: another was quicker. What is seen there is never a
   * socket that nobody listens at yet, so one that refuses is dead for good.
   *
   * A lock that is held for too long is broken, and two could meet in that: the one whose file is gone finds that out by itself, and steps down.
   */
  async claim(own: string, dead: Seen | null): Promise<boolean> {
    const lock = `${this.path}.lock`;
    try {
      await (await open(lock, 'wx', 0o600)).close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const held = await absent(stat(lock));
      if (held && this.#clock.time() - held.mtimeMs > LOCK_MS) await rm(lock, { force: true });
      return false;
    }
    try {
      if ((await this.look()) !== dead) return false;
      await rename(own, this.path);
      return true;
    } finally {
      await rm(lock, { force: true });
    }
  }

  /** Lets go of it: whoever comes next finds nothing. While the socket listens nobody else takes its place. */
  async leave(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

/** @param name of siblings that shall not meet others of the same database; with a slash: the socket's own path */
export function placeOf(name: string, epoch: string, clock: Clock): Place {
  if (isAbsolute(name)) return new Place(name, clock);
  if (name.includes('/')) throw new RowcastError('ledger_lost', `siblings("${name}"): give an absolute path, or a name without slashes`);
  const digest = createHash('sha256')
    .update(JSON.stringify([epoch, user(), name]))
    .digest('hex')
    .slice(0, 16);
  return new Place(join(folderOf(), `${digest}.sock`), clock);
}

/** The user's own folder for what runs, or one of theirs among what is temporary. */
export function folderOf(): string {
  const own = process.env['XDG_RUNTIME_DIR'];
  return own !== undefined && isAbsolute(own) ? join(own, 'rowcast') : join(tmpdir(), `rowcast-${user()}`);
}

/** Why siblings cannot meet in this folder, with the cure; null: they can. */
export async function faultOf(folder: string): Promise<string | null> {
  const { mode, uid } = await lstat(folder);
  if (uid !== user())
    return `"${folder}" belongs to another user (${uid}): remove it, or give siblings() a path in a folder of this user's`;
  // A link, too, is somebody's who could turn it elsewhere.
  if ((mode & 0o170_000) !== 0o040_000) return `"${folder}" is not a folder: remove it, or give siblings() a path elsewhere`;
  if ((mode & 0o022) !== 0) return `others may write to "${folder}": chmod 700 ${folder}`;
  return null;
}

function user(): number {
  return userInfo().uid;
}

async function absent<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
