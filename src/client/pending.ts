import type { Action, AnswerCode, BatchOk, CallOk, Data, Json, Key, Ok, Params, Position } from '../protocol/index.ts';
import type { Laid } from './overlay.ts';
import type { PendingWrite, Refusal } from './types.ts';

/** What one write says. */
export interface Body {
  readonly stream: string;
  readonly action: Action;
  readonly pk?: Key | undefined;
  readonly data?: Data | undefined;
  readonly params?: Params | undefined;
  readonly if?: Data | undefined;
}

/** What is asked of the server, as the wire has it. */
export interface Says extends Partial<Body> {
  readonly type: 'write' | 'batch' | 'call';
  readonly writes?: readonly Body[];
  readonly input?: Json;
}

export type Outcome = Ok | BatchOk | CallOk | Refusal;

/** Something asked once, until it is answered and the rows have it. */
export class Pending {
  readonly id: number;
  /** The page that asked it, where it was another. */
  readonly client: string | undefined;
  says: Says;
  sent = false;
  /** It may have been sent by a connection that is gone, or by another page: it may have been done. */
  again: boolean;
  outcome: Outcome | null = null;
  /** Where the rows have it. */
  position: Position | null = null;
  readonly done: Promise<Outcome>;
  resolve: (outcome: Outcome) => void = () => undefined;
  // What follows is of a client that shows its own writes, and keeps them.
  laid: readonly Laid[] = [];
  /** When it was made, and when it was sent first, ms since 1970. */
  made = 0;
  asked: number | null = null;
  /** More may be added to it for a moment. */
  held: { cancel(): void } | undefined;

  constructor(id: number, says: Says, client?: string) {
    this.id = id;
    this.says = says;
    this.client = client;
    this.again = client !== undefined;
    this.done = new Promise((resolve) => (this.resolve = resolve));
  }

  is(id: number, client?: string): boolean {
    return this.id === id && this.client === client;
  }

  /** As it is sent. The server reads the type and the id of a frame that it cannot take where it begins with them. */
  get text(): string {
    const { id, client } = this;
    const { type, ...says } = this.says;
    return JSON.stringify({ type, id, client, ...says });
  }

  get public(): PendingWrite {
    const { sent, client, says } = this;
    const { type, writes, input, data = writes ?? input, pk } = says;
    const { stream = '', action } = writes?.[0] ?? says;
    return {
      stream,
      action: type === 'write' ? (action as Action) : type,
      ...(pk !== undefined && { pk }),
      ...(data !== undefined && { data: data as Json }),
      sent,
      kept: client !== undefined,
    };
  }
}

export function refusal(code: AnswerCode | 'closed', message: string): Refusal {
  return { ok: false, code, message };
}

/** What ends with its connection: whether it was applied, nobody can say any more. */
export const CLOSED: Refusal = refusal('closed', 'ended before the answer came: it may have been applied');
