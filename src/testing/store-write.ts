import assert from 'node:assert/strict';
import { placeOf, type Answer, type Claim, type OpenDatabase, type StoreWrite } from '../core/index.ts';
import type { DatabaseFixture } from './fixture.ts';
import { suiteClock, tableOf, type Opened } from './opened.ts';

/** A store under test: blogs 1 and 2 are there, and post 1, `One`. */
export interface StoreContext {
  readonly opened: Opened;
  readonly open: OpenDatabase;
  readonly fixture: DatabaseFixture;
}

export function claim(hash = 'h'): Claim {
  return { principal: 'p', receipt: { client: suiteClock.id(), write: 1 }, hash };
}

/** A write to `post`, of values by property. */
export function postWrite(
  { opened, open }: StoreContext,
  write: Partial<StoreWrite> & { readonly set?: Readonly<Record<string, unknown>> },
): StoreWrite {
  const table = tableOf(open, opened.models.post);
  const values = new Map(
    Object.entries(write.set ?? {}).map(([name, value]) => [placeOf(table, name), table.model.toParam(placeOf(table, name), value)]),
  );
  const action = write.action ?? 'update';
  return {
    table,
    action,
    key: action === 'create' ? null : [table.columns[0]?.fromWire(1) ?? null],
    claim: claim(),
    judge: () => ({ verdict: 'write', values }),
    ...write,
  };
}

export async function titles({ opened }: StoreContext): Promise<readonly unknown[]> {
  return (await opened.world.app.all('SELECT title FROM post ORDER BY id')).map((row) => row['title']);
}

export function refused(answer: Answer): Exclude<Answer, { ok: true }> {
  assert.equal(answer.ok, false);
  return answer as Exclude<Answer, { ok: true }>;
}
