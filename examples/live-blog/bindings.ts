import { and, eq } from 'drizzle-orm';
import { bindingFor } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import type * as postgres from './schema-postgres.ts';
import type * as sqlite from './schema-sqlite.ts';

/** `authenticate` gives one; who has not signed in is a reader without an id. */
export interface User {
  readonly id?: string;
  readonly role: 'reader' | 'editor';
}

/** The same tables in either database: the bindings say nothing about which. */
export type Tables = Pick<typeof sqlite | typeof postgres, 'blog' | 'integerValue' | 'post'>;
type Post = Tables['post']['$inferSelect'];

const binding = bindingFor<User>();

/** The groups that every visitor is in. */
const everybody = ['intval-updates', 'blogs'];
const readersOf = (blogId: number): string => `blog-${blogId}`;
const editorsOf = (blogId: number): string => `blog-${blogId}-drafts`;

/** Who sees a post, from the post alone: publishing it, and moving it to another blog, move it from group to group. */
const postGroups = ({ blogId, published }: Post): string[] => [published ? readersOf(blogId) : editorsOf(blogId)];

const BLOG_GROUP = /^blog-(\d+)(-drafts)?$/;

/** The groups a visitor of these blogs is in. An editor is in both of a blog's, so a post that is published is an update to him. */
export function groupsOf(user: User, blogs: readonly number[]): string[] {
  return [...everybody, ...blogs.flatMap((blog) => (user.role === 'editor' ? [readersOf(blog), editorsOf(blog)] : [readersOf(blog)]))];
}

export function bindingsOf({ blog, integerValue, post }: Tables) {
  return {
    blogs: binding(drizzle(blog), {
      fields: ['title'],
      groupNames: () => ['blogs'],
    }),
    intval: binding(drizzle(integerValue), {
      fields: ['name', 'value'],
      groupNames: () => ['intval-updates'],
      hasPermission: () => true, // everybody, as in the seed: put your own check here
    }),
    posts: binding(drizzle(post), {
      fields: ['blogId', 'title', 'body', 'published'],
      groupNames: postGroups,
      // The same, asked the other way round: so the rows of a group are found without reading all.
      where: (group) => {
        const [, id, drafts] = BLOG_GROUP.exec(group) ?? [];
        return id === undefined ? null : (and(eq(post.blogId, Number(id)), eq(post.published, !drafts)) ?? null);
      },
      hasPermission: (user) => user.role === 'editor',
    }),
  };
}
