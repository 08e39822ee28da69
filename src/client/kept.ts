import type { Data, Key, Params, Position, StreamInfo } from '../protocol/index.ts';
import type { Subscription } from './subscription.ts';

/** One view as it was at a position: enough to show it, and to go on from there. */
export interface KeptView {
  readonly stream: string;
  readonly params?: Params;
  /** What the server said of the stream: how its values are revived. */
  readonly info: Pick<StreamInfo, 'key' | 'fields' | 'writable'>;
  readonly rows: readonly (readonly [pk: Key, data: Data])[];
  readonly position: Position;
  /** What shows the server that it may be gone on from. */
  readonly token: string;
}

/** Views of one user, as plain data: what a server rendered a page from, or what a page kept for the next time. */
export interface Kept {
  /** Whose they are, as `welcome` said it. */
  readonly user: string | null;
  readonly views: readonly KeptView[];
}

/** A view as it may be gone on from another time; null: it may not. */
export function keptView({ stream, params, info, rows, position, token }: Subscription): KeptView | null {
  if (token === undefined || !info) return null;
  const all = Array.from(rows.all(), ({ pk, data }) => [pk, data] as const);
  return { stream, ...(params && { params }), info, rows: all, position, token };
}

/** What was kept another time is shown until there is a connection to go on from it. */
export function restore(view: Subscription, { info, rows, position, token }: KeptView): void {
  view.learn(info);
  for (const [pk, data] of rows) view.rows.add(pk, data);
  view.rows.swap();
  view.position = position;
  view.token = token;
  view.known = true;
}
