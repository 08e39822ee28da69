import { isRecord, type Json, type Params, type Position } from '../protocol/index.ts';
import type { Session, Shown } from '../server/index.ts';

/** What `?subscribe=` asks for. */
export interface Wanted {
  readonly stream: string;
  readonly params?: Params;
}

/** Null: it is no such list. */
export function wantedOf(text: string | null): readonly Wanted[] | null {
  if (text === null) return [];
  try {
    const value = JSON.parse(text) as Json;
    return Array.isArray(value) && value.every(isWanted) ? (value as unknown as readonly Wanted[]) : null;
  } catch {
    return null;
  }
}

function isWanted(value: Json): boolean {
  return isRecord(value) && typeof value['stream'] === 'string' && (value['params'] === undefined || isRecord(value['params']));
}

export const keyOf = ({ stream, params = {} }: Wanted): string =>
  JSON.stringify([stream, Object.entries(params).sort(([one], [other]) => (one < other ? -1 : 1))]);

/** What of it the session has, and what shows that. */
export function shownOf(session: Session<unknown>, wanted: readonly Wanted[]): ReadonlyMap<string, Shown> {
  return new Map(
    wanted.flatMap((each): [string, Shown][] => {
      const shown = session.tokenOf(each.stream, each.params);
      return shown ? [[keyOf(each), shown]] : [];
    }),
  );
}

/** Where a client is that comes back: what it had of which session. */
export interface Place {
  readonly position: Position;
  readonly readied: number;
  readonly session: string;
}

export function placeText({ id, told: { position, readied } }: Session<Buffer>): string {
  return `${position}.${readied}.${id}`;
}

export function placeOf(text: string): Place | null {
  const [, position, readied, session] = /^([0-9a-f]{16})\.(\d{1,15})\.([\w-]{1,64})$/.exec(text) ?? [];
  return position !== undefined && readied !== undefined && session !== undefined ? { position, readied: Number(readied), session } : null;
}
