import { createClient, type Answer, type BatchAnswer, type CallAnswer, type Client, type ClientOptions } from '../../src/client/index.ts';
import type { BindingStream, AnyStream } from '../../src/client/types.ts';
import type { ClientFrame, ServerFrame, WriteBody } from '../../src/protocol/index.ts';
import type { Random } from '../soak/random.ts';
import type { App } from './app.ts';
import { Link, moment, type Tap } from './link.ts';
import { OwnWrite, Target, type Way } from './own-write.ts';
import type { Sighting } from './sighting.ts';

type Row = Readonly<Record<string, unknown>>;

export interface PageParts {
  readonly app: App;
  readonly random: Random;
  readonly name: string;
  readonly options?: ClientOptions;
  readonly risk?: number;
}

/** The shipped client over a bad network: what it has asked for, and everything that it has ever shown. */
export class Page implements Tap, Disposable {
  readonly client: Client;
  readonly posts: BindingStream<AnyStream>;
  readonly link: Link;
  readonly writes: OwnWrite[] = [];
  readonly sightings: Sighting[] = [];
  readonly #app: App;
  readonly #random: Random;
  readonly #name: string;
  readonly #frames = new Map<number, readonly OwnWrite[]>();
  readonly #targets = new Map<string, Target>();
  readonly #open = new Set<Promise<unknown>>();
  #tick = 0;
  #texts = 0;
  #position = '';

