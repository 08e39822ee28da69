import { beforeAll, describe, expect, test, afterAll } from 'vitest';
import { bindingFor, type Bindings } from '../../src/main/index.ts';
import { HandClock, turns } from '../support/clock.ts';
import { databases, models, type TestDatabase } from '../support/databases.ts';
import { world, type World } from '../support/world.ts';

// Who may do what to which row, against a model written down here: 8 roles × 4 actions × 6 rows.

interface Member {
  readonly id: string;
  readonly role: Role;
}
const ROLES = ['nobody', 'reader', 'author', 'editor', 'creator', 'deleter', 'thrower', 'maybe'] as const;
type Role = (typeof ROLES)[number];
const ACTIONS = ['create', 'update', 'move', 'delete'] as const;
type Act = (typeof ACTIONS)[number];
/** Seen and one's own; seen and another's; published or not; not seen; not there. */
const ROWS = ['own', 'foreign', 'draft', 'hidden', 'hidden own', 'absent'] as const;
type RowKind = (typeof ROWS)[number];

const binding = bindingFor<Member | null>();
type Verb = 'create' | 'update' | 'delete';
type Judge = (user: Member | null, action: Verb, before: { owner: string | null; published: boolean } | null) => boolean;
const may: Judge = (user, action, before) => {
  switch (user?.role) {
    case 'author':
      return action === 'create' || before?.owner === user.id;
    case 'editor':
      return true;
    case 'creator':
      return action === 'create';
    case 'deleter':
      return action === 'delete' && before?.published === true;
    case 'thrower':
      throw new Error('canary: on purpose');
    case 'maybe':
      return 'yes' as never; // true is yes, nothing else is
    default:
      return false;
  }
};

/** What must come out, said independently of the server. */
function expected(role: Role, act: Act, kind: RowKind): 'ok' | 'forbidden' | 'not_found' {
  if (act === 'create') return role === 'author' || role === 'editor' || role === 'creator' ? 'ok' : 'forbidden';
  if (kind === 'absent') return 'not_found';
  const own = kind === 'own' || kind === 'hidden own';
  const allowed = role === 'editor' || (role === 'author' && own) || (role === 'deleter' && act === 'delete' && kind !== 'draft');
  if (allowed) return 'ok';
  return kind.startsWith('hidden') ? 'not_found' : 'forbidden';
}

const row = (kind: RowKind, user: string) => ({
  blog: kind.startsWith('hidden') ? 2 : 1,
  owner: kind === 'own' || kind === 'hidden own' ? user : 'somebody',
  published: kind !== 'draft',
});

