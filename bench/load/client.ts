import type { Socket } from 'node:net';
import { FrameReader, PONG, textFrame, type Heard } from './frames.ts';
import { upgrade, type Target } from './upgrade.ts';

/** A view that a client asks for. */
export interface Wish {
  readonly stream: string;
  readonly params?: Readonly<Record<string, number>>;
}

/** How a client asks: not at all, as one that never was there, or as one that comes back. */
export type Asking = 'nothing' | 'anew' | 'resume';

/** One client of the wire that keeps no rows: it asks, answers what has to be answered, and counts. */
export class LoadClient {
  /** Commits since it was last asked. */
  commits = 0;
  /** Frames of rows, and resets, by reason. */
  rows = 0;
  readonly resets: string[] = [];
  readonly #target: Target;
  readonly #name: string;
  readonly #commit: () => void;
  #wishes: readonly Wish[] = [];
  readonly #views = new Map<number, number>();
  /** By wish: where it was when it was last ready, and what shows it. */
  readonly #held: { readonly at: string; readonly token: string }[] = [];
  #socket: Socket | null = null;
  #greeted: (() => void) | null = null;
  #ready: (() => void) | null = null;
  #loading = 0;
  #keep = true;

  /** `commit` is called for every commit. */
  constructor(target: Target, name: string, commit: () => void) {
    this.#target = target;
    this.#name = name;
    this.#commit = commit;
  }

  /** Resolves when it has what it asks for; for nothing: with the first frame. `keep`: it comes back from here the next time. */
  open(wishes: readonly Wish[], asking: Asking, keep = true): Promise<void> {
    this.#wishes = wishes;
    this.#keep = keep;
    const reader = new FrameReader(this.#heard);
    const opened = (): void => {
      if (this.#target.protocol !== '') socket.write(this.#opening(asking));
    };
    const socket = upgrade(this.#target, { opened, take: (chunk) => reader.take(chunk) });
    this.#socket = socket;
    const greeted = new Promise<void>((resolve) => (this.#greeted = resolve));
    return asking === 'nothing' || wishes.length === 0 ? greeted : this.#whenReady(wishes.length);
  }

  /** Asks for these views. Resolves when they are ready. */
  ask(wishes: readonly Wish[]): Promise<void> {
    this.#wishes = wishes;
    const ready = this.#whenReady(wishes.length);
    this.#socket?.write(Buffer.concat(wishes.map((wish, at) => this.#subscribe(wish, at, 'anew'))));
    return ready;
  }

  /** Without a word: as when a network goes away. */
  leave(): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    this.#views.clear();
    if (!socket || socket.destroyed) return Promise.resolve();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resetAndDestroy();
    return closed;
  }

  /** Stops reading what comes. */
  pause(): void {
    this.#socket?.pause();
  }

  #whenReady(views: number): Promise<void> {
    this.#loading = views;
    return new Promise((resolve) => (this.#ready = resolve));
  }

  #opening(asking: Asking): Buffer {
    const hello = textFrame(`{"type":"hello","client":"${this.#name}"}`);
    if (asking === 'nothing') return hello;
    return Buffer.concat([hello, ...this.#wishes.map((wish, at) => this.#subscribe(wish, at, asking))]);
  }

  #subscribe({ stream, params }: Wish, place: number, asking: Asking): Buffer {
    const held = asking === 'resume' ? this.#held[place] : undefined;
    if (asking === 'resume' && !held) throw new Error(`client ${this.#name} never had "${stream}"`);
    return textFrame(JSON.stringify({ type: 'subscribe', id: place + 1, stream, ...(params && { params }), ...held }));
  }

  readonly #heard = (heard: Heard): void => {
    switch (heard.kind) {
      case 'commit':
        this.commits++;
        return this.#commit();
      case 'rows':
        this.rows++;
        return;
      case 'ping':
        return void this.#socket?.write(PONG);
      case 'close':
        if (this.#loading > 0) throw new Error(`client ${this.#name} was sent away`);
        return;
      case 'said':
        return this.#said(heard.frame);
    }
  };

  #said(frame: Readonly<Record<string, unknown>>): void {
    switch (frame['type']) {
      case 'subscribed':
        this.#views.set(frame['view'] as number, (frame['id'] as number) - 1);
        return;
      case 'ready':
        if (this.#keep) {
          const place = this.#views.get(frame['view'] as number) as number;
          this.#held[place] = { at: frame['position'] as string, token: frame['token'] as string };
        }
        if (--this.#loading === 0) this.#ready?.();
        return;
      case 'ping':
        if (frame['mark'] !== undefined) this.#socket?.write(textFrame(`{"type":"at","mark":${String(frame['mark'])}}`));
        return;
      case 'reset':
        this.resets.push(frame['reason'] as string);
        return;
      case 'error':
      case 'dropped':
        throw new Error(`client ${this.#name}: ${JSON.stringify(frame)}`);
      default:
        this.#greeted?.();
    }
  }
}
