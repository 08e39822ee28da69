import { createClient, type Client, type Kept } from '../../../src/client/index.ts';
import type { App } from '../../support/board.ts';

// What the page of every framework is given, and what it leaves for the test to see.

export interface Given {
  /** Rows that the server rendered; null: it rendered nothing. */
  readonly snapshot: Kept | null;
  /** Suspends instead of showing no rows. */
  readonly suspense: boolean;
}

declare global {
  interface Window {
    readonly given: Given;
    /** How often the component of each row was drawn. */
    readonly drawn: Record<string, number>;
    /** What was shown while there were no rows yet. */
    waited: boolean;
  }
}

export const BLOGS = [1, 2] as const;

/** Leaves views at once: what is still followed after that is a leak. */
export function connect(snapshot: Kept | null): Client<App> {
  return createClient<App>('/binding/', { linger: 0, ...(snapshot && { snapshot }) });
}

/** Counts a drawing of a row; nothing on a server. */
export function drawn(pk: unknown): void {
  const page = globalThis.window as Window | undefined;
  if (page) page.drawn[String(pk)] = (page.drawn[String(pk)] ?? 0) + 1;
}
