import type { Viewer } from './viewer.ts';

/** What the seed's wire says of a change. */
export interface Told {
  readonly stream: string;
  readonly payload: {
    readonly action: string;
    readonly pk: unknown;
    readonly data: Readonly<Record<string, unknown>>;
    readonly model: string;
  };
}

/** Everything a socket of the seed's wire has been told so far. */
export const told = (viewer: Viewer): readonly Told[] => viewer.texts.map((text) => JSON.parse(text) as Told);

export const actions = (viewer: Viewer): readonly string[] => told(viewer).map(({ payload }) => payload.action);
