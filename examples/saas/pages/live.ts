import { createClient, type Client, type Kept } from 'rowcast/client';
import { createHooks } from 'rowcast/react';
import type { LiveApp } from '../server/app.ts';

export const { LiveProvider, useClient, useStream, useRow, useDraft, useConnection } = createHooks<LiveApp>();

export type LiveClient = Client<LiveApp>;

/** Goes on from the rows a page was rendered from. Without any (somebody is still to sign in) it connects when something is asked for. */
export function clientOf(kept: Kept | null): LiveClient {
  return createClient<LiveApp>('/live/', { snapshot: kept ?? { user: null, views: [] } });
}
