import { renderToString } from 'react-dom/server';
import type { Kept } from 'rowcast/client';
import { App, type Me } from './app.tsx';
import { clientOf } from './live.ts';

/** What a page is made from, on the server and in the browser. */
export interface Page {
  readonly path: string;
  /** Null: nobody is signed in. */
  readonly me: Me | null;
  readonly kept: Kept | null;
}

/** One client for each page: nothing of one user is ever in another's. */
export function render({ path, me, kept }: Page): string {
  const client = clientOf(kept);
  try {
    return renderToString(<App path={path} me={me} client={client} />);
  } finally {
    client.close();
  }
}
