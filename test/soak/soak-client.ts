import type { Line } from './client-judge.ts';
import type { Random } from './random.ts';
import type { StreamName } from './rules.ts';
import type { Person } from './tables.ts';

export type Params = Readonly<Record<string, string | number>>;

export interface ClientOptions {
  /** Of `0-9 a-z`. */
  readonly name: string;
  readonly person: Person;
  readonly url: string;
  readonly random: Random;
  /** Is told every text that goes in and out. */
  hear(line: Line): void;
}

export interface WriteAbout {
  readonly stream: StreamName;
  readonly action: 'create' | 'update' | 'delete';
  readonly pk?: number;
  readonly params?: Params;
}

/** Somebody who follows views, loses connections, comes back and writes. */
export interface SoakClient {
  readonly name: string;
  readonly person: Person;
  readonly awake: boolean;
  /** Connections that stood. */
  readonly connections: number;
  /** The port that its connection comes from: by it a proxy knows the link. */
  readonly port: number | null;
  /** Writes without an answer. */
  readonly waiting: number;
  /** A mark for the next write's text, which no other text has. */
  readonly mark: string;
  wake(): void;
  /** Goes away, without a word, and stays away. */
  sleep(): void;
  /** Loses its connection, and comes back by itself. */
  drop(): void;
  /** As a page does that is left in good order. */
  leave(): void;
  follow(stream: StreamName, params?: Params): void;
  /** Lets go of a view for a while. Gives the way to follow it again; null: it had none to let go of. */
  unfollow(random: Random): (() => void) | null;
  /** Comes back with a token that is none: it must not be believed. */
  forge(random: Random): void;
  /** Asks for a write. */
  write(about: WriteAbout, data?: object): void;
}
