import type { Json } from '../../protocol/index.ts';

/** What goes to the members of a group and has no place in the order of commits. */
export interface GroupMessage {
  readonly group: string;
  /** The stream it belongs to; null goes to the connection as a whole. */
  readonly stream: string | null;
  readonly payload: Json;
  /** The session that must not get it: the sender, when it asked so. */
  readonly except: string | null;
}

/**
 * Messages between gateways without history: what was sent while nobody listened is gone. Order: those of one sender arrive in the order
 * they were sent, at every listener, the sender's own process included. `listen` returns the way to stop.
 */
export interface Bus {
  send(message: GroupMessage): Promise<void>;
  listen(hear: (message: GroupMessage) => void): () => void;
}
