import type { Client } from 'pg';
import { RowcastError } from '../../core/index.ts';
import { loadPg } from '../connection/driver.ts';
import { lsnText } from './lsn.ts';
import { BY_TRIGGERS } from '../connection/server.ts';
import { identifier, literal, PINNED, sqlState, type RawRow, type Sql } from '../connection/sql.ts';

/** What comes down a replication connection. Buffers are lent for the call. A socket's chunk may hold many messages. */
export interface Receiver {
  /** One message of the output plugin, from `start` to the end of the buffer. */
  data(buffer: Buffer, start: number): void;
  /** Everything the server has to send up to `end` has been sent. */
  keepalive(end: bigint, wantsReply: boolean): void;
  /** All messages of one chunk of the socket have been handed over. */
  chunk(): void;
  notice(message: string): void;
}

export interface StartOptions {
  readonly slot: string;
  readonly publication: string;
  readonly from: bigint;
}

/** What `pg` does not document and only this file touches: its protocol connection. Tested against the pinned minor. */
interface Wire {
  readonly stream: NodeJS.ReadWriteStream & { destroy(): void };
  on(event: 'copyData', listen: (message: { readonly chunk: Buffer }) => void): void;
  on(event: 'notice', listen: (message: { readonly message?: string }) => void): void;
  once(event: 'replicationStart' | 'end', listen: () => void): void;
  sendCopyFromChunk(chunk: Buffer): void;
  /** Says goodbye and hangs up once that is written. */
  end(): void;
}

/**
 * Display settings as for every read, and none of the limits an operator may have set for the app's own sessions. A reader that is frozen, or
 * gone, and takes nothing for a minute is hung up on: the server may be waiting for it with all of its checkpoints.
 */
const SESSION: Readonly<Record<string, string>> = {
  ...PINNED,
  statement_timeout: '0',
  lock_timeout: '0',
  idle_session_timeout: '0',
  default_transaction_read_only: 'off',
  tcp_user_timeout: '60s',
};

/** What connections that read the log are called. */
export const READER = 'rowcast log';

const XLOG_DATA = 'w'.charCodeAt(0);
const KEEPALIVE = 'k'.charCodeAt(0);
const XLOG_HEADER = 25;
/** Microseconds between 1970 and 2000, where Postgres begins to count. */
const EPOCH_2000 = 946_684_800_000_000n;
/** Until the log comes, every answer of the server has to come within 10 s. */
const ANSWER_MS = 10_000;
/** A server that does not hang up by then is left. */
const GOODBYE_MS = 2_000;

/** A connection in replication mode: SQL without parameters until `start`, then the log. A temporary slot made on it dies with it. */
export class ReplicationConnection implements Sql {
  /** The server's process. */
  pid = 0;
  readonly #client: Client;
  readonly #wire: Wire;
  readonly #ended: Promise<void>;
  #closing = false;

  /**
   * @throws {RowcastError} `source_unsupported`, with the cure, when the server or something before it takes no such connection;
   * `driver_missing` without `pg`.
   */
  static async open(url: string, signal?: AbortSignal): Promise<ReplicationConnection> {
    const { Client } = await loadPg();
    // `replication` is one more thing that `pg` takes and does not declare.
    const config = {
      connectionString: url,
      replication: 'database',
      application_name: READER,
      keepAlive: true,
      connectionTimeoutMillis: ANSWER_MS,
    };
    const client = new Client(config);
    const connection = new ReplicationConnection(client);
    const unwatch = connection.cutBy(signal);
    try {
      await client.connect();
      const rows = await connection.query(
        `${Object.entries(SESSION)
          .map(([name, value]) => `SET ${name} = ${literal(value)}`)
          .join('; ')}; SELECT pg_backend_pid()`,
      );
      connection.pid = Number(rows[0]?.[0]);
      return connection;
    } catch (error) {
      void connection.close();
      throw connectionError(error);
    } finally {
      unwatch();
    }
  }

  private constructor(client: Client) {
    this.#client = client;
    this.#wire = client.connection as unknown as Wire;
    this.#ended = new Promise((resolve) => this.#wire.once('end', resolve));
    // What breaks the connection also rejects the query that runs; without a listener it would end the process.
    client.on('error', () => {});
  }

  /** Cuts the line when the signal aborts, until the returned function is called: whoever waits for an answer is told so. */
  cutBy(signal: AbortSignal | undefined): () => void {
    const cut = (): void => this.#wire.stream.destroy();
    if (signal?.aborted) cut();
    signal?.addEventListener('abort', cut, { once: true });
    return () => signal?.removeEventListener('abort', cut);
  }