describe.each(databases)('on $name', ({ open }) => {
  let database: TestDatabase;
  let w: World<Bindings>;
  beforeAll(async () => {
    database = await open();
    const posts = binding(database.models.post, {
      fields: ['blogId', 'title', 'owner', 'published'],
      writable: ['title', 'blogId'],
      groupNames: ({ blogId }) => [`blog-${blogId}`],
      hasPermission: (user, action, _pk, { before }) =>
        user?.role === 'author' ? Promise.resolve(may(user, action, before)) : may(user, action, before),
    });
    w = (await world({ source: database.source, bindings: { posts } })) as unknown as World<Bindings>;
  });
  afterAll(async () => {
    await w[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  test.each(ROLES)('%s: every action on every row comes out as the model says, and only an ok changes anything', async (role) => {
    const client = w.live.as({ id: `${role}-1`, role }, { groups: ['blog-1'] });
    const posts = client.stream('posts');
    for (const act of ACTIONS) {
      for (const kind of ROWS) {
        const { blog, owner, published } = row(kind, `${role}-1`);
        const flag = database.models.post.dialect === 'postgres' ? String(published) : String(Number(published));
        await database.run(`INSERT INTO post (blog_id, title, owner, published) VALUES (${blog}, 'kept', '${owner}', ${flag})`);
        const [last] = (await database.all('SELECT max(id) AS id FROM post')) as { id: number }[];
        const id = kind === 'absent' ? 1_000_000 : Number(last?.id);
        const before = JSON.stringify(await database.all('SELECT * FROM post ORDER BY id'));
        const answer =
          act === 'create'
            ? await posts.create({ title: 'new', blogId: 1 } as never)
            : act === 'update'
              ? await posts.update(id, { title: 'changed' } as never)
              : act === 'move'
                ? await posts.update(id, { blogId: 3 } as never)
                : await posts.delete(id);
        const outcome = answer.ok ? 'ok' : answer.code;
        expect([role, act, kind, outcome]).toEqual([role, act, kind, expected(role, act, kind)]);
        const state = async (): Promise<string> => JSON.stringify(await database.all('SELECT * FROM post ORDER BY id'));
        // Postgres tells its log of a commit a moment before other connections see it: so an `ok` may be here first.
        if (answer.ok) await expect.poll(state).not.toBe(before);
        else expect(await state()).toBe(before);
      }
    }
    client.close();
  });

  test('a row that is not seen and a row that is not there are answered in the same bytes', async () => {
    await database.run("INSERT INTO post (blog_id, title, owner) VALUES (2, 'hidden', 'somebody')");
    const [last] = (await database.all('SELECT max(id) AS id FROM post')) as { id: number }[];
    w.live.endpoint('/oracle/', {
      connectionGroups: () => ['blog-1'],
      authenticate: () => ({ id: 'r', role: 'reader' as const }) as never,
    });
    const answers: string[] = [];
    for (const pk of [Number(last?.id), 1_000_000]) {
      for (const action of ['update', 'delete']) {
        const viewer = await w.viewer('/oracle/');
        viewer.send({ type: 'write', id: 1, stream: 'posts', action, pk, ...(action === 'update' ? { data: { title: 'x' } } : {}) });
        await viewer.next('result');
        answers.push(viewer.texts.findLast((text) => text.includes('"result"')) as string);
        await viewer.close();
      }
    }
    expect(new Set(answers).size).toBe(1);
  });
});

test('a permission that hangs is a no after its time, and the socket goes on', async () => {
  const clock = new HandClock();
  const posts = bindingFor<null>()(models.integerValue, {
    fields: ['name', 'value'],
    groupNames: () => ['values'],
    hasPermission: (_user, action) => (action === 'delete' ? new Promise<boolean>(() => undefined) : true),
  });
  await using w = await world({ bindings: { posts }, clock });
  w.live.endpoint('/', { connectionGroups: () => ['values'] });
  const viewer = await w.viewer('/');
  const made = await viewer.write('posts', 'create', { data: { name: 'n', value: 1 } });
  expect(made).toMatchObject({ ok: true });
  const deleting = viewer.write('posts', 'delete', { pk: made.ok ? made.pk : 0 });
  for (let second = 0; second < 8; second++) {
    await turns(30);
    await clock.pass(1_000);
  }
  expect(await deleting).toMatchObject({ ok: false, code: 'forbidden' });
  expect(await viewer.write('posts', 'create', { data: { name: 'm', value: 1 } })).toMatchObject({ ok: true });
});

test.each(['authenticate', 'connectionGroups'] as const)(
  '%s that hangs or throws is a refused handshake, and says nothing of why',
  async (hook) => {
    const clock = new HandClock();
    await using w = await world({ bindings: {}, clock });
    w.live.endpoint('/throws/', { [hook]: () => { throw new Error('canary'); } } as object); // prettier-ignore
    w.live.endpoint('/hangs/', { [hook]: () => new Promise(() => undefined) } as object);
    await expect(w.viewer('/throws/')).rejects.toThrow('500');
    const hanging = w.viewer('/hangs/').then(
      () => 'let in',
      (error: Error) => error.message,
    );
    for (let second = 0; second < 8; second++) {
      await turns(30);
      await clock.pass(1_000);
    }
    expect(await hanging).toContain('500');
  },
);
