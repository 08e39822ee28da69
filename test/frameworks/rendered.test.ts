import { createElement, type ReactElement } from 'react';
import { renderToString as renderReact } from 'react-dom/server';
import { createComponent, renderToString as renderSolid } from 'solid-js/web';
import { createSSRApp, defineComponent, h } from 'vue';
import { renderToString as renderVue } from 'vue/server-renderer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient, type Client, type Kept } from '../../src/client/index.ts';
import { createHooks as createReactHooks } from '../../src/react/index.ts';
import { createHooks as createSolidHooks } from '../../src/solid/index.ts';
import { createHooks as createVueHooks } from '../../src/vue/index.ts';
import { board, posted, type App, type Board } from '../support/board.ts';

// A page of posts, rendered where there is no page: by each framework's own renderer.

const react = createReactHooks<App>();
const vue = createVueHooks<App>();
const solid = createSolidHooks<App>();

function ReactPosts({ blogId }: { readonly blogId: number }): ReactElement {
  const { rows, status } = react.useStream('posts', { blogId });
  return createElement('p', null, `${status} ${react.useConnection().status} ${rows.map(({ title }) => title).join()}`);
}
const VuePosts = defineComponent({
  props: { blogId: { type: Number, required: true } },
  setup(props) {
    const { rows, status } = vue.useStream('posts', () => ({ blogId: props.blogId }));
    const connection = vue.useConnection();
    return () => h('p', `${status.value} ${connection.status.value} ${rows.value.map(({ title }) => title).join()}`);
  },
});
function SolidPosts(props: { readonly blogId: number }): string {
  const { rows, status } = solid.useStream('posts', () => ({ blogId: props.blogId }));
  return `${status()} ${solid.useConnection().status()} ${rows()
    .map(({ title }) => title)
    .join()}`;
}

interface Renderer {
  readonly name: string;
  readonly render: (client: Client<App>, blogId: number) => string | Promise<string>;
  readonly bare: () => string | Promise<string>;
}

const renderers: readonly Renderer[] = [
  {
    name: 'React',
    render: (client, blogId) => renderReact(createElement(react.LiveProvider, { client }, createElement(ReactPosts, { blogId }))),
    bare: () => renderReact(createElement(ReactPosts, { blogId: 1 })),
  },
  {
    name: 'Vue',
    render: (client, blogId) =>
      renderVue(createSSRApp({ render: () => h(vue.LiveProvider, { client }, { default: () => h(VuePosts, { blogId }) }) })),
    bare() {
      const app = createSSRApp({ render: () => h(VuePosts, { blogId: 1 }) });
      app.config.warnHandler = () => undefined;
      return renderVue(app);
    },
  },
  {
    name: 'Solid',
    render: (client, blogId) =>
      renderSolid(() =>
        createComponent(solid.LiveProvider, {
          client,
          get children() {
            return createComponent(SolidPosts, { blogId });
          },
        }),
      ),
    bare: () => renderSolid(() => createComponent(SolidPosts, { blogId: 1 })),
  },
];

let the: Board;
beforeAll(async () => {
  the = await board();
  await posted(the.other, { blogId: 1, title: 'one' });
  await posted(the.other, { blogId: 2, title: 'two' });
});
afterAll(() => the[Symbol.asyncDispose]());

/** What a server reads for one of its users, as plain data. */
async function read(user: string, blogId: number): Promise<Kept> {
  const kept = await the.world.live.as({ id: user }).snapshot([['posts', { blogId }]]);
  return JSON.parse(JSON.stringify(kept)) as Kept;
}

describe.each(renderers)('$name on a server', ({ render, bare }) => {
  test('renders the rows it was given, opens no socket, and asks for nothing', async () => {
    let sockets = 0;
    class Counted extends WebSocket {
      constructor(url: string, protocols: string[]) {
        sockets++;
        super(url, protocols);
      }
    }
    const client = createClient<App>('/binding/', { snapshot: await read('ann', 1), webSocket: Counted as never });
    const html = await render(client, 1);
    expect(html).toMatch(/ connecting one/);
    expect(await render(client, 1)).toBe(html);
    expect(sockets).toBe(0);
  });

  test('shows one user nothing of another, however they are rendered at the same time', async () => {
    const [ann, bob] = await Promise.all([read('ann', 1), read('bob', 2)]);
    const clients = [ann, bob].map((snapshot) => createClient<App>('/binding/', { snapshot }));
    const pages = await Promise.all(clients.flatMap((client) => [render(client, 1), render(client, 2)]));
    expect(pages.map((html) => [html.includes('one'), html.includes('two')])).toEqual([
      [true, false],
      [false, false],
      [false, false],
      [false, true],
    ]);
  });

  test('says what to do where there is no provider', async () => {
    await expect((async () => bare())()).rejects.toThrow(/LiveProvider/);
  });
});
