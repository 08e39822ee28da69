import type { Client } from 'pg';
import type { Clock, Log } from '../../core/index.ts';
import { loadPg } from './driver.ts';
import { identifier } from './sql.ts';

export interface ListeningParts {
  readonly url: string;
  readonly channel: string;
  readonly clock: Clock;
  readonly log: Log;
  hear(payload: string): void;
  /** What was notified meanwhile is gone. */
  missed(): void;
}

export interface Listening {
  close(): Promise<void>;
}

/** Milliseconds between two tries of a connection that broke: doubled up to the second. */
const WAITS = [100, 5_000] as const;
/** A listener that is frozen, or gone, would have the server keep for it all that is ever notified. */
const PIN = `SET tcp_user_timeout = '60s'; SET idle_session_timeout = 0; SET statement_timeout = 0`;

/** Notifications on a connection of its own, made again when it breaks. Rejects where the first one cannot be made. */
export async function listen(parts: ListeningParts): Promise<Listening> {
  const { clock, log } = parts;
  const { Client } = await loadPg();
  let closed = false;
  let client: Client | null = null;
  let timer: { cancel(): void } | null = null;
  const connect = async (): Promise<void> => {
    const made = new Client({ connectionString: parts.url, application_name: 'rowcast listener', keepAlive: true });
    made.on('error', () => {});
    made.on('notification', ({ payload }) => !closed && parts.hear(payload ?? ''));
    try {
      await made.connect();
      await made.query(`${PIN}; LISTEN ${identifier(parts.channel)}`);
    } catch (error) {
      await made.end().catch(() => {});
      throw error;
    }
    if (closed) return void (await made.end());
    client = made;
    made.once('end', () => !closed && lost());
  };
  const lost = (): void => {
    client = null;
    log.warn({}, 'messages of other processes cannot be heard until the database can be connected to again: those sent meanwhile are gone');
    parts.missed();
    again(WAITS[0]);
  };
  const again = (wait: number): void => {
    timer = clock.after(wait, () => void connect().catch(() => !closed && again(Math.min(2 * wait, WAITS[1]))));
  };
  await connect();
  return {
    async close() {
      closed = true;
      timer?.cancel();
      await client?.end().catch(() => {});
    },
  };
}
