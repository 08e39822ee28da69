import type { Position, ServerFrame } from '../../src/protocol/index.ts';
import { plain, rowcast1 } from '../../src/doors/index.ts';
import type { Live } from '../../src/main/index.ts';
import { turns } from '../support/clock.ts';

const wire = rowcast1(plain);

/** A connection whose socket is a number: so many bytes wait in it. */
export class ByHand {
  waiting = 0;
  closed: number | null = null;
  readonly frames: ServerFrame[] = [];
  /** The same, as they were written: those of one write together. */
  readonly strokes: (readonly ServerFrame[])[] = [];
  #ids = 0;
  #gone: (code?: number) => Promise<void> = () => Promise.resolve();
  #receive: (text: string) => void = () => undefined;

  static async open(live: Pick<Live, 'admit'>, path = '/', door: Partial<{ close(): void }> = {}): Promise<ByHand> {
    const visitor = await live.admit(new Request(`http://127.0.0.1${path}`));
    if (!visitor.ok) throw new Error(String(visitor.status));
    const hand = new ByHand();
    const transport = {
      write: (texts: readonly string[]): number => {
        const stroke = texts.map((text) => JSON.parse(text) as ServerFrame);
        hand.strokes.push(stroke);
        hand.frames.push(...stroke);
        return hand.waiting;
      },
      waiting: () => hand.waiting,
      pause: () => undefined,
      resume: () => undefined,
      close: (code: number) => {
        door.close?.();
        hand.closed = code;
      },
    };
    const connection = visitor.connect({ wire, transport });
    hand.#gone = (code) => connection.closed(code);
    hand.#receive = (text) => connection.receive(text);
    await turns();
    return hand;
  }

  send(frame: object): void {
    this.#receive(JSON.stringify(frame));
  }

  /** Asks for a view, and does not wait. Gives the id. */
  ask(stream: string, about: { readonly params?: object; readonly at?: Position; readonly token?: string } = {}): number {
    this.send({ type: 'subscribe', id: ++this.#ids, stream, ...about });
    return this.#ids;
  }

  of<T extends ServerFrame['type']>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);
  }

  /** Waits until so many frames of the type have come, and gives the last of them. */
  async until<T extends ServerFrame['type']>(type: T, count = 1): Promise<Extract<ServerFrame, { type: T }>> {
    for (let tries = 0; this.of(type).length < count; tries++) {
      if (tries > 2_000) throw new Error(`no ${type}: ${JSON.stringify(this.frames.map((frame) => frame.type))}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return this.of(type).at(-1) as never;
  }

  gone(): Promise<void> {
    return this.#gone(1006);
  }
}
