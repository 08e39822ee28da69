import type { ClientFrame, WriteBody } from '../../src/protocol/index.ts';
import type { OwnWrite } from './own-write.ts';

/** Own writes that are one frame: filled as they are made. Empty: a mark. */
export type Ask = OwnWrite[];

type AskedFrame = Extract<ClientFrame, { readonly type: 'write' | 'batch' | 'call' }>;

/** What a page has asked: whose each frame is. A client sends in the order in which it was asked, and leaves out only what rests on a row that is not made. */
export class Asks {
  /** Not sent yet, in order. */
  #waiting: Ask[] = [];
  readonly #sent = new Map<number, Ask>();
  /** Frames that are not what was to be sent next. */
  readonly strange: string[] = [];

  begin(): Ask {
    const ask: Ask = [];
    this.#waiting.push(ask);
    return ask;
  }

  /** The last one is no frame of its own. */
  drop(): void {
    this.#waiting.pop();
  }

  /** The last one went into the one before it. */
  gather(): void {
    const gathered = this.#waiting.pop() ?? [];
    const into = this.#waiting.at(-1) ?? [];
    for (const own of gathered) own.together = into;
    into.push(...gathered);
  }

  of(id: number): Ask {
    return this.#sent.get(id) ?? [];
  }

  sent(frame: AskedFrame): void {
    const known = this.#sent.get(frame.id);
    for (const own of known ?? []) own.again = true;
    if (known) return;
    const ask = this.#waiting.shift();
    if (!ask || !says(frame, ask)) this.strange.push(JSON.stringify(frame));
    this.#sent.set(frame.id, ask ?? []);
  }

  /** It is refused. @returns what rests on the rows that it will not make, and is refused with it */
  refused(ask: Ask): readonly OwnWrite[] {
    const unmade = new Set(madeBy(ask));
    const falling: Ask[] = [];
    for (const each of this.#waiting) {
      if (!each.some(({ target }) => unmade.has(target))) continue;
      falling.push(each);
      for (const target of madeBy(each)) unmade.add(target);
    }
    this.#waiting = this.#waiting.filter((each) => !falling.includes(each));
    return falling.flat();
  }
}

const madeBy = (ask: Ask): readonly OwnWrite['target'][] => ask.filter(({ action }) => action === 'create').map(({ target }) => target);

/** Whether these are its words: all of them, and no other. */
function says(frame: AskedFrame, ask: Ask): boolean {
  const texts: string[] = [];
  for (const { action, pk, data } of bodiesOf(frame)) {
    if (action === 'delete') texts.push(gone(String(pk)));
    else texts.push(...(Object.values(data ?? {}) as string[]));
  }
  const asked = ask.flatMap(({ action, target, texts: own }) =>
    action === 'delete' ? [[...target.keys].map(gone).find((text) => texts.includes(text)) ?? gone('')] : own,
  );
  return [...new Set(asked)].sort().join() === [...new Set(texts)].sort().join();
}

const gone = (key: string): string => `-${key}`;

function bodiesOf(frame: AskedFrame): readonly Pick<WriteBody, 'action' | 'pk' | 'data'>[] {
  if (frame.type === 'write') return [frame];
  if (frame.type === 'batch') return frame.writes;
  const { titles } = frame.input as { readonly titles: readonly (readonly [number, string])[] };
  return titles.map(([pk, title]) => ({ action: 'update', pk, data: { title } }));
}
