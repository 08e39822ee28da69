import type { Door, Refusal, Server } from '../server/index.ts';

/** Somebody who may come in by a door of the app's own, or the HTTP status that says why not. */
export type Visitor = { readonly ok: true; connect<B>(door: Door<B>): DoorConnection } | Refusal;

/** A connection, as its door has it. The door calls `receive` for each text, in order, and `closed` once, when the other side is gone. */
export interface DoorConnection {
  /** Null: something came that is no text. */
  receive(text: string | null): void;
  /** Resolves when the app's consumers have been told. Default code: 1000. */
  closed(code?: number): Promise<void>;
}

/** Asks the endpoint at the request's path, as every door must: `authenticate`, then `connectionGroups`, then whether there is room. */
export async function admit(server: Server, request: Request): Promise<Visitor> {
  const found = server.at(new URL(request.url).pathname);
  if (!found) return { ok: false, status: 404, message: 'no endpoint is here' };
  const admitted = await server.admit(found, request);
  if (!admitted.ok) return admitted;
  if (server.full(found.endpoint)) return { ok: false, status: 503, message: 'too many connections' };
  return {
    ok: true,
    connect(door) {
      const session = server.connect(admitted.arrival, door);
      return { receive: (text) => session.receive(text), closed: (code = 1000) => server.disconnect(session, code) };
    },
  };
}
