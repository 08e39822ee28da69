import { hash } from 'node:crypto';
import { RowcastError, type Group, type Position, type Receipt } from '../../core/index.ts';
import type { Connecting, OpenEndpoint } from './endpoint.ts';
import type { Transport, Wire } from '../fan-out/wire.ts';

/** Who connected, to what. */
export interface Arrival {
  readonly endpoint: OpenEndpoint;
  readonly user: unknown;
  /** Null: nobody in particular. */
  readonly principal: string | null;
  /** What may be asked for again of the request it began with: all of it with newer credentials, its address by the app's own consumers. */
  readonly connecting: Partial<Connecting>;
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
export function authorOf(principal: string | null, client: string): [principal: string, author: string] {
  const who = principal ?? `anonymous:${client}`;
  return [who, hash('sha256', JSON.stringify([who, client]), 'base64url')];
}

/** The name under which the app leaves receipts for a client, which it knows by the client's own name alone. */
export function appAuthor(client: string): string {
  return hash('sha256', JSON.stringify(['app', client]), 'base64url');
}

const LEFT = /^([A-Za-z0-9_-]{8,64})\.([1-9]\d{0,15})$/;

/** What a client calls something that it asks the app to do by another way. @throws {RowcastError} `receipt_invalid`. */
export function appReceipt(id: string): Receipt {
  const [, client, number] = LEFT.exec(id) ?? [];
  const write = Number(number);
  if (client !== undefined && Number.isSafeInteger(write)) return { client: appAuthor(client), write };
  throw new RowcastError('receipt_invalid', 'this is no receipt: pass on the text that the client made, as it came');
}
