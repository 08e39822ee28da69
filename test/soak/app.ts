import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eq, like } from 'drizzle-orm';
import { bigint, boolean, integer, numeric, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { membership, type Broker } from '../../src/core/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy, rowcast } from '../../src/main/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import type { Node } from './app-process.ts';
import { Pulse } from './pulse.ts';
import { whoseToken, type Person } from './tables.ts';

// The app under test: a program of its own, started as one, so that it can be killed as one. It says its port and, every second, how much memory
// it takes and where it was held up, as lines of JSON; it ends when whoever started it does.

const task = pgTable('task', {
  id: integer('id').primaryKey().generatedByDefaultAsIdentity(),
  org: integer('org'),
  team: integer('team'),
  title: text('title').notNull(),
  body: text('body'),
  rank: bigint('rank', { mode: 'bigint' }),
  due: timestamp('due', { withTimezone: true }),
  secret: text('secret').notNull().default('canary-task'),
});
const note = pgTable('note', {
  id: integer('id').primaryKey(),
  readers: text('readers').notNull().default(''),
  public: boolean('public').notNull(),
  text: text('text').notNull(),
  secret: text('secret').notNull().default('canary-note'),
});
const place = pgTable(
  'place',
  {
    area: text('area'),
    spot: integer('spot'),
    region: text('region'),
    label: text('label').notNull(),
    level: numeric('level'),
    secret: text('secret').notNull().default('canary-place'),
  },
  (table) => [primaryKey({ columns: [table.area, table.spot] })],
);
const price = pgTable('price', {
  id: integer('id').primaryKey(),
  amount: numeric('amount').notNull(),
  currency: text('currency').notNull(),
  hidden: boolean('hidden').notNull(),
  remark: text('remark').notNull(),
  secret: text('secret').notNull().default('canary-price'),
});
const member = pgTable('member', {
  id: integer('id').primaryKey(),
  person: text('person').notNull(),
  org: integer('org').notNull(),
  role: text('role').notNull(),
});
const doc = pgTable('doc', {
  id: integer('id').primaryKey().generatedByDefaultAsIdentity(),
  org: integer('org'),
  title: text('title').notNull(),
  secret: text('secret').notNull().default('canary-doc'),
});

interface User extends Person {
  readonly id: string;
}

const binding = bindingFor<User>();

const tasks = binding(drizzle(task), {
  fields: ['org', 'team', 'title', 'body', 'rank', 'due'],
  writable: ['title', 'body', 'rank'],
  groupNames: groupBy('org', 'team'),
  canSubscribe: (user, { org }) => org !== null && user.orgs.includes(org),
  hasPermission: (user, _action, _pk, { before, data }) => {
    const org = before ? before.org : data.org;
    return user.editor && org !== null && org !== undefined && user.orgs.includes(org);
  },
});

const notes = binding(drizzle(note), {
  fields: ['public', 'text'],
  groupNames: (row) => [...(row.public ? ['public'] : []), ...row.readers.split(',').map((reader) => `reader ${reader}`)],
  where: (group) => (group === 'public' ? eq(note.public, true) : like(note.readers, `%${group.slice('reader '.length)}%`)),
});

const places = binding(drizzle(place), {
  fields: ['area', 'spot', 'region', 'label', 'level'],
  groupNames: groupBy('region'),
  canSubscribe: () => true,
});

const prices = binding(drizzle(price), {
  fields: ['amount', 'currency', 'remark'],
  groupNames: () => ['prices'],
  serialize: (row) => (row.hidden ? null : { label: `${row.amount} ${row.currency}`, remark: row.remark }),
});

const members = membership(drizzle(member), { user: 'person', match: 'org', role: 'role' });
const docs = binding(drizzle(doc), {
  fields: ['org', 'title'],
  groupNames: groupBy('org'),
  canSubscribe: members,
  hasPermission: members.as('editor'),
});

const [url = '', about = 'null'] = process.argv.slice(2);
const node = JSON.parse(about) as Node | null;

async function brokerOf({ kind, address }: NonNullable<Node['broker']>): Promise<Broker> {
  switch (kind) {
    case 'redis':
      return (await import('../../src/redis/index.ts')).redis(address);
    case 'nats':
      return (await import('../../src/nats/index.ts')).nats(address);
    case 'siblings':
      return (await import('../../src/siblings/index.ts')).siblings(address);
  }
}

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const logged =
  (level: string) =>
  (about: object, message: string): void =>
    void process.stderr.write(
      `${level} ${message} ${JSON.stringify(about, (_key, value: unknown) => (value instanceof Error ? String(value) : value))}\n`,
    );

const live = await rowcast({
  source: postgres({ url, slot: node?.slot ?? 'soak', connections: 6 }),
  ...(node?.broker && { broker: await brokerOf(node.broker) }),
  bindings: { tasks, notes, places, prices, docs },
  // Small, so that who was away for long is not remembered; quick, so that a dead link is soon found.
  window: { entries: 1_500 },
  heartbeat: 2,
  log: { info: logged('info'), warn: logged('warn'), error: logged('error') },
});
live.endpoint('/live/', {
  authenticate: (request) => {
    const person = whoseToken(request.headers.get('authorization')?.replace(/^Bearer /, '') ?? '');
    return person && { ...person, id: person.name };
  },
  connectionGroups: (user) => [
    `reader ${user.name}`,
    ...(user.public ? ['public'] : []),
    ...(user.prices ? ['prices'] : []),
    ...user.home.map(([org, team]) => tasks.group({ org, team })),
  ],
});

const http = createServer((_request, response) => response.writeHead(404).end());
live.attach(http);
http.listen(0, '127.0.0.1', () => say({ type: 'listening', port: (http.address() as AddressInfo).port }));

// By the clock that all processes share.
const shared = (at: number): number => performance.timeOrigin + at;
const pulse = new Pulse(({ from, until, busyMs }) => say({ type: 'held up', from: shared(from), until: shared(until), busyMs }));
setInterval(() => {
  const { rss, heapUsed } = process.memoryUsage();
  say({ type: 'alive', at: shared(pulse.last), rss, heapUsed, leads: live.health().leads });
}, 1_000).unref();

process.stdin.on('end', () => process.exit(0)).resume();
