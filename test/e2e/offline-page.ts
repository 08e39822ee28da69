import { createClient, indexedDb, type Client } from '../../src/client/index.ts';

/** What a test does in a page, under `page` of its window. */
export interface OfflinePage {
  open(user: string): void;
  /** Fifty writes of every kind. Gives the texts that the database writes down when they are done, in order. */
  fifty(): readonly string[];
  titles(): readonly string[];
  /** How many writes wait, and how many of them another page left. */
  waiting(): { readonly all: number; readonly kept: number };
  status(): string;
  /** How many rows are in the browser's database, and how many writes. */
  inDatabase(): Promise<{ readonly rows: number; readonly writes: number }>;
  /** Past everything that was committed before. */
  past(): Promise<boolean>;
}

let client: Client;
type Posts = ReturnType<Client['stream']>;
let posts: Posts;

const page: OfflinePage = {
  open(user) {
    client = createClient('/', { keep: { in: indexedDb(), user, rows: ['posts'] }, delay: () => 50 });
    posts = client.stream('posts');
    posts.on('current', () => undefined);
  },
  fifty() {
    const texts: string[] = [];
    for (let at = 0; at < 16; at++) {
      void posts.create({ title: `made ${at}` });
      void posts.update(posts.pk(posts.rows.at(-1) ?? {}), { note: `of made ${at}` });
      void posts.update(1 + (at % 3), { title: `of row ${at}` });
      texts.push(`made ${at}`, `of made ${at}`, `of row ${at}`);
    }
    void client.batch(() => {
      void posts.delete(5);
      void posts.create({ title: 'made in a batch' });
    });
    void client.call('retitle', { titles: [[4, 'by call']] }, { optimistic: () => void posts.update(4, { title: 'by call' }) });
    return [...texts, '-5', 'made in a batch', 'by call'];
  },
  titles: () => posts.rows.map(({ title }) => String(title)),
  waiting: () => ({ all: client.pending.length, kept: client.pending.filter(({ kept }) => kept).length }),
  status: () => posts.status,
  async inDatabase() {
    const all = (await indexedDb().all('')) as readonly ({ readonly rows?: readonly unknown[]; readonly says?: unknown } | null)[];
    return {
      rows: all.reduce((sum, each) => sum + (each?.rows?.length ?? 0), 0),
      writes: all.filter((each) => each?.says).length,
    };
  },
  past: async () => (await client.call('retitle', { titles: [] })).ok,
};

Object.assign(globalThis, { page });