  /**
   * Replication connections speak the simple protocol: there are no parameters. Several statements give the rows of the last. A server that
   * does not answer within `deadline` milliseconds is given up, and the connection with it.
   */
  async query(text: string, _params: readonly [] = [], deadline: number = ANSWER_MS): Promise<readonly RawRow[]> {
    const running = this.#client.query({ text, rowMode: 'array', types: { getTypeParser: () => String } });
    const result = (await this.#within(deadline, running)) as unknown;
    const last = (Array.isArray(result) ? result.at(-1) : result) as { rows: RawRow[] };
    return last.rows;
  }

  /** Resolves once the log comes. `failed` rejects when it stops coming; it never resolves before `close`. */
  async start({ slot, publication, from }: StartOptions, receiver: Receiver): Promise<{ readonly failed: Promise<void> }> {
    const wire = this.#wire;
    wire.on('notice', ({ message }) => receiver.notice(message ?? ''));
    wire.on('copyData', ({ chunk }) => {
      if (chunk[0] === XLOG_DATA) receiver.data(chunk, XLOG_HEADER);
      else if (chunk[0] === KEEPALIVE) receiver.keepalive(chunk.readBigUInt64BE(1), chunk[17] === 1);
    });
    // The driver's own listener comes first and hands over every message of the chunk before this one runs.
    wire.stream.on('data', () => receiver.chunk());
    const started = new Promise<void>((resolve) => wire.once('replicationStart', resolve));
    const options = `proto_version '1', publication_names ${literal(identifier(publication))}, messages 'true'`;
    // sql: a slot's name is of a-z, 0-9 and _ alone, and the place is made of digits
    const running = this.#client.query(`START_REPLICATION SLOT ${slot} LOGICAL ${lsnText(from)} (${options})`);
    const failed = running.then(
      () => (this.#closing ? undefined : Promise.reject(new RowcastError('source_lost', 'the server ended the log'))),
      (error: unknown) => (this.#closing ? undefined : Promise.reject(error)),
    );
    failed.catch(() => {}); // is awaited by whoever reads, which may be later
    await this.#within(ANSWER_MS, Promise.race([started, failed]));
    return { failed };
  }

  async #within<T>(ms: number, answer: Promise<T>): Promise<T> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wire.stream.destroy();
    }, ms);
    try {
      return await answer;
    } catch (cause) {
      throw late ? new RowcastError('source_lost', `the server did not answer within ${ms / 1_000} s`, { cause }) : cause;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Tells the server that it may forget everything before. */
  confirm(position: bigint): void {
    this.#reply(position, position, false);
  }

  /**
   * Says that everything up to there has come, and nothing of what may be forgotten: a server that is shut down waits for those who have said
   * how much they hold until they hold all, and for the others only until they have got it.
   *
   * @param ask whether it should answer with a keepalive
   */
  status(received: bigint, ask: boolean): void {
    this.#reply(received, 0n, ask);
  }

  #reply(written: bigint, flushed: bigint, ask: boolean): void {
    const message = Buffer.alloc(34);
    message[0] = 'r'.charCodeAt(0);
    message.writeBigUInt64BE(written, 1);
    message.writeBigUInt64BE(flushed, 9); // what counts
    message.writeBigUInt64BE(flushed, 17); // applied
    message.writeBigInt64BE(BigInt(Date.now()) * 1_000n - EPOCH_2000, 25);
    message[33] = ask ? 1 : 0;
    this.#wire.sendCopyFromChunk(message);
  }

  pause(): void {
    this.#wire.stream.pause();
  }

  resume(): void {
    this.#wire.stream.resume();
  }

  /** Hangs up, and waits until the server's side is gone as far as can be seen: its slot is free then. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wire.stream.resume(); // the server may be in the middle of a row that nobody wants any more
    // Not the client's own `end`, which cuts the line while a query runs: the last status message would be lost with it.
    this.#wire.end();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.#ended, new Promise((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)))]);
    clearTimeout(timer);
    this.#wire.stream.destroy();
  }
}

function connectionError(cause: unknown): unknown {
  const message = (cause as Error).message;
  const unsupported = (why: string): RowcastError =>
    new RowcastError('source_unsupported', `${why} (the server says: ${message})`, { cause });
  switch (sqlState(cause)) {
    case '08P01':
      return unsupported(
        `something between here and Postgres, such as PgBouncer before 1.23, does not pass replication connections on; set \`replicationUrl\` to ` +
          `the address of Postgres itself`,
      );
    case '42501':
      return unsupported(
        `the database's user may not read the log; run: ALTER ROLE … REPLICATION (on Amazon RDS: GRANT rds_replication TO …), or set ` +
          `\`replicationUrl\` to a user that may; or follow the database without its log: ${BY_TRIGGERS}`,
      );
    case '53300':
      return unsupported('all of the connections that may read the log are taken; raise max_wal_senders, or end one of them');
    default:
      return cause;
  }
}
