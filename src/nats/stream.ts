import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { lost, type Line } from './line.ts';
import { decode, type Message } from './state.ts';

export interface NatsOptions {
  /** Servers that keep a copy, where they are a cluster. Default: 3 in a cluster, 1 without. */
  readonly replicas?: 1 | 3 | 5;
  /** Where the ledger is kept. Default: `file`. */
  readonly storage?: 'file' | 'memory';
  /** The JetStream domain, where it is not the account's own. */
  readonly domain?: string;
  /** What the names of streams and subjects begin with: `A-Z a-z 0-9 _ -`. Default: `rowcast`. */
  readonly prefix?: string;
}

/** How the stream is. `created` tells one from another of the same name. */
export interface StreamInfo {
  readonly created: string;
  readonly first: number;
  /** The sequence that was given last, though its message may be gone. */
  readonly last: number;
  /** When that was, by the server: a stream that lost its tail may come to the same number again, and not at the same time. */
  readonly lastAt: string;
  readonly messages: number;
}

interface Answer {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

interface InfoAnswer extends Answer {
  readonly created: string;
  readonly state: {
    readonly messages: number;
    readonly first_seq: number;
    readonly last_seq: number;
    readonly last_ts: string;
    readonly subjects?: Readonly<Record<string, number>>;
  };
}

interface Got {
  readonly subject: string;
  readonly seq: number;
  /** Base64; left out when there is none. */
  readonly data?: string;
}

/** How long a server is given to remove what was deleted, ms. */
const DELETING = 500;

/** JetStream's own numbers for what can go wrong. */
const FAULT = { streamMissing: 10_059, messageMissing: 10_037, nameTaken: 10_058, wrongLast: 10_071, noPeers: 10_005, noReplicas: 10_074 };

/** The names of what one history's ledger and bus have on a server: nothing from outside is in them as it is. */
export function namesOf(epoch: string, prefix = 'rowcast'): { readonly stream: string; readonly log: string; readonly bus: string } {
  const hash = createHash('sha256').update(epoch).digest('base64url').slice(0, 22);
  return { stream: `${prefix}_${hash}`, log: `${prefix}.log.${hash}`, bus: `${prefix}.bus.${hash}` };
}

export function apiOf(domain: string | undefined): string {
  return domain === undefined ? '$JS.API' : `$JS.${domain}.API`;
}

/** One JetStream stream, by the API that every server has: requests with JSON. */
export class Stream {
  readonly line: Line;
  readonly name: string;
  readonly #log: string;
  readonly #options: NatsOptions;
  #wasThere = false;

  constructor(line: Line, epoch: string, options: NatsOptions) {
    const names = namesOf(epoch, options.prefix);
    this.line = line;
    this.name = names.stream;
    this.#log = names.log;
    this.#options = options;
  }

  /** What one leader's messages go under. */
  subject(leader: string): string {
    return `${this.#log}.${leader}`;
  }

  api(what: string): string {
    return `${apiOf(this.#options.domain)}.${what}`;
  }

