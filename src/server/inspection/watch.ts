import {
  route,
  verdictOf,
  type Action,
  type Binding,
  type Clock,
  type Database,
  type Delivery,
  type Json,
  type Log,
  type MemberChange,
  type Position,
  type Reset,
} from '../../core/index.ts';
import { boundOf, joined, routesOf } from '../bindings/bindings.ts';
import { groupText } from './group-text.ts';

/** What an app passes to `rowcast(…)`: what is followed. */
export interface Looked {
  readonly source: Database;
  readonly bindings: Readonly<Record<string, Binding>>;
}

export interface LookingParts {
  readonly clock: Clock;
  readonly log: Log;
}

/** One row's change, and what it is to the members of each group. */
export interface WatchedRow {
  readonly stream: string;
  readonly key: Json;
  /** For whoever holds this group and none of the others. */
  readonly groups: readonly { readonly group: string; readonly action: Action }[];
  /** The listed fields: of the row as it is now, or as it was when it is gone. */
  readonly fields: Readonly<Record<string, Json>>;
}

/** A commit that concerns somebody. */
export interface Watched {
  readonly position: Position;
  /** When it was committed: ms since 1970, where the log says so. */
  readonly time: number | null;
  readonly rows: readonly WatchedRow[];
  /** Streams whose viewers read again, and why. */
  readonly resets: readonly Reset[];
  /** Who joined or left what. */
  readonly members: readonly MemberChange[];
  /** Writes of clients in it. */
  readonly receipts: number;
}

/**
 * Commits as they come, from now on until the signal aborts, and who gets them: read beside whoever serves, by the same rules. `ready` is called
 * once everything that is committed from then on will come.
 */
export async function* watch(
  { source, bindings }: Looked,
  { clock, log }: LookingParts,
  { signal, ready = () => undefined }: { readonly signal: AbortSignal; readonly ready?: () => void },
): AsyncGenerator<Watched> {
  const database = await source.open(boundOf(bindings), { setup: 'check', watching: true, clock, log });
  try {
    const routes = routesOf(joined(bindings, database.tables));
    const from = await database.source.tail();
    ready();
    for await (const commits of database.source.read(from, signal)) {
      for (const commit of commits) {
        const entry = route(commit, routes, ({ name }, err) => log.error({ stream: name, err }, `"${name}": a hook failed on a row`));
        const { position, time = null } = commit;
        if (entry) {
          const { resets, members, receipts } = entry;
          yield { position, time, rows: entry.deliveries.map(rowOf), resets, members, receipts: receipts.length };
        }
        database.source.acknowledge(position);
      }
    }
  } finally {
    await database.close();
  }
}

function rowOf({ stream, key, before, after, fields }: Delivery): WatchedRow {
  const [saw, sees] = [new Set(before), new Set(after)];
  const groups = [...new Set([...saw, ...sees])].flatMap((group) => {
    const action = verdictOf(saw.has(group), sees.has(group));
    return action ? [{ group: groupText(group), action }] : [];
  });
  return { stream, key: JSON.parse(key) as Json, groups, fields: JSON.parse(fields) as Record<string, Json> };
}
