// What both sides know.

export const ROOMS = ['Kitchen', 'Garden', 'Workshop'] as const;
export type Room = (typeof ROOMS)[number];

export interface User {
  readonly name: string;
}

/** Somebody with a page open. */
export interface Person {
  readonly name: string;
  /** The room they are typing in. */
  readonly typing: Room | null;
}