  /** The stream, made when it is not there. */
  async info(): Promise<StreamInfo> {
    let found = await this.#info({});
    // Who deletes a stream is told so before its files are removed, and one that is made meanwhile loses its own: seen on 2.9.
    if (!found && this.#wasThere) {
      await setTimeout(DELETING);
      found = await this.#info({});
    }
    found ??= (await this.#create()) ?? (await this.#info({}));
    this.#wasThere = found !== null;
    return infoOf(found ?? fail('the stream is deleted as often as it is made'));
  }

  /** The message that has this number; null when it is gone. */
  async get(seq: number): Promise<Message | null> {
    const got = await this.#got({ seq });
    return got && decode(got.subject, bytesOf(got));
  }

  /** The first one from this number on. */
  async next(seq: number): Promise<Message | null> {
    for (let from = seq; ;) {
      const got = await this.#got({ seq: from, next_by_subj: '>' });
      if (!got) return null;
      const message = decode(got.subject, bytesOf(got));
      if (message) return message;
      from = got.seq + 1;
    }
  }

  /**
   * The server takes it iff the stream's last message is `last`, and the last one under this subject is `own`: so it is this very stream, and
   * nobody has led it since. `own` null: nothing is expected of the subject.
   */
  async publish(subject: string, payload: Uint8Array, expected: { readonly last: number; readonly own: number | null }): Promise<boolean> {
    const headers = this.line.headers({
      'Nats-Expected-Stream': this.name,
      'Nats-Expected-Last-Sequence': String(expected.last),
      ...(expected.own !== null && { 'Nats-Expected-Last-Subject-Sequence': String(expected.own) }),
    });
    const taken = await this.line.offer(subject, payload, headers);
    const answer = taken && parse(taken);
    // No stream hears that subject: it is not the one that was expected.
    if (!answer || answer.error?.err_code === FAULT.wrongLast) return false;
    this.#sound(answer);
    return true;
  }

  /** Messages before this number go. By subject, each of which is one leader's and of one stream: another stream of this name loses nothing. */
  async purge(below: number, created: string): Promise<void> {
    const info = await this.#info({ subjects_filter: '>' });
    if (info?.created !== created) return;
    for (const filter of Object.keys(info.state.subjects ?? {})) {
      this.#sound(await this.#ask('STREAM.PURGE', { filter, seq: below }));
    }
  }

  /** Gives its name; null when the stream is gone. */
  async consume(seq: number, idle: number): Promise<string | null> {
    const config = {
      ack_policy: 'none',
      deliver_policy: 'by_start_sequence',
      opt_start_seq: seq,
      replay_policy: 'instant',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: idle * 1_000_000, // ns
    };
    const answer = await this.#ask<Answer & { readonly name: string }>('CONSUMER.CREATE', { stream_name: this.name, config });
    if (answer.error?.err_code === FAULT.streamMissing) return null;
    this.#sound(answer);
    return answer.name;
  }

  async forget(consumer: string): Promise<void> {
    await this.line.ask(this.api(`CONSUMER.DELETE.${this.name}.${consumer}`));
  }

  async #create(): Promise<InfoAnswer | null> {
    const replicas = this.#options.replicas ?? (this.line.info?.cluster === undefined ? 1 : 3);
    const made = await this.#ask<InfoAnswer>('STREAM.CREATE', this.#config(replicas));
    const isTooMany = made.error?.err_code === FAULT.noPeers || made.error?.err_code === FAULT.noReplicas;
    if (isTooMany && this.#options.replicas === undefined) return this.#made(await this.#ask('STREAM.CREATE', this.#config(1)));
    return this.#made(made);
  }

  /** Another process may have made it meanwhile, of another version's wishes. */
  #made(answer: InfoAnswer): InfoAnswer | null {
    if (answer.error?.err_code === FAULT.nameTaken) return null;
    this.#sound(answer);
    return answer;
  }

  #config(replicas: number): object {
    return {
      name: this.name,
      description: 'Rowcast: what was committed, for those who come back',
      subjects: [this.subject('*')],
      // What goes is the leader's to say: a server that lets the last message go forgets where the ledger is.
      retention: 'limits',
      discard: 'old',
      storage: this.#options.storage ?? 'file',
      num_replicas: replicas,
      max_age: 0,
      // Message ids are not used: sequences tell twins.
      duplicate_window: 100_000_000, // ns, the least
    };
  }

  async #info(body: object): Promise<InfoAnswer | null> {
    const answer = await this.#ask<InfoAnswer>('STREAM.INFO', body);
    if (answer.error?.err_code === FAULT.streamMissing) return null;
    this.#sound(answer);
    return answer;
  }

  async #got(which: object): Promise<Got | null> {
    const answer = await this.#ask<Answer & { readonly message?: Got }>('STREAM.MSG.GET', which);
    const missing = answer.error?.err_code;
    if (missing === FAULT.messageMissing || missing === FAULT.streamMissing) return null;
    this.#sound(answer);
    return answer.message ?? null;
  }

  async #ask<T extends Answer>(what: string, body: object): Promise<T> {
    return parse(await this.line.ask(this.api(`${what}.${this.name}`), JSON.stringify(body))) as T;
  }

  #sound({ error }: Answer): void {
    if (error) throw lost(`the stream ${this.name}: ${error.description ?? `error ${error.code}`}`);
  }
}

function infoOf({ created, state }: InfoAnswer): StreamInfo {
  return { created, first: state.first_seq, last: state.last_seq, lastAt: state.last_ts, messages: state.messages };
}

function bytesOf({ data = '' }: Got): Uint8Array {
  return Buffer.from(data, 'base64');
}

function parse(message: { json<T>(): T }): Answer {
  return message.json<Answer>();
}

function fail(why: string): never {
  throw lost(why);
}