  constructor({ app, random, name, options, risk = 0.02 }: PageParts) {
    this.#app = app;
    this.#random = random;
    this.#name = name;
    this.link = new Link(app.url, { random: random.branch(), tap: this, risk });
    const [delays, own] = [random.branch(), random.branch()];
    const client = createClient('', {
      socket: this.link.socket,
      delay: () => delays.between(0, 3),
      random: () => own.next(),
      linger: 0,
      ...options,
    });
    this.client = client;
    this.posts = client.stream('posts') as unknown as BindingStream<AnyStream>;
    this.posts.on('commit', ({ position }) => (this.#position = position));
    this.posts.on('current', () => {
      const rows = this.posts.rows.map((row) => [String(this.posts.pk(row)), row] as const);
      this.sightings.push({ at: ++this.#tick, position: this.#position, rows });
    });
  }

  /** All that was asked has its answer. */
  async answered(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  /** Every key that the page has had for a row. */
  targetOf(key: string): Target | undefined {
    return this.#targets.get(key);
  }

  /** It is on its way by the app's own, which alone knows of it. */
  isNameless(row: Row): boolean {
    const { made } = this.#targets.get(String(this.posts.pk(row))) ?? {};
    return (
      made !== undefined && this.writes.some(({ way, action, data }) => way === 'app' && action === 'create' && data['title'] === made)
    );
  }

  create(way: Way = 'write'): void {
    const target = new Target({ made: this.#text() });
    const title = target.made as string;
    this.#note({ action: 'create', target, data: { title }, way });
    const named = this.#random.chance(0.3) ? `${title}-by-name` : undefined;
    const answer = this.posts.create({ title }, { ...(named !== undefined && { pk: named }) });
    if (way === 'write') this.#ask(answer);
    else void answer;
    this.#learn(target, title);
  }

  update(row: Row, way: Way = 'write'): void {
    const data = this.#data();
    const pk = this.posts.pk(row);
    this.#note({ action: 'update', target: this.#of(String(pk)), data, way });
    const ifMatch = way === 'write' && this.#random.chance(0.1);
    const before = this.client.pending.length;
    const answer = this.posts.update(pk, data, ifMatch ? { ifMatch } : {});
    // Nothing that it could match: that is said at once, and nothing was asked.
    if (ifMatch && this.client.pending.length === before) this.writes.pop();
    else if (way === 'write') this.#ask(answer);
    else void answer;
  }

  delete(row: Row, way: Way = 'write'): void {
    const pk = this.posts.pk(row);
    this.#note({ action: 'delete', target: this.#of(String(pk)), data: {}, way });
    const answer = this.posts.delete(pk);
    if (way === 'write') this.#ask(answer);
    else void answer;
  }

  batch(rows: readonly Row[]): void {
    const from = this.writes.length;
    const answer = this.client.batch(() => {
      for (const row of rows) {
        if (this.#random.chance(0.15)) this.delete(row, 'batch');
        else this.update(row, 'batch');
      }
      if (this.#random.chance(0.4)) this.create('batch');
    });
    this.#ask(answer, this.#together(from));
    for (const { action, target } of this.writes.slice(from)) if (action === 'create') this.#learn(target, target.made as string);
  }

  /** A command that does what these writes show. */
  call(rows: readonly Row[]): void {
    const from = this.writes.length;
    const titles: (readonly [number, string])[] = rows.map((row) => [row['id'] as number, this.#text()]);
    const answer = this.client.call(
      'retitle',
      { titles },
      {
        optimistic: () => {
          for (const [id, title] of titles) {
            this.#note({ action: 'update', target: this.#of(String(id)), data: { title }, way: 'call' });
            void this.posts.update(id, { title });
          }
        },
      },
    );
    this.#ask(answer, this.#together(from));
  }

  /** By a way of the app's own, which takes its time, may fail, and may lose its answer. */
  byApp(row: Row | null): void {
    const title = this.#text();
    const key = row && String(this.posts.pk(row));
    const target = key === null ? new Target({ made: title }) : this.#of(key);
    const isGone = row !== null && this.#random.chance(0.15);
    const action = row === null ? 'create' : isGone ? 'delete' : 'update';
    const own = this.#note({ action, target, data: isGone ? {} : { title }, way: 'app' });
    const random = this.#random.branch();
    const done = this.posts
      .optimistic(key === null ? null : Number(key), isGone ? null : { title }, async (receipt) => {
        await moment(random);
        const fails = random.weighed({ no: 8, before: 2, after: 1 });
        if (fails !== 'before') {
          this.#app.commit((run, tx) => {
            void this.#app.live.receipt(tx, receipt);
            if (key === null) run('INSERT INTO post (title) VALUES (?)', title);
            else if (isGone) run('DELETE FROM post WHERE id = ?', key);
            else run('UPDATE post SET title = ? WHERE id = ?', title, key);
          });
        }
        await moment(random);
        if (fails === 'no') return;
        own.refused = ++this.#tick;
        throw new Error('the way failed');
      })
      .catch((error: unknown) => {
        if (own.refused === Infinity) throw error;
      });
    this.#wait(done);
    if (key === null) this.#learn(target, title);
  }

  /** Resolves when its rows are the table's. */
  async live(): Promise<void> {
    const { posts } = this;
    while (posts.status !== 'live') {
      await new Promise<void>((resolve) => {
        const stop = posts.on('current', () => (stop(), resolve()));
      });
    }
  }

  /** Past everything that was committed before. */
  async past(): Promise<void> {
    const mark = this.#text();
    const answer = await this.client.call('retitle', { titles: [], mark });
    if (!answer.ok) throw new Error(`the mark was refused: ${answer.message}`);
  }

  sent(frame: ClientFrame): void {
    switch (frame.type) {
      case 'write':
        return this.#first(frame.id, () => this.#writesOf(frame));
      case 'batch':
        return this.#first(frame.id, () => frame.writes.flatMap((write) => this.#writesOf(write)));
      case 'call':
        return this.#first(frame.id, () => {
          const { titles } = frame.input as { readonly titles: readonly (readonly [number, string])[] };
          return titles.flatMap(([, title]) => this.writes.filter((own) => own.data['title'] === title));
        });
      default:
        return;
    }
  }

  taken(frame: ServerFrame): void {
    if (frame.type === 'seen') this.#told(frame.id, frame.position);
    if (frame.type !== 'result') return;
    const owns = this.#frames.get(frame.id) ?? [];
    if (frame.ok && frame.position !== undefined) this.#told(frame.id, frame.position);
    if (!frame.ok) {
      const now = ++this.#tick;
      for (const own of owns) own.refused = Math.min(own.refused, now);
      return;
    }
    const pks = 'pk' in frame ? [frame.pk] : 'pks' in frame ? frame.pks : [];
    if (pks.length > 0) for (const [at, own] of owns.entries()) if (own.action === 'create') this.#call(own.target, String(pks[at]));
  }

  [Symbol.dispose](): void {
    this.client.close();
  }

  #first(id: number, find: () => readonly OwnWrite[]): void {
    const known = this.#frames.get(id);
    for (const own of known ?? []) own.again = true;
    if (known) return;
    const owns = find();
    for (const own of owns) own.id = id;
    this.#frames.set(id, owns);
  }

  #told(id: number, position: string): void {
    for (const own of this.#frames.get(id) ?? []) own.told = { at: this.#tick, position };
  }

  /** Whose words these are. Edits that were gathered are told by the last one of each field. */
  #writesOf({ action, pk, data }: WriteBody): readonly OwnWrite[] {
    const texts = Object.values(data ?? {});
    const waiting = this.writes.filter((own) => own.id === undefined && own.way !== 'app' && own.action === action);
    if (action === 'delete') {
      const first = waiting.find(({ target }) => target.keys.has(String(pk)));
      return first ? [first] : [];
    }
    const last = waiting.findLast((own) => own.texts.some((text) => texts.includes(text)));
    if (!last) return [];
    if (last.way !== 'write' || action === 'create') return [last];
    const upTo = this.writes.indexOf(last);
    const gathered = waiting.filter((own) => own.way === 'write' && own.target === last.target && this.writes.indexOf(own) <= upTo);
    for (const own of gathered) Object.assign(own, { together: gathered, texts });
    return gathered;
  }

  #note(about: Omit<ConstructorParameters<typeof OwnWrite>[0], 'asked'>): OwnWrite {
    const own = new OwnWrite({ ...about, asked: ++this.#tick });
    this.writes.push(own);
    return own;
  }

  #together(from: number): readonly OwnWrite[] {
    const together = this.writes.slice(from);
    for (const own of together) own.together = together;
    return together;
  }

  #ask(answer: Promise<Answer | BatchAnswer | CallAnswer<unknown>>, owns: readonly OwnWrite[] = this.writes.slice(-1)): void {
    this.#wait(
      answer.then((given) => {
        const now = ++this.#tick;
        for (const own of owns) {
          own.answer = given as Answer;
          if (!given.ok) own.refused = Math.min(own.refused, now);
        }
      }),
    );
  }

  #wait(work: Promise<unknown>): void {
    const done = work.finally(() => this.#open.delete(done));
    this.#open.add(done);
  }

  /** What the row is called that shows this. */
  #learn(target: Target, title: string): void {
    const row = this.posts.rows.find((each) => each['title'] === title);
    if (row) this.#call(target, String(this.posts.pk(row)));
  }

  #call(target: Target, key: string): void {
    target.keys.add(key);
    this.#targets.set(key, target);
  }

  #of(key: string): Target {
    const known = this.#targets.get(key);
    if (known) return known;
    const target = new Target({ key });
    this.#targets.set(key, target);
    return target;
  }

  #data(): Readonly<Record<string, string>> {
    const fields = this.#random.weighed({ title: 5, note: 3, both: 1 });
    return { ...(fields !== 'note' && { title: this.#text() }), ...(fields !== 'title' && { note: this.#text() }) };
  }

  #text(): string {
    return `${this.#name}${++this.#texts}`;
  }
}
