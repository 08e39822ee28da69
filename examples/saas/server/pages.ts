import { asc, eq } from 'drizzle-orm';
import type { FastifyInstance } from 'fastify';
import type { Kept } from 'rowcast/client';
import type { Page } from '../pages/server.tsx';
import type { App } from './app.ts';
import { userOf, type User } from './auth.ts';
import { headersOf } from './routes.ts';
import { member, organisation } from './schema.ts';

/** How pages come about: by Vite's dev server, or from what `npm run build` made. */
export interface Bundle {
  /** The page's `#root`, as React renders it on the server. */
  render(page: Page): Promise<string>;
  readonly styles: readonly string[];
  readonly scripts: readonly string[];
}

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'content-security-policy': "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
};

type Parts = Pick<App, 'auth' | 'db' | 'live'> & { readonly bundle: Bundle };

/** Every page, rendered with its first rows in it. The browser's client goes on from where they were read: nothing is read twice. */
export function pageRoutes(http: FastifyInstance, { auth, db, live, bundle }: Parts): void {
  const html = async (page: Page): Promise<string> => documentOf(bundle, page, await bundle.render(page));

  http.get('/sign-in', async (request, reply) => {
    if (await userOf(auth, headersOf(request))) return reply.redirect('/');
    return reply.headers(HEADERS).send(await html({ path: '/sign-in', me: null, kept: null }));
  });

  for (const url of ['/', '/:slug', '/:slug/:page']) {
    http.get<{ Params: { slug?: string; page?: string } }>(url, async (request, reply) => {
      const user = await userOf(auth, headersOf(request));
      if (!user) return reply.redirect('/sign-in');
      const { slug, page } = request.params;
      const theirs = await organisationsOf(user);
      const [first] = theirs;
      if (slug === undefined && first) return reply.redirect(`/${first.slug}`);
      const here = theirs.find((each) => each.slug === slug);
      const kept = await firstRows(user, here?.id ?? null, page);
      reply.status(slug === undefined || here ? 200 : 404).headers(HEADERS);
      return reply.send(await html({ path: request.url.split('?')[0] ?? '/', me: { id: user.id, name: user.name }, kept }));
    });
  }

  const organisationsOf = ({ id }: User) =>
    db
      .select({ id: organisation.id, slug: organisation.slug })
      .from(organisation)
      .innerJoin(member, eq(member.orgId, organisation.id))
      .where(eq(member.userId, id))
      .orderBy(asc(organisation.name));

  /** By the same bindings and the same checks as over the socket. */
  async function firstRows(user: User, orgId: number | null, page: string | undefined): Promise<Kept> {
    const client = live.as(user);
    try {
      if (orgId === null) return await client.snapshot(['organisations']);
      return await client.snapshot([
        'organisations',
        ['people', { orgId }],
        page === 'trash' ? ['trash', { orgId }] : ['tasks', { orgId }],
      ]);
    } finally {
      client.close();
    }
  }
}

function documentOf({ styles, scripts }: Bundle, page: Page, root: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Plume</title>
    <link rel="icon" href="data:," />
    ${styles.map((href) => `<link rel="stylesheet" href="${href}" />`).join('\n    ')}
  </head>
  <body>
    <div id="root">${root}</div>
    <script type="application/json" id="page">${JSON.stringify(page).replaceAll('<', '\\u003c')}</script>
    ${scripts.map((src) => `<script type="module" src="${src}"></script>`).join('\n    ')}
  </body>
</html>
`;
}
