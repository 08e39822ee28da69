// Compiled, never run: what must not compile is marked, and a mark without an error is an error.
import type { Answer } from '../client/index.ts';
import { createHooks } from './index.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <A, B>(same: Same<A, B>): boolean => same;

interface App {
  readonly types?: {
    readonly streams: {
      readonly posts: {
        readonly row: { id: number; blogId: number; title: string; at: Date | null };
        readonly fields: 'blogId' | 'title' | 'at';
        readonly writable: 'title';
        readonly params: 'blogId';
        readonly insert: { id?: number; blogId: number; title: string; at?: Date | null };
        readonly key: 'id';
      };
      readonly log: {
        readonly row: { id: number; line: string };
        readonly fields: 'line';
        readonly writable: never;
        readonly params: never;
        readonly insert: { line: string };
        readonly key: 'id';
      };
      readonly chat: { readonly consumer: true };
      readonly publish: { readonly command: true; readonly input: { id: number }; readonly output: void };
    };
  };
}

const { useStream, useRow, useDraft, useConnection } = createHooks<App>();

const posts = useStream('posts', { blogId: 7 });
is<(typeof posts.rows)[number]['title'], string>(true);
is<(typeof posts.rows)[number]['id'], number>(true);
is<ReturnType<typeof posts.update>, Promise<Answer>>(true);
void posts.create({ title: 'x' });
useStream('posts', { blogId: [1, 2] });
useStream('posts', null);
useStream('posts', 'skip');
useStream('posts');
useStream('log');
useStream('log', undefined, { suspense: true });
// @ts-expect-error a stream that the endpoint does not offer
useStream('users');
// @ts-expect-error a stream of the app's own has no rows
useStream('chat');
// @ts-expect-error a command is called
useStream('publish');
// @ts-expect-error a column that groups nothing
useStream('posts', { title: 'x' });
// @ts-expect-error a stream without params
useStream('log', { line: 'x' });
// @ts-expect-error a field that is not given
void posts.rows[0]?.notes;
// @ts-expect-error a field that may not be written
void posts.update(1, { at: null });
// @ts-expect-error handles are closed by who made them
posts.close();

const row = useRow('posts', 3, { blogId: 7 });
is<(typeof row & object)['at'], Date | null>(true);
// @ts-expect-error there may be none
void row.title;

const draft = useDraft('posts', null, { blogId: 7 });
draft.set('title', 'x');
is<typeof draft.values.title, string | undefined>(true);
is<typeof draft.errors.title, string | undefined>(true);
// @ts-expect-error another type
draft.set('title', 7);
// @ts-expect-error a field that may not be written
draft.set('at', null);

is<ReturnType<typeof useConnection>['pending']['length'], number>(true);
