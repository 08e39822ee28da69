import { createHash } from 'node:crypto';
import { RowcastError, type Binding, type BindingTypes, type Group, type Maybe, type Stream } from '../../core/index.ts';
import { infoOf, Audience } from '../fan-out/audience.ts';
import type { Command, CommandTypes } from '../writes/command.ts';
import type { Consumer } from '../fan-out/consumer.ts';
import { LIMITS, type Limits } from '../fan-out/limits.ts';
import type { StreamInfo } from '../../protocol/index.ts';

/** Who is connected. `id` is what makes two connections the same person: writes are applied once per id. */
export interface Identified {
  readonly id: string | number;
  /** The app's own session: `live.revoke({ session })` ends its connections. */
  readonly session?: string;
  /** Until when, as a Date or milliseconds since 1970: then the connection ends, unless `refresh` gave it longer. */
  readonly until?: Date | number;
}

/** The request a connection began with. */
export interface Connecting {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly request: Request;
}

export type Consumers = Readonly<Record<string, Binding | Consumer | Command>>;

export interface EndpointOptions<C extends Consumers, User> {
  /** What this endpoint offers, by stream name: bindings, consumers of the app's own, and commands. Default: all bindings. */
  readonly consumers?: C;
  /** The groups a connection is in from the start. Default: none. */
  connectionGroups?(user: User, connecting: Connecting): Maybe<readonly Group[]>;
  /** Who asks, from a web `Request` (headers, cookies, URL). `null`: refused, with 401, and a client by the close code 4100. Left out: everybody, as `null`. */
  authenticate?(request: Request): Maybe<User | null>;
  /**
   * Newer credentials, from a client whose own run out (its user's `until`): the user as they are now, or null for a no. The same person:
   * another `id` is refused. Groups and views are asked for again.
   */
  refresh?(token: string, user: User): Maybe<User | null>;
  /** Origins of pages that may connect, beside the host's own: `['https://app.example']`. `'any'` turns the check off. */
  readonly origins?: readonly string[] | 'any';
  readonly limits?: Partial<Limits>;
}

/** What a client's types are made from. */
export type StreamsOf<C extends Consumers> = {
  readonly [K in keyof C]: C[K] extends { readonly types?: infer T }
    ? NonNullable<T> extends BindingTypes | CommandTypes
      ? NonNullable<T>
      : Own
    : Own;
};
interface Own {
  readonly consumer: true;
}

/** One path and what it offers. The value that a client's types come from: `createClient<typeof app>(…)`. */
export interface Endpoint<C extends Consumers = Consumers> {
  readonly path: string;
  readonly types?: { readonly streams: StreamsOf<C> };
}

/** An endpoint, wired: its audience is everybody connected to it. */
export interface OpenEndpoint {
  readonly path: string;
  readonly options: EndpointOptions<Consumers, unknown>;
  readonly limits: Limits;
  readonly audience: Audience;
  readonly streams: ReadonlyMap<string, Stream>;
  readonly consumers: ReadonlyMap<string, Consumer>;
  readonly commands: ReadonlyMap<string, Command>;
  /** For `welcome`. */
  readonly info: Readonly<Record<string, StreamInfo | null>>;
  /** Another one where it offers something else. */
  readonly build: string;
  match(pathname: string): Readonly<Record<string, string>> | null;
}

/** @throws {RowcastError} `endpoint_invalid`, naming the cure. */
export function openEndpoint(path: string, options: EndpointOptions<Consumers, unknown>, bound: ReadonlyMap<string, Stream>): OpenEndpoint {
  const refuse = (why: string): never => {
    throw new RowcastError('endpoint_invalid', `the endpoint "${path}": ${why}`);
  };
  if (!path.startsWith('/')) refuse('a path begins with "/"');
  const offered: Consumers = options.consumers ?? Object.fromEntries([...bound].map(([name, { binding }]) => [name, binding]));
  const streams = new Map<string, Stream>();
  const consumers = new Map<string, Consumer>();
  const commands = new Map<string, Command>();
  for (const [name, each] of Object.entries(offered)) {
    if ('consumer' in each || 'command' in each) {
      if (bound.has(name)) refuse(`"${name}" is the name of a binding; give the ${'command' in each ? 'command' : 'consumer'} another`);
      if ('command' in each) commands.set(name, each);
      else consumers.set(name, each);
      continue;
    }
    const stream = bound.get(name);
    if (!stream || stream.binding !== each)
      refuse(`"${name}" is not a binding under that name; add it to the \`bindings\` of rowcast(…) as "${name}"`);
    else streams.set(name, stream);
  }
  const audience = new Audience([...streams.values()], consumers);
  const info: Record<string, StreamInfo | null> = {};
  for (const name of Object.keys(offered)) {
    const view = audience.base(name);
    info[name] = view ? infoOf(view) : null;
  }
  const build = createHash('sha256').update(JSON.stringify(info)).digest('base64url').slice(0, 16);
  const limits = { ...LIMITS, ...options.limits };
  return { path, options, limits, audience, streams, consumers, commands, info, build, match: matcher(path, refuse) };
}

/** `:name` captures one segment; everything else must be there exactly: no other spelling of a path reaches the endpoint. */
function matcher(path: string, refuse: (why: string) => never): OpenEndpoint['match'] {
  const segments = path.split('/');
  const names = segments.filter((segment) => segment.startsWith(':')).map((segment) => segment.slice(1));
  const wrong = names.find((name) => !/^[A-Za-z_]\w*$/.test(name));
  if (wrong !== undefined) refuse(`":${wrong}" is not a name; use letters, digits and _`);
  if (names.length === 0) return (pathname) => (pathname === path ? {} : null);
  return (pathname) => {
    const given = pathname.split('/');
    if (given.length !== segments.length) return null;
    const params: Record<string, string> = {};
    for (const [index, segment] of segments.entries()) {
      const value = given[index] as string;
      if (!segment.startsWith(':')) {
        if (segment !== value) return null;
        continue;
      }
      const text = decode(value);
      if (!text) return null;
      params[segment.slice(1)] = text;
    }
    return params;
  };
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
