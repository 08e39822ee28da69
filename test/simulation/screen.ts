import { createClient, type Answer, type Client } from '../../src/client/index.ts';
import type { ClientFrame, ServerFrame } from '../../src/protocol/index.ts';
import type { Position } from '../../src/core/index.ts';
import { STREAMS, type User } from './app.ts';
import { difference, textOf, type Asked } from './history.ts';
import type { Loot } from './liar.ts';
import { Link, type Host } from './link.ts';
import { OwnWrites, type Own } from './own.ts';
import { Process } from './process.ts';
import type { Timeline } from './timeline.ts';
import { Broken, Wiretap, type Witness } from './wiretap.ts';

type Handle = ReturnType<Client['stream']>;

export interface Looked {
  readonly asked: Asked;
  readonly handle: Handle;
  /** What it was told since it was opened, put together: what a program that only listens has. */
  readonly told: Map<string, string>;
}

/** A write, and what became of it. */
export interface Written {
  readonly title: string;
  answers: Answer[];
}

export interface ScreenParts {
  readonly timeline: Timeline;
  readonly witness: Witness;
  host(): Host | null;
  readonly scale: number;
  failed(error: unknown): void;
}

/** A page with the shipped client on it, and what must hold for its rows whenever it has taken a frame in. */
export class Screen {
  readonly name: string;
  readonly user: User;
  readonly process: Process;
  readonly client: Client;
  readonly looked: Looked[] = [];
  readonly written: Written[] = [];
  /** The last of what it was given to come back with. */
  readonly loot: Loot[] = [];
  readonly #parts: ScreenParts;
  readonly #own = new OwnWrites();
  link: Link | null = null;
  /** Where each view stands, by what was heard: number, then what it is. */
  #views = new Map<number, string>();
  #subscribes = new Map<number, string>();
  #positions = new Map<string, Position>();

  constructor(name: string, user: User, parts: ScreenParts) {
    this.name = name;
    this.user = user;
    this.#parts = parts;
    this.process = new Process(name, parts.timeline);
    const { random } = parts.timeline;
    this.client = createClient('simulated:', {
      socket: () => this.#socket(),
      clock: this.process,
      random: () => random.next(),
      name: random.name(),
      token: () => 'newer credentials',
    });
  }

  get open(): boolean {
    return this.process.alive && this.client.status !== 'closed';
  }

  look(asked: Asked): void {
    const handle = asked.params ? this.client.stream(asked.stream, asked.params) : this.client.stream(asked.stream);
    const told = new Map<string, string>();
    handle.on('change', ({ pk, data }) => {
      const key = JSON.stringify(pk);
      if (data === null) {
        if (!told.delete(key)) this.#parts.failed(new Broken(`${this.name}: told that ${key} is gone, which it was never told of`));
      } else told.set(key, textOf(data, STREAMS[asked.stream].fields));
    });
    this.looked.push({ asked, handle, told });
  }

  leave(looked: Looked): void {
    this.looked.splice(this.looked.indexOf(looked), 1);
    looked.handle.close();
  }

  write(own: Own, run: () => Promise<Answer>): void {
    const { title } = own;
    const written: Written = { title, answers: [] };
    this.written.push(written);
    this.#own.asked(own);
    void run().then((answer) => {
      this.#own.answered(own, answer);
      written.answers.push(answer);
      this.#parts.timeline.note(() => `${this.name}: ${title} answered ${JSON.stringify(answer)}`);
      if (written.answers.length > 1) this.#parts.failed(new Broken(`${this.name}: ${title} was answered twice`));
    });
  }

  /** The page is gone, without a word. */
  kill(told: boolean): void {
    this.process.kill();
    this.link?.cut({ client: false, server: told });
  }

  close(): void {
    this.client.close();
  }

  /** Every handle is live and has the rows of now; otherwise what is wrong. */
  behind(position: Position): string | null {
    for (const { asked, handle, told } of this.looked) {
      const expected = this.#parts.witness.history.view(this.user, asked, position);
      const name = `${this.name} ${JSON.stringify(asked)}`;
      if (!expected) {
        if (handle.status === 'live' || handle.rows.length > 0) return `${name} is ${handle.status}, and must not be had`;
        continue;
      }
      // Refused or taken away before it could be had: nobody has asked again.
      if (handle.status === 'failed') continue;
      if (handle.status !== 'live') return `${name} is ${handle.status}, client ${this.client.status}`;
      const wrong = difference(rowsOf(handle, asked), expected) ?? difference(told, expected);
      if (wrong) return `${name} ${wrong}`;
    }
    return null;
  }

