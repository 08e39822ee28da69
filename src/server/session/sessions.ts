import type { Arrival, Door } from '../admission/arrival.ts';
import type { OpenEndpoint } from '../admission/endpoint.ts';
import { events } from '../operations/events.ts';
import type { SessionParts } from '../views/caller.ts';
import { Session } from './session.ts';

/** Who is connected, and to which endpoint. */
export class Sessions {
  readonly #parts: SessionParts;
  readonly #open = new Map<Session<unknown>, OpenEndpoint>();
  readonly #counts = new Map<OpenEndpoint, number>();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#open.size;
  }

  /** As they are now, whoever comes and goes meanwhile. */
  all(): readonly Session<unknown>[] {
    return [...this.#open.keys()];
  }

  /** Ends those whose user's time is over. */
  checkTime(time: number): void {
    for (const session of this.#open.keys()) session.checkTime(time);
  }

  isFull(endpoint: OpenEndpoint): boolean {
    return (this.#counts.get(endpoint) ?? 0) >= endpoint.limits.connections;
  }

  begin<B>(arrival: Arrival, door: Door<B>): Session<B> {
    const { endpoint } = arrival;
    const session = new Session(this.#parts, arrival, door);
    this.#open.set(session as Session<unknown>, endpoint);
    this.#count(endpoint, 1);
    if (events.session.hasSubscribers) events.session.publish({ what: 'open', session: session.id, endpoint: endpoint.path, code: 0 });
    session.open();
    return session;
  }

  /** Resolves when what it had begun has ended. Once, however often it is called. */
  end<B>(session: Session<B>, code: number): Promise<void> {
    const endpoint = this.#open.get(session as Session<unknown>);
    if (endpoint) {
      this.#open.delete(session as Session<unknown>);
      this.#count(endpoint, -1);
      if (events.session.hasSubscribers) events.session.publish({ what: 'closed', session: session.id, endpoint: endpoint.path, code });
    }
    return session.closed(code);
  }

  #count(endpoint: OpenEndpoint, more: 1 | -1): void {
    this.#counts.set(endpoint, (this.#counts.get(endpoint) ?? 0) + more);
  }
}
