import { bindingFor, groupBy, membership, type Binding, type Condition, type Model } from '../../src/core/index.ts';
import { handModel, type HandRow } from '../core/hand-made.ts';

/** The tables of the app that is simulated. `secret` is in no binding's fields. */
export const TABLES = {
  post: ['id', 'blog', 'title', 'secret'],
  task: ['id', 'org', 'title', 'secret'],
  note: ['id', 'audience', 'title', 'secret'],
  member: ['id', 'userId', 'orgId', 'role'],
} as const;
const NUMBERS: readonly string[] = ['id', 'blog', 'org', 'orgId'];
export type TableName = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

export interface User {
  readonly id: string;
  /** The blogs this user may ask for from the start. */
  readonly blogs: readonly number[];
  /** The audiences of notes that this user is in from the start. */
  readonly audiences: readonly string[];
}

export const USERS: readonly User[] = [
  { id: 'ann', blogs: [1, 2], audiences: ['all', 'staff'] },
  { id: 'bob', blogs: [2, 3], audiences: ['all'] },
  { id: 'cid', blogs: [3], audiences: ['all', 'guests'] },
];
export const BLOGS = [1, 2, 3];
export const ORGS = [1, 2, 3];
export const ROLES = ['reader', 'editor'];
/** A note's audience names up to two groups. */
export const AUDIENCES = [null, 'all', 'staff', 'guests', 'staff+guests', 'nobody'];

/** The groups a note's audience names. */
export function groupsIn(audience: Value): readonly string[] {
  return audience === null ? [] : String(audience).split('+');
}

function model(name: TableName): Model<HandRow, HandRow> {
  return {
    ...handModel(
      name,
      TABLES[name].map((column) => ({ name: column, shape: NUMBERS.includes(column) ? 'number' : 'string' })),
    ),
    condition: (where): Condition => ({ sql: 'audience names the group', params: [(where as { group: string }).group] }),
  };
}

export interface App {
  readonly models: Readonly<Record<TableName, Model>>;
  readonly bindings: Readonly<Record<StreamName, Binding>>;
}

export type StreamName = 'posts' | 'tasks' | 'notes';
export const STREAMS: Readonly<Record<StreamName, { readonly table: TableName; readonly fields: readonly string[] }>> = {
  posts: { table: 'post', fields: ['blog', 'title'] },
  tasks: { table: 'task', fields: ['org', 'title'] },
  notes: { table: 'note', fields: ['audience', 'title'] },
};

export interface Release {
  readonly version: number;
  readonly scans: boolean;
  /** Whether a user may ask for a blog, now. */
  may(user: string, blog: number): boolean;
}

/** The app as one release of it is: another `version` is another fingerprint of that stream. */
export function appOf({ version, scans, may }: Release): App {
  const binding = bindingFor<User>();
  const [post, task, note, member] = [model('post'), model('task'), model('note'), model('member')];
  const members = membership(member, { user: 'userId', match: 'orgId', role: 'role' });
  return {
    models: { post, task, note, member } as never,
    bindings: {
      posts: binding(post, {
        fields: ['blog', 'title'],
        writable: ['title'],
        groupNames: groupBy('blog'),
        canSubscribe: (user, { blog }) => may(user.id, Number(blog)),
        hasPermission: (_user, action, _pk, { before }) => action === 'create' || before?.['secret'] !== 'sealed',
        stamp: (_user, action) => (action === 'create' ? { secret: 'by a client' } : {}),
        version,
      }),
      tasks: binding(task, {
        fields: ['org', 'title'],
        writable: ['title'],
        groupNames: groupBy('org'),
        canSubscribe: members,
        hasPermission: members.as('editor'),
        version,
      }),
      notes: binding(note, {
        fields: ['audience', 'title'],
        writable: ['title', 'audience'],
        groupNames: ({ audience }) => groupsIn(audience as Value),
        ...(scans ? {} : { where: (group: string) => ({ group }) }),
        hasPermission: () => true,
      }),
    } as never,
  };
}
