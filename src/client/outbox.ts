import type { AnswerCode, ResultFrame } from '../protocol/index.ts';
import type { Answer } from './types.ts';

/** Writes without an answer, and messages without a connection, at most: more is a loop that has lost its brake. */
const MAX = 1_000;

interface Write {
  readonly text: string;
  answer(answer: Answer): void;
}

/**
 * What is on its way to the server. Writes stay until they have an answer: when the connection is lost they are sent again, in order and
 * under the same ids, and the server applies each once and gives the answer it gave then. Messages are sent once.
 */
export class Outbox {
  readonly #send: (text: string) => void;
  readonly #writes = new Map<number, Write>();
  #messages: string[] = [];
  #open = false;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  async write(id: number, text: string): Promise<Answer> {
    if (this.#writes.size >= MAX) return refusal('rate_limited', `${MAX} writes have no answer yet: wait for some of them`);
    return new Promise((answer) => {
      this.#writes.set(id, { text, answer });
      if (this.#open) this.#send(text);
    });
  }

  /** False: too many wait already. */
  say(text: string): boolean {
    if (this.#open) this.#send(text);
    else if (this.#messages.push(text) > MAX) return this.#messages.pop() === undefined;
    return true;
  }

  answered(frame: ResultFrame): void {
    const write = this.#writes.get(frame.id);
    if (!write) return;
    this.#writes.delete(frame.id);
    if (frame.ok) return write.answer({ ok: true, pk: frame.pk });
    const { code, message, fields } = frame;
    write.answer({ ok: false, code, message, ...(fields && { fields }) });
  }

  opened(): void {
    this.#open = true;
    for (const text of this.#messages.splice(0)) this.#send(text);
    for (const { text } of this.#writes.values()) this.#send(text);
  }

  lost(): void {
    this.#open = false;
  }

  /** There will be no connection any more. */
  end(): void {
    this.#messages = [];
    for (const { answer } of this.#writes.values()) {
      answer(refusal('closed', 'the client was closed before the answer came: it may have been applied or not'));
    }
    this.#writes.clear();
  }
}

export function refusal<C extends AnswerCode | 'closed'>(code: C, message: string): { ok: false; code: C; message: string } {
  return { ok: false, code, message };
}
