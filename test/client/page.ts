import { createClient, type Answer, type BatchAnswer, type CallAnswer, type Client, type ClientOptions } from '../../src/client/index.ts';
import type { BindingStream, AnyStream } from '../../src/client/types.ts';
import type { ClientFrame, ServerFrame } from '../../src/protocol/index.ts';
import type { Random } from '../soak/random.ts';
import type { App } from './app.ts';
import { Asks, type Ask } from './asks.ts';
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
  readonly asks: Asks = new Asks();
  readonly sightings: Sighting[] = [];
  readonly #app: App;
  readonly #random: Random;
  readonly #name: string;
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

  create(): void {
    const target = this.#make('write', this.asks.begin());
    const title = target.made as string;
    const named = this.#random.chance(0.3) ? `${title}-by-name` : undefined;
    this.#ask(this.posts.create({ title }, { ...(named !== undefined && { pk: named }) }));
    this.#learn(target, title);
  }

  update(row: Row): void {
    const data = this.#data();
    const pk = this.posts.pk(row);
    this.#note({ action: 'update', target: this.#of(String(pk)), data, way: 'write' }, this.asks.begin());
    const ifMatch = this.#random.chance(0.1);
    const before = this.client.pending.length;
    const answer = this.posts.update(pk, data, ifMatch ? { ifMatch } : {});
    if (this.client.pending.length > before) return this.#ask(answer);
    if (!ifMatch) {
      this.asks.gather();
      return this.#ask(answer);
    }
    // Nothing that it could match: that is said at once, and nothing was asked.
    this.asks.drop();
    this.writes.pop();
  }

  delete(row: Row): void {
    const pk = this.posts.pk(row);
    this.#note({ action: 'delete', target: this.#of(String(pk)), data: {}, way: 'write' }, this.asks.begin());
    this.#ask(this.posts.delete(pk));
  }

  batch(rows: readonly Row[]): void {
    const ask = this.asks.begin();
    const answer = this.client.batch(() => {
      for (const row of rows) {
        const pk = this.posts.pk(row);
        const target = this.#of(String(pk));
        if (this.#random.chance(0.15)) {
          this.#note({ action: 'delete', target, data: {}, way: 'batch' }, ask);
          void this.posts.delete(pk);
        } else {
          const data = this.#data();
          this.#note({ action: 'update', target, data, way: 'batch' }, ask);
          void this.posts.update(pk, data);
        }
      }
      if (this.#random.chance(0.4)) void this.posts.create({ title: this.#make('batch', ask).made as string });
    });
    this.#ask(answer, ask);
    for (const { action, target } of ask) if (action === 'create') this.#learn(target, target.made as string);
  }

  /** A command that does what these writes show. */
  call(rows: readonly Row[]): void {
    const ask = this.asks.begin();
    const titles: (readonly [number, string])[] = rows.map((row) => [row['id'] as number, this.#text()]);
    const answer = this.client.call(
      'retitle',
      { titles },
      {
        optimistic: () => {
          for (const [id, title] of titles) {
            this.#note({ action: 'update', target: this.#of(String(id)), data: { title }, way: 'call' }, ask);
            void this.posts.update(id, { title });
          }
        },
      },
    );
    this.#ask(answer, ask);
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
    this.asks.begin();
    const answer = await this.client.call('retitle', { titles: [], mark });
    if (!answer.ok) throw new Error(`the mark was refused: ${answer.message}`);
  }

  sent(frame: ClientFrame): void {
    if (frame.type === 'write' || frame.type === 'batch' || frame.type === 'call') this.asks.sent(frame);
  }

  taken(frame: ServerFrame, tell: () => void): void {
    if (frame.type === 'seen') this.#told(frame.id, frame.position);
    if (frame.type !== 'result') return tell();
    const ask = this.asks.of(frame.id);
    if (!frame.ok) return this.#refused(ask, tell);
    if (frame.position !== undefined) this.#told(frame.id, frame.position);
    const pks = 'pk' in frame ? [frame.pk] : 'pks' in frame ? frame.pks : [];
    if (pks.length > 0) for (const [at, own] of ask.entries()) if (own.action === 'create') this.#call(own.target, String(pks[at]));
    tell();
  }

  [Symbol.dispose](): void {
    this.client.close();
  }

  #told(id: number, position: string): void {
    const told = { at: ++this.#tick, position };
    for (const own of this.asks.of(id)) own.told = told;
  }

  #refused(ask: Ask, tell: () => void): void {
    const falling = this.asks.refused(ask);
    const now = ++this.#tick;
    for (const own of ask) own.refused = Math.min(own.refused, now);
    for (const own of falling) own.falls = now;
    tell();
    const then = ++this.#tick;
    for (const own of falling) own.refused = then;
  }

  #note(about: Omit<ConstructorParameters<typeof OwnWrite>[0], 'asked'>, ask?: Ask): OwnWrite {
    const own = new OwnWrite({ ...about, asked: ++this.#tick }, ask);
    ask?.push(own);
    this.writes.push(own);
    return own;
  }

  #make(way: Way, ask: Ask): Target {
    const made = this.#text();
    const target = new Target({ made });
    this.#note({ action: 'create', target, data: { title: made }, way }, ask);
    return target;
  }

  #ask(answer: Promise<Answer | BatchAnswer | CallAnswer<unknown>>, owns: readonly OwnWrite[] = this.writes.slice(-1)): void {
    this.#wait(
      answer.then((given) => {
        for (const own of owns) own.answer = given as Answer;
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
