import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bindingFor, groupBy } from '../../src/main/index.ts';
import { databases, type TestDatabase } from '../support/databases.ts';
import { until } from '../support/fleet.ts';
import type { Viewer } from '../support/viewer.ts';
import { world, type World } from '../support/world.ts';

// Twelve ways of a row through the groups, for eight kinds of viewers: what a row said while they could not see it, nobody is ever told, in any byte.

/** The groups that each holds. */
const ROLES: Readonly<Record<string, readonly number[]>> = {
  'nobody in particular': [],
  'of a': [1],
  'of b': [2],
  'of both': [1, 2],
  'of another': [3],
  'of a and another': [1, 3],
  'of b and another': [2, 3],
  'of all': [1, 2, 3],
};

/** A row as it stands for a while: in which group, and as what; null: it is not there. */
type Standing = { readonly group: number; readonly text: string } | null;
interface Way {
  /** Each is a transaction of its own, of one or more statements; only what one ends with is ever seen. */
  readonly commits: readonly (readonly Standing[])[];
}

let texts = 0;
const at = (group: number): Standing => ({ group, text: `CANARY-${++texts}-` });
const WAYS: Readonly<Record<string, Way>> = {
  'is made in a': { commits: [[at(1)]] },
  'is made in b': { commits: [[at(2)]] },
  'changes in a': { commits: [[at(1)], [at(1)]] },
  'goes from a to b': { commits: [[at(1)], [at(2)]] },
  'goes from b to a': { commits: [[at(2)], [at(1)]] },
  'goes where nobody of these is': { commits: [[at(1)], [at(9)]] },
  'comes from where nobody of these is': { commits: [[at(9)], [at(1)]] },
  'is deleted in a': { commits: [[at(1)], [null]] },
  'is deleted in b, having been in a': { commits: [[at(1)], [at(2)], [null]] },
  'is in b for a moment inside of a transaction': { commits: [[at(1)], [at(2), at(1)]] },
  'is made and gone inside of a transaction': { commits: [[at(1), null]] },
  'is deleted and made again elsewhere, at one stroke': { commits: [[at(1)], [null, at(2)]] },
};

const binding = bindingFor<{ readonly groups: readonly number[] }>();

describe.each(databases)('on $name', ({ open }) => {
  let database: TestDatabase;
  let w: World<Record<never, never>>;
  let id = 100;
  const viewers = new Map<string, Viewer>();

  beforeAll(async () => {
    database = await open();
    const posts = binding(database.models.post, {
      fields: ['blogId', 'title'],
      groupNames: groupBy('blogId'),
    });
    w = (await world({ source: database.source, bindings: { posts } })) as never;
    w.live.endpoint('/', {
      authenticate: (request: Request) => ({ groups: ROLES[decodeURIComponent(new URL(request.url).searchParams.get('as') ?? '')] ?? [] }),
      connectionGroups: (user: { readonly groups: readonly number[] }) => user.groups.map((blogId) => posts.group({ blogId })),
    } as never);
    for (const role of Object.keys(ROLES)) viewers.set(role, await w.viewer(`/?as=${encodeURIComponent(role)}`));
  });
  afterAll(async () => {
    await w[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const statement = (standing: Standing, was: Standing): string => {
    if (standing === null) return `DELETE FROM post WHERE id = ${id}`;
    const { group, text } = standing;
    return was === null
      ? `INSERT INTO post (id, blog_id, title, owner, secret) VALUES (${id}, ${group}, '${text}', 'ann', 'SECRET-CANARY')`
      : `UPDATE post SET blog_id = ${group}, title = '${text}' WHERE id = ${id}`;
  };

  /** Everything that a row's way showed at the ends of its transactions. */
  async function walk({ commits }: Way): Promise<void> {
    id++;
    let was: Standing = null;
    for (const steps of commits) {
      const sql: string[] = [];
      for (const step of steps) {
        sql.push(statement(step, was));
        was = step;
      }
      await database.run(`BEGIN; ${sql.join('; ')}; COMMIT`);
      await w.live.settled(); // SQLite tells what became visible at once as one commit
    }
    for (const viewer of viewers.values()) await viewer.caughtUp();
  }

  for (const [name, way] of Object.entries(WAYS)) {
    describe(`a row that ${name}`, () => {
      beforeAll(() => walk(way));
      const shown = way.commits.map((steps) => steps.at(-1) as Standing);
      const never = way.commits.flatMap((steps) => steps.slice(0, -1));
      test.each(Object.entries(ROLES))('tells who is %s what they may see of it, and nothing else', (role, groups) => {
        const viewer = viewers.get(role) as Viewer;
        for (const standing of shown)
          if (standing) expect([standing.text, viewer.saw(standing.text)]).toEqual([standing.text, groups.includes(standing.group)]);
        for (const standing of never) if (standing) expect(viewer.saw(standing.text)).toBe(false);
        expect(viewer.saw('SECRET')).toBe(false);
      });
    });
  }

  test('there are 96 of them', () => {
    expect(Object.keys(WAYS).length * Object.keys(ROLES).length).toBe(96);
  });

  test('a table that is emptied tells nobody what was in it', async () => {
    const text = 'CANARY-of-the-last-';
    await database.run(`INSERT INTO post (id, blog_id, title, owner, secret) VALUES (99, 2, '${text}', 'ann', 'SECRET')`);
    await w.live.settled();
    await database.run('DELETE FROM post');
    await w.live.settled();
    const all = viewers.get('of all') as Viewer;
    await until(() => all.changes.at(-1)?.[1] === 'delete');
    for (const [role, groups] of Object.entries(ROLES)) expect([role, viewers.get(role)?.saw(text)]).toEqual([role, groups.includes(2)]);
    for (const viewer of viewers.values())
      for (const [, action, , fields] of viewer.changes) if (action === 'delete') expect(fields).toBeUndefined();
  });
});
