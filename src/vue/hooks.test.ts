import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRenderer, effectScope, h, ref, watch, watchEffect, type EffectScope } from 'vue';
import { board, changed, posted, type App, type Asking, type Board } from '../../test/support/board.ts';
import { createHooks } from './index.ts';

const { LiveProvider, useConnection, useDraft, useRow, useStream } = createHooks<App>();

/** As much of a page as components need to live and die in. */
class Place {
  parent: Place | null = null;
  readonly children: Place[] = [];
}
const { createApp } = createRenderer<Place, Place>({
  insert(child, parent, anchor) {
    child.parent = parent;
    parent.children.splice(anchor ? parent.children.indexOf(anchor) : parent.children.length, 0, child);
  },
  remove(child) {
    child.parent?.children.splice(child.parent.children.indexOf(child), 1);
  },
  parentNode: ({ parent }) => parent,
  nextSibling: (node) => node.parent?.children[node.parent.children.indexOf(node) + 1] ?? null,
  createElement: () => new Place(),
  createText: () => new Place(),
  createComment: () => new Place(),
  setText: () => undefined,
  setElementText: () => undefined,
  patchProp: () => undefined,
});

let the: Board;
let blogs = 0;
beforeAll(async () => {
  the = await board();
});
afterAll(() => the[Symbol.asyncDispose]());

async function blog(): Promise<{ readonly blogId: number; readonly pk: number }> {
  const blogId = ++blogs;
  return { blogId, pk: await posted(the.other, { blogId, title: 'one' }) };
}

/** What a component below the provider sets up, and the way to take it off the page. */
function mounted<T>(setup: () => T): Asking & { readonly shown: T; readonly unmount: () => void } {
  const asking = the.asking();
  let shown: T | undefined;
  const Inner = {
    setup() {
      shown = setup();
      return () => null;
    },
  };
  const app = createApp({ render: () => h(LiveProvider, { client: asking.client }, { default: () => h(Inner) }) });
  app.mount(new Place());
  return { ...asking, shown: shown as T, unmount: () => app.unmount() };
}

/** Resolves once what is reactive says so. */
function until(so: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const scope: EffectScope = effectScope(true);
    scope.run(() =>
      watch(
        so,
        (now) => {
          if (!now) return;
          resolve();
          queueMicrotask(() => scope.stop());
        },
        { immediate: true, flush: 'sync' },
      ),
    );
  });
}

describe('in Vue', () => {
  test('a view is asked for from when its component is mounted until it is not', async () => {
    const { blogId } = await blog();
    const { shown, unmount, held } = mounted(() => useStream('posts', { blogId }));
    await until(() => shown.status.value === 'live');
    expect(shown.rows.value).toMatchObject([{ title: 'one' }]);
    expect(held()).toBe(1);
    unmount();
    expect(held()).toBe(0);
  });

  test('params are a ref or a getter too: another value is another view, the same value is the same', async () => {
    const [one, two] = [await blog(), await blog()];
    const params = ref<{ blogId: number } | null>(null);
    const { shown, held, asked } = mounted(() => useStream('posts', params));
    expect([shown.status.value, asked()]).toEqual(['idle', 0]);
    params.value = { blogId: one.blogId };
    await until(() => shown.status.value === 'live');
    params.value = { blogId: one.blogId };
    await until(() => shown.status.value === 'live');
    expect(asked()).toBe(1);
    params.value = { blogId: two.blogId };
    await until(() => shown.status.value === 'live' && shown.rows.value.length === 1);
    expect(shown.rows.value[0]?.blogId).toBe(two.blogId);
    expect([asked(), held()]).toEqual([2, 1]);
    params.value = null;
    expect([shown.rows.value, held()]).toEqual([[], 0]);
  });

  test('an effect that looks for a row is run again when it changes; one that writes is not run again for it', async () => {
    const { blogId, pk } = await blog();
    const titles: unknown[] = [];
    const writes: Promise<unknown>[] = [];
    const { shown, unmount } = mounted(() => useStream('posts', { blogId }));
    await until(() => shown.status.value === 'live');
    const scope = effectScope(true);
    scope.run(() => {
      watchEffect(() => titles.push(shown.row(pk)?.title), { flush: 'sync' });
      watchEffect(
        () => {
          writes.push(shown.update(pk, { title: 'written' }));
        },
        { flush: 'sync' },
      );
    });
    await Promise.all(writes);
    await changed(the.other, blogId, pk, { title: 'changed' });
    await until(() => shown.rows.value[0]?.title === 'changed');
    expect(writes).toHaveLength(1);
    expect(titles).toEqual(['one', 'written', 'changed']);
    scope.stop();
    unmount();
  });

  test('a row, a draft and the connection are refs of their own', async () => {
    const { blogId, pk } = await blog();
    const { shown, held, unmount } = mounted(() => ({
      row: useRow('posts', pk, { blogId }),
      draft: useDraft('posts', pk, () => ({ blogId })),
      connection: useConnection(),
    }));
    await until(() => shown.row.value?.title === 'one' && shown.connection.status.value === 'open');
    shown.draft.values.title = 'mine';
    expect([shown.draft.dirty.value, shown.draft.values.title]).toEqual([true, 'mine']);
    expect(await shown.draft.save()).toEqual({ ok: true, pk });
    await until(() => shown.row.value?.title === 'mine');
    expect([shown.draft.dirty.value, shown.connection.pending.value, held()]).toEqual([false, [], 1]);
    unmount();
    expect(held()).toBe(0);
  });
});
