import { createHash } from 'node:crypto';
import type { Group, Position } from '../core/index.ts';
import type { Connecting, OpenEndpoint } from './endpoint.ts';
import type { Transport, Wire } from './wire.ts';

/** Who connected, to what. */
export interface Arrival {
  readonly endpoint: OpenEndpoint;
  readonly user: unknown;
  /** Null: nobody in particular. */
  readonly principal: string | null;
  readonly connecting: Connecting;
  /** Those of `connectionGroups`. */
  readonly groups: readonly Group[];
  /** Where the log was when it was asked who this is. Left out: nothing was asked. */
  readonly asOf?: Position;
}

/** How a connection's bytes are made, and where they go. */
export interface Door<B> {
  readonly wire: Wire<B>;
  readonly transport: Transport<B>;
}

/**
 * Who writes, and under which name the log has it: a digest of both, so that no client has another user's by knowing it, and the log holds
 * no user.
 */
export function authorOf({ principal }: Arrival, client: string): [principal: string, author: string] {
  const who = principal ?? `anonymous:${client}`;
  return [
    who,
    createHash('sha256')
      .update(JSON.stringify([who, client]))
      .digest('base64url'),
  ];
}
