import type { ServerFrame } from '../../src/protocol/index.ts';
import type { Viewer } from './viewer.ts';

/** What a client has of one view. */
export interface Held {
  rows: Map<string, unknown>;
  aside: Map<string, unknown> | null;
  ready: boolean;
  position: string;
  token: string;
  /** Why it had to load anew, in order. */
  readonly resets: string[];
}

/** Keeps the rows of a connection's views as PROTOCOL.md says, and nothing more: what a client of somebody else's would do. */
export class Holder {
  readonly viewer: Viewer;
  readonly views = new Map<number, Held>();
  readonly dropped = new Set<number>();
  /** Merged commits and plain ones that came. */
  commits = { plain: 0, merged: 0 };
  #read = 0;
  #ids = 100;
  #parts: (readonly unknown[])[] = [];
  /** What was there before, by the id it is gone on from under. */
  readonly #from = new Map<number, Map<string, unknown>>();

  constructor(viewer: Viewer) {
    this.viewer = viewer;
  }

  /** Takes in all that has come. */
  take(): this {
    for (const { texts } = this.viewer; this.#read < texts.length; this.#read++)
      this.#hear(JSON.parse(texts[this.#read] as string) as ServerFrame);
    return this;
  }

  async until(done: (holder: this) => boolean): Promise<this> {
    while (!done(this.take())) {
      if (this.viewer.socket.readyState > 1) throw new Error('the socket closed before what was waited for');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return this;
  }

  /** Resolves when the view is ready, and gives it; or what was refused. */
  async hold(stream: string, params: object | undefined, from?: Pick<Held, 'rows' | 'position' | 'token'>): Promise<Held> {
    const id = ++this.#ids;
    if (from) this.#from.set(id, new Map(from.rows));
    const about = from ? { at: from.position, token: from.token } : {};
    this.viewer.send({ type: 'subscribe', id, stream, ...(params && { params }), ...about });
    const answer = await this.viewer.until(
      (frame): frame is Extract<ServerFrame, { type: 'subscribed' | 'error' }> =>
        (frame.type === 'subscribed' || frame.type === 'error') && frame.id === id,
    );
    if (answer.type === 'error') throw new Error(answer.code);
    const held = this.#of(answer.view);
    await this.until(() => held.ready);
    return held;
  }

  #of(view: number): Held {
    let held = this.views.get(view);
    if (!held) this.views.set(view, (held = { rows: new Map(), aside: null, ready: false, position: '', token: '', resets: [] }));
    return held;
  }

  #hear(frame: ServerFrame): void {
    switch (frame.type) {
      case 'subscribed':
        this.#of(frame.view).rows = this.#from.get(frame.id) ?? new Map();
        return;
      case 'rows': {
        const held = this.#of(frame.view);
        held.aside ??= new Map();
        for (const [pk, data] of frame.rows) held.aside.set(JSON.stringify(pk), data);
        return;
      }
      case 'commit': {
        this.#parts.push(...frame.changes);
        if (frame.more) return;
        this.commits[frame.merged ? 'merged' : 'plain']++;
        for (const [view, action, pk, data] of this.#parts as never as [number, string, unknown, unknown][]) {
          const held = this.#of(view);
          const rows = held.aside ?? held.rows;
          if (action === 'delete') rows.delete(JSON.stringify(pk));
          else rows.set(JSON.stringify(pk), data);
        }
        this.#parts = [];
        this.#moved(frame.position);
        return;
      }
      case 'ready': {
        const held = this.#of(frame.view);
        if (held.aside) held.rows = held.aside;
        Object.assign(held, { aside: null, ready: true, position: frame.position, token: frame.token });
        return;
      }
      case 'reset':
        for (const view of frame.views) {
          const held = this.#of(view);
          Object.assign(held, { aside: new Map(), ready: false });
          held.resets.push(frame.reason);
        }
        return;
      case 'dropped':
        this.views.delete(frame.view);
        this.dropped.add(frame.view);
        return;
      case 'ping':
        if (frame.position !== undefined) this.#moved(frame.position);
        return;
      default:
        return;
    }
  }

  #moved(position: string): void {
    for (const held of this.views.values()) if (held.ready) held.position = position;
  }
}
