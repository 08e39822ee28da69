import { rmSync } from 'node:fs';
import { RowcastError, type Clock, type Log } from '../core/index.ts';
import { bootOf } from './boot.ts';
import { resultCode, type Connection } from './connection.ts';
import { HISTORY, historyOf, markUnused } from './history.ts';
import { WriteLock } from './lock.ts';
import type { Newest } from './newest.ts';

export interface CutsParts {
  /** Beside the database. */
  readonly file: string;
  /** The database itself. */
  readonly journal: Connection;
  readonly clock: Clock;
  readonly log: Log;
  /** Opens a file of Rowcast's own, made where there is none; or one in memory, by SQLite's name for it. */
  connect(file: string): Promise<Connection>;
}

/**
 * Where commits end: agreed by every process that follows the database, and kept in a file beside it (`app.db-rowcast`).
 *
 * SQLite tells no transactions apart, so a commit here is what became visible between two looks at the journal. The look decides where a
 * commit ends, and whatever was told by its position, a commit or the moment rows were read at, has to end there for everybody: for another
 * process, and for this one when it starts again and reads the journal from its floor. Else somebody who has everything up to n would go on
 * with a commit that reaches from before n to after it, and in that one a row that came before n and went after it is nothing. So whoever
 * looks at the journal writes down, before he tells, where he looked: a cut. Under a lock, so that cuts rise; in a file of its own, since a
 * look must never take the lock that the app writes under.
 */
export class Cuts {
  /** Names the history that positions are of: see {@link historyOf}. */
  readonly history: string;
  readonly #connection: Connection;
  readonly #lock: WriteLock;
  readonly #clock: Clock;

  private constructor(connection: Connection, { lock, clock, history }: { lock: WriteLock; clock: Clock; history: string }) {
    this.#connection = connection;
    this.#lock = lock;
    this.#clock = clock;
    this.history = history;
  }

  /** Where no file can be written, cuts are kept in memory, which is said: every start is a new history then. */
  static async open(parts: CutsParts): Promise<Cuts> {
    const { file, log } = parts;
    try {
      return await Cuts.#open(file, parts);
    } catch (error) {
      const code = (resultCode(error) ?? 0) & 0xff;
      if (BROKEN.includes(code)) {
        removeCuts(file);
        return Cuts.#open(file, parts);
      }
      if (!DENIED.includes(code)) throw error;
      const cure = 'let this process write there, or after a restart every client reads its rows anew';
      log.warn({ err: error, file }, `"${file}", where Rowcast keeps what it has told, cannot be written: ${cure}`);
      return Cuts.#open(':memory:', parts);
    }
  }

  static async #open(file: string, { connect, clock, journal, log }: CutsParts): Promise<Cuts> {
    const connection = await connect(file);
    try {
      const lock = new WriteLock(connection, clock);
      await lock.retried(() => connection.exec(SHAPE));
      const history = await lock.transaction(() => historyOf(connection, { journal, boot: bootOf(clock.time()), id: clock.id(), log }));
      return new Cuts(connection, { lock, clock, history });
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Looks at the journal, and makes a cut of where it ends by now. The look is synchronous: what else it begins (a transaction that reads
   * rows) is of the same moment.
   * @throws {RowcastError} `source_lost` when the history is another one by now.
   */
  cut(look: () => Newest): Promise<bigint> {
    return this.#lock.transaction(() => {
      const [[history = null, last = null] = []] = this.#connection.all(`SELECT (${HISTORY}), (SELECT max(seq) FROM cut)`);
      const { seq, tag } = look();
      if (history !== this.history || seq < ((last as bigint | null) ?? 0n)) throw replaced();
      if (seq !== last)
        this.#connection.run('INSERT INTO cut(seq, tag, at) VALUES (?, ?, ?)', seq, tag, BigInt(Math.trunc(this.#clock.time())));
      return seq;
    });
  }

  /** The cuts after a number, in order, at most so many. */
  after(number: bigint, most: number): readonly bigint[] {
    return this.#numbers('SELECT seq FROM cut WHERE seq > ? ORDER BY seq LIMIT ?', number, BigInt(most));
  }

  /** The first cut at a number or after it; null: there is none. */
  from(number: bigint): bigint | null {
    return this.#numbers('SELECT seq FROM cut WHERE seq >= ? ORDER BY seq LIMIT 1', number)[0] ?? null;
  }

  /** The newest cut: its row in the journal is what proves the history. 0: there is none. */
  newest(): bigint {
    return this.#numbers('SELECT seq FROM cut ORDER BY seq DESC LIMIT 1')[0] ?? 0n;
  }

  /** The newest of those cuts before which none is younger than `age` ms; 0: there is none. */
  olderThan(age: number): bigint {
    const since = BigInt(Math.trunc(this.#clock.time() - age));
    const young = this.#numbers('SELECT seq FROM cut WHERE at > ? ORDER BY seq LIMIT 1', since)[0];
    if (young === undefined) return this.newest();
    return this.#numbers('SELECT seq FROM cut WHERE seq < ? ORDER BY seq DESC LIMIT 1', young)[0] ?? 0n;
  }

  /** Lets go of the cuts before a number, if nobody holds the lock. */
  forget(before: bigint): void {
    this.#lock.ifFree(() => this.#connection.run('DELETE FROM cut WHERE seq < ?', before));
  }

  close(): void {
    if (this.#lock.closed) return;
    this.#lock.close();
    try {
      markUnused(this.#connection);
    } catch {
      // Another process has it open, and will be the last one; or the file is gone. Marked is the safe side.
    } finally {
      this.#connection.close();
    }
  }

  #numbers(sql: string, ...params: readonly bigint[]): readonly bigint[] {
    return this.#connection.all(sql, ...params).map(([seq]) => seq as bigint);
  }
}

/** Where cuts are kept, with what SQLite keeps beside that. */
export function removeCuts(file: string): void {
  for (const each of [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]) rmSync(each, { force: true });
}

/** Nothing here has to survive the machine: a stop of it ends the history. */
const SHAPE = `
  PRAGMA synchronous = OFF;
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS cut(seq INTEGER PRIMARY KEY, tag INTEGER, at INTEGER NOT NULL)`;

/** SQLITE_CORRUPT, SQLITE_NOTADB: it says nothing any more. */
const BROKEN: readonly number[] = [11, 26];
/** SQLITE_PERM, SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN. */
const DENIED: readonly number[] = [3, 8, 10, 13, 14];

function replaced(): RowcastError {
  return new RowcastError(
    'source_lost',
    'the database, or the file beside it, was replaced while it was followed: stop every process before that, and start this one again',
  );
}
