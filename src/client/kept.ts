import type { Data, Key, Params, Position, StreamInfo } from '../protocol/index.ts';

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
