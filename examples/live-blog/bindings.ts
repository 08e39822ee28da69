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
export type Tables = Pick<typeof sqlite | typeof postgres, 'integerValue' | 'post'>;
type Post = Tables['post']['$inferSelect'];

const binding = bindingFor<User>();

export const valueGroup = 'intval-updates';
const readersOf = (blogId: number): string => `blog-${blogId}`;
const editorsOf = (blogId: number): string => `blog-${blogId}-drafts`;

/** Who sees a post, from the post alone: publishing it, and moving it to another blog, move it from group to group. */
const postGroups = ({ blogId, published }: Post): string[] => [published ? readersOf(blogId) : editorsOf(blogId)];

/** The groups a visitor of these blogs is in. An editor is in both of a blog's, so a post that is published is an update to him. */
export function groupsOf(user: User, blogs: readonly number[]): string[] {
  return blogs.flatMap((blog) => (user.role === 'editor' ? [readersOf(blog), editorsOf(blog)] : [readersOf(blog)]));
}

export function mayRead(user: User, post: Post): boolean {
  const held = groupsOf(user, [post.blogId]);
  return postGroups(post).some((group) => held.includes(group));
}

export function bindingsOf({ integerValue, post }: Tables) {
  return {
    intval: binding(drizzle(integerValue), {
      fields: ['name', 'value'],
      groupNames: () => [valueGroup],
      hasPermission: () => true, // everybody, as in the seed: put your own check here
    }),
    posts: binding(drizzle(post), {
      fields: ['blogId', 'title', 'body', 'published'],
      groupNames: postGroups,
      hasPermission: (user) => user.role === 'editor',
    }),
  };
}
