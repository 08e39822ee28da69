import type { Action, Key, Params } from '../protocol/index.ts';
import { pkOf, type Row } from './rows.ts';
import { Ear, type Subscription } from './subscription.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Answer, Pk, Progress, StreamStatus } from './types.ts';

export interface Writing {
  readonly stream: string;
  readonly action: Action;
  readonly pk?: Pk;
  readonly data?: object;
  readonly params: Params | undefined;
}

export interface StreamParts {
  readonly subscriptions: Subscriptions;
  write(writing: Writing): Promise<Answer>;
  send(stream: string, payload: unknown): void;
}

/** One handle. It has the methods of a BindingStream and of a ConsumerStream: which of them it is, the endpoint's type says. */
export class Stream {
  readonly #name: string;
  readonly #parts: StreamParts;
  readonly #ear = new Ear();
  readonly #asked: Subscription;

  readonly on: Ear['on'] = (event, handler) => this.#ear.on(event, handler);

  constructor(name: string, params: object | undefined, parts: StreamParts) {
    this.#name = name;
    this.#parts = parts;
    this.#asked = parts.subscriptions.join(name, params, this.#ear);
  }

  get #subscription(): Subscription {
    return this.#asked.root;
  }

  get rows(): readonly Row[] {
    return this.#subscription.rows.rows;
  }

  get status(): StreamStatus {
    return this.#subscription.status;
  }

  get progress(): Progress {
    return this.#subscription.progress;
  }

  row(pk: Pk): Row | undefined {
    return this.#subscription.rows.row(pk);
  }

  pk(row: object): Key {
    return pkOf(row);
  }

  create(data: object): Promise<Answer> {
    return this.#write('create', { data });
  }

  update(pk: Pk, data: object): Promise<Answer> {
    return this.#write('update', { pk, data });
  }

  delete(pk: Pk): Promise<Answer> {
    return this.#write('delete', { pk });
  }

  send(payload: unknown): void {
    this.#parts.send(this.#name, payload);
  }

  close(): void {
    this.#parts.subscriptions.leave(this.#subscription, this.#ear);
  }

  #write(action: Action, about: { readonly pk?: Pk; readonly data?: object }): Promise<Answer> {
    return this.#parts.write({ stream: this.#name, action, params: this.#asked.params, ...about });
  }
}
