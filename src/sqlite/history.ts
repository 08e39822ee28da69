import type { Log } from '../core/index.ts';
import { sameBoot } from './boot.ts';
import type { Connection } from './connection.ts';
import { newestOf, tagAt } from './newest.ts';

/** The name of the history, by SQL. */
export const HISTORY = "SELECT value FROM meta WHERE name = 'history'";

interface Circumstances {
  /** The database itself. */
  readonly journal: Connection;
  /** This run of the machine. */
  readonly boot: string;
  /** The name of a history that begins now. */
  readonly id: string;
  readonly log: Log;
}

/**
 * The name of the history, and a first cut of it. Called under the lock of the cuts.
 *
 * The newest cut is the highest number that anybody was ever told, kept with the tag of its row in the journal: 64 random bits. The history
 * that was goes on, unless
 * - it is not known here: the file was deleted, or the database was moved without it;
 * - the journal does not have that row with that tag. The database is then an older copy, whatever was written to it since, or another one,
 *   or it lost its last commits with the power;
 * - the machine itself stopped while the file was in use. It is marked with the run of the machine, and the last one to close it takes the
 *   mark off. Without that its newest cuts may be lost, with the numbers that were told.
 *
 * So a number that was told never comes to mean something else under one name. One that nobody was told may: nothing has to be written
 * ahead. A process that was killed leaves everything it wrote to the operating system: the history goes on.
 */
export function historyOf(cuts: Connection, { journal, boot, id, log }: Circumstances): string {
  const [[known = null, used = null] = []] = cuts.all(`SELECT (${HISTORY}), (SELECT value FROM meta WHERE name = 'used')`);
  const [newest] = cuts.all('SELECT seq, tag FROM cut ORDER BY seq DESC LIMIT 1');
  const ended =
    known === null
      ? ''
      : used !== null && !sameBoot(used as string, boot)
        ? 'the machine stopped while it was followed'
        : newest && (newest[1] === null || tagAt(journal, newest[0] as bigint) !== newest[1])
          ? 'the database is an older copy of itself, or lost its last commits'
          : null;
  put(cuts, 'used', boot);
  if (ended === null) return known as string;
  if (ended !== '') log.warn({}, `${ended}: a new history begins, and every client reads its rows anew`);
  put(cuts, 'history', id);
  cuts.run('DELETE FROM cut');
  const { seq, tag } = newestOf(journal);
  cuts.run('INSERT INTO cut(seq, tag, at) VALUES (?, ?, 0)', seq, tag);
  return id;
}

/** Takes the mark off, if nobody else has the file open: only then SQLite leaves WAL mode. @throws SQLITE_BUSY when somebody has. */
export function markUnused(cuts: Connection): void {
  // Locked from here on until it is closed.
  cuts.exec('PRAGMA locking_mode = EXCLUSIVE');
  if (cuts.all('PRAGMA journal_mode = DELETE')[0]?.[0] === 'wal') return;
  // On the disk, and what was written before it as well.
  cuts.exec("PRAGMA synchronous = FULL; DELETE FROM meta WHERE name = 'used'");
}

function put(cuts: Connection, name: string, value: string): void {
  cuts.run('INSERT INTO meta(name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value', name, value);
}