  #socket(): Link {
    this.#views = new Map();
    this.#subscribes = new Map();
    const { timeline, host, scale, witness, failed } = this.#parts;
    const tap = new Wiretap(this.user, witness);
    const guarded = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        failed(error);
      }
    };
    const link: Link = new Link({
      timeline,
      client: this.process,
      host,
      user: this.user.id,
      scale,
      ear: {
        sent: (text) => {
          timeline.note(() => `${this.name} → ${text}`);
          const frame = JSON.parse(text) as ClientFrame;
          tap.sent(frame);
          this.#own.sent(frame);
          this.#sent(frame);
        },
        heard: (frame, delivered) => {
          timeline.note(() => `${this.name} ← ${delivered ? '' : '(never came) '}${JSON.stringify(frame)}`);
          guarded(() => tap.heard(frame));
        },
        taken: (frame) => guarded(() => this.#taken(frame)),
      },
      gone: () => {
        timeline.note(() => `${this.name}: connection gone`);
        if (this.link === link) this.link = null;
        this.#own.lost();
      },
    });
    this.link = link;
    return link;
  }

  #sent(frame: ClientFrame): void {
    if (frame.type === 'subscribe') this.#subscribes.set(frame.id, JSON.stringify([frame.stream, frame.params ?? {}]));
  }

  /** The shipped client has taken the frame in: what it shows is the table, as of where it has come. */
  #taken(frame: ServerFrame): void {
    this.#own.taken(frame);
    switch (frame.type) {
      case 'subscribed':
        this.#views.set(frame.view, this.#subscribes.get(frame.id) ?? '');
        return;
      case 'ready': {
        const view = this.#views.get(frame.view);
        if (view === undefined) return;
        this.#positions.set(view, frame.position);
        const [stream, params] = JSON.parse(view) as [Asked['stream'], Record<string, number>];
        this.loot.push({ asked: { stream, params: Object.keys(params).length === 0 ? null : params }, token: frame.token });
        if (this.loot.length > 5) this.loot.shift();
        return this.#judge();
      }
      case 'reset':
        for (const number of frame.views) this.#positions.delete(this.#views.get(number) ?? '');
        return this.#judge();
      case 'dropped':
        this.#positions.delete(this.#views.get(frame.view) ?? '');
        return this.#judge();
      case 'commit':
        if (frame.more) return;
        return this.#reach(frame.position);
      case 'ping':
        if (frame.position !== undefined) this.#reach(frame.position);
        return;
      case 'welcome':
        this.#positions = new Map();
        return;
      default:
        return;
    }
  }

  #reach(position: Position): void {
    for (const [view, at] of this.#positions) if (position > at) this.#positions.set(view, position);
    this.#judge();
  }

  #judge(): void {
    for (const { asked, handle, told } of this.looked) {
      if (handle.status !== 'live') continue;
      const position = this.#positions.get(JSON.stringify([asked.stream, asked.params ?? {}]));
      if (position === undefined) throw new Broken(`${this.name}: ${JSON.stringify(asked)} is live and no ready has come for it`);
      const expected = this.#parts.witness.history.view(this.user, asked, position);
      if (!expected) throw new Broken(`${this.name}: ${JSON.stringify(asked)} is live at ${position}, and must not be had`);
      const rows = rowsOf(handle, asked);
      const wrong = difference(told, rows) ?? difference(this.#own.without(rows, expected, { ...asked, position }), expected);
      if (wrong) throw new Broken(`${this.name}: ${JSON.stringify(asked)} at ${position} ${wrong}`);
    }
  }
}

function rowsOf(handle: Handle, { stream }: Asked): ReadonlyMap<string, string> {
  return new Map(handle.rows.map((row) => [JSON.stringify(handle.pk(row)), textOf(row, STREAMS[stream].fields)]));
}
