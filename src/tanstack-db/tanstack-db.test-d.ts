// Compiled, never run: what must not compile is marked, and a mark without an error is an error.
import { createCollection, createTransaction } from '@tanstack/db';
import { createClient } from '../client/index.ts';
import { rowcastCollectionOptions, sendTo } from './index.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <A, B>(same: Same<A, B>): boolean => same;

interface App {
  readonly path: string;
  readonly types?: {
    readonly streams: {
      readonly posts: {
        row: { id: number; blogId: number; title: string; at: Date | null; secret: string };
        fields: 'blogId' | 'title' | 'at';
        writable: 'title';
        params: 'blogId';
        insert: { blogId: number; title: string; at?: Date | null };
        key: 'id';
      };
      readonly seats: {
        row: { hall: string; row: number; taken: string | null };
        fields: 'taken';
        writable: 'taken';
        params: never;
        insert: { hall: string; row: number; taken?: string | null };
        key: 'hall' | 'row';
      };
      readonly chat: { readonly consumer: true };
    };
  };
}
const client = createClient<App>('/');

const posts = createCollection(rowcastCollectionOptions({ client, stream: 'posts', params: { blogId: 7 }, id: 'posts', gcTime: 1_000 }));
is<NonNullable<ReturnType<typeof posts.get>>['title'], string>(true);
is<NonNullable<ReturnType<typeof posts.get>>['at'], Date | null>(true);
posts.update(7, (post) => {
  post.title = 'New';
  // @ts-expect-error another type
  post.title = 7;
  // @ts-expect-error a column that is not among the fields
  post.secret = 'x';
});
posts.insert({ id: -1, blogId: 7, title: 'T', at: null });
// @ts-expect-error a row of which something is missing
posts.insert({ id: -1, blogId: 7 });
void createTransaction({ mutationFn: sendTo(client) });

createCollection(rowcastCollectionOptions({ client, stream: 'posts', params: { blogId: [1, 2] } }));
createCollection(rowcastCollectionOptions({ client, stream: 'seats', key: ['hall', 'row'] }));
// @ts-expect-error a key that has no column `id` has to be named
rowcastCollectionOptions({ client, stream: 'seats' });
// @ts-expect-error no column of the key
rowcastCollectionOptions({ client, stream: 'seats', key: 'taken' });
// @ts-expect-error a column that groups nothing
rowcastCollectionOptions({ client, stream: 'posts', params: { title: 'x' } });
// @ts-expect-error a stream without params
rowcastCollectionOptions({ client, stream: 'seats', key: ['hall', 'row'], params: {} });
// @ts-expect-error a stream that the endpoint does not offer
rowcastCollectionOptions({ client, stream: 'users' });
// @ts-expect-error a consumer has no rows
rowcastCollectionOptions({ client, stream: 'chat' });
// @ts-expect-error the server says what is accepted
rowcastCollectionOptions({ client, stream: 'posts', schema: null });
