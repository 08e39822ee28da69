import { StrictMode, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { createClient } from 'rowcast/client';
import { Feed } from './feed.tsx';
import { LiveProvider, useConnection, useStream, type App } from './live.ts';
import { role } from './page.ts';

const PAGES = { '/': 'Posts', '/intval': 'Integer values' } as const;

interface FrameProps {
  /** The page's own endpoint: what is asked for is in its query. */
  readonly url: string;
  readonly stream: 'posts' | 'intval';
  readonly hints: ReactNode;
  readonly children: ReactNode;
}

/** The bar, and what stands beside each of the two pages. */
export function show({ url, stream, hints, children }: FrameProps): void {
  createRoot(document.getElementById('root') as HTMLElement).render(
    <StrictMode>
      <LiveProvider client={createClient<App>(url)}>
        <Bar stream={stream} />
        <div className="columns">
          <main>{children}</main>
          <aside>
            <section className="card hints">
              <h2>Try it</h2>
              {hints}
            </section>
            <Feed stream={stream} name={stream === 'posts' ? 'post' : 'value'} />
          </aside>
        </div>
      </LiveProvider>
    </StrictMode>,
  );
}

function Bar({ stream }: Pick<FrameProps, 'stream'>) {
  return (
    <header className="bar">
      <a className="brand" href="/">
        <img src={new URL('./icon.svg', import.meta.url).href} alt="" width="26" height="26" />
        Live blog
      </a>
      <nav aria-label="Pages">
        {Object.entries(PAGES).map(([path, name]) => (
          <a key={path} href={path} aria-current={location.pathname === path ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <form className="roles" method="post" action="/login" aria-label="Sign in as">
        {(['reader', 'editor'] as const).map((each) => (
          <button key={each} name="role" value={each} aria-pressed={each === role}>
            {each === 'reader' ? 'Reader' : 'Editor'}
          </button>
        ))}
      </form>
      <Pill stream={stream} />
    </header>
  );
}

const SAYS = {
  connecting: 'Connecting…',
  open: 'Live',
  syncing: 'Loading…',
  stale: 'Catching up…',
  waiting: 'Reconnecting…',
  'signed-out': 'Signed out',
  failed: 'Not connected: reload the page',
  closed: 'Closed',
} as const;

function Pill({ stream }: Pick<FrameProps, 'stream'>) {
  const connection = useConnection();
  const rows = useStream(stream);
  const status = connection.status === 'open' && (rows.status === 'syncing' || rows.status === 'stale') ? rows.status : connection.status;
  return (
    <p className="pill" role="status" data-status={status}>
      {SAYS[status]}
    </p>
  );
}
