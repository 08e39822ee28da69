import { Membership, type Clock, type ColumnGroup, type Entry, type Log, type Position, type Stream } from '../core/index.ts';
import { within } from './deadline.ts';
import type { OpenEndpoint } from './endpoint.ts';
import type { Gateway } from './gateway.ts';
import type { Memberships } from './memberships.ts';

export interface RightsParts {
  readonly endpoint: OpenEndpoint;
  readonly gateway: Gateway;
  readonly memberships: Memberships;
  readonly clock: Clock;
  readonly log: Log;
  /** Who asks, as they are now: a connection may get newer credentials. */
  user(): unknown;
  /** Their id, as join tables have it. */
  userId(): string | null;
}

const NO_GROUPS: ReadonlyMap<string, ColumnGroup> = new Map();

/** What a connection's user may ask for, beside the groups that the connection holds. */
export class Rights {
  readonly #parts: RightsParts;

  constructor(parts: RightsParts) {
    this.#parts = parts;
  }

  /** Those groups of the stream that are the user's by what they belong to. */
  groups(stream: Stream): ReadonlyMap<string, ColumnGroup> {
    const { canSubscribe } = stream.binding.options;
    return canSubscribe instanceof Membership ? this.#parts.memberships.groups(this.#parts.userId(), stream, canSubscribe) : NO_GROUPS;
  }

  async may(stream: Stream, group: ColumnGroup, values: Readonly<Record<string, unknown>>): Promise<boolean> {
    const { canSubscribe } = stream.binding.options;
    if (canSubscribe instanceof Membership) return this.groups(stream).has(group.key);
    if (!canSubscribe) return false;
    const { clock, log, endpoint, user } = this.#parts;
    try {
      const verdict = canSubscribe.call(stream.binding.options, user(), values);
      return (await within(clock, endpoint.limits.hookMs, verdict)) === true;
    } catch (error) {
      log.error({ err: error, stream: stream.name }, 'canSubscribe failed: refused');
      return false;
    }
  }

  /** What a hook said holds until it is asked again; what rows say, for as long as they do. */
  still(stream: Stream, group: ColumnGroup): boolean {
    return !(stream.binding.options.canSubscribe instanceof Membership) || this.groups(stream).has(group.key);
  }

  /** The commits since then by which the user came to belong to something of the stream's, or left it. */
  granted({ binding }: Stream, after: Position): readonly Entry[] {
    const { canSubscribe } = binding.options;
    const user = this.#parts.userId();
    if (!(canSubscribe instanceof Membership) || user === null) return [];
    return this.#parts.gateway.window.membersSince(after, canSubscribe.name, user).map(({ entry }) => entry);
  }
}
