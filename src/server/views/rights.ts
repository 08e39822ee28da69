import { Membership, type ColumnGroup, type Entry, type Position, type Stream } from '../../core/index.ts';
import { userIdOf } from '../admission/admission.ts';
import type { Caller } from './caller.ts';
import { within } from '../time/deadline.ts';

const NO_GROUPS: ReadonlyMap<string, ColumnGroup> = new Map();

/** What a connection's user may ask for, beside the groups that the connection holds. */
export class Rights {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  get #userId(): string | null {
    return userIdOf(this.#caller.user);
  }

  /** Those groups of the stream that are the user's by what they belong to. */
  groups(stream: Stream): ReadonlyMap<string, ColumnGroup> {
    const { canSubscribe } = stream.binding.options;
    return canSubscribe instanceof Membership ? this.#caller.parts.memberships.groups(this.#userId, stream, canSubscribe) : NO_GROUPS;
  }

  async may(stream: Stream, group: ColumnGroup, values: Readonly<Record<string, unknown>>): Promise<boolean> {
    const { canSubscribe } = stream.binding.options;
    if (canSubscribe instanceof Membership) return this.groups(stream).has(group.key);
    if (!canSubscribe) return false;
    const { parts, endpoint, user } = this.#caller;
    const { clock, log } = parts;
    try {
      const verdict = canSubscribe.call(stream.binding.options, user, values);
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
    const user = this.#userId;
    if (!(canSubscribe instanceof Membership) || user === null) return [];
    return this.#caller.parts.gateway.window.membersSince(after, canSubscribe.name, user).map(({ entry }) => entry);
  }
}
