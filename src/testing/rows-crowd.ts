import type { Row } from '../core/index.ts';
import type { Connection } from './fixture.ts';
import { chance } from './ledger-trial.ts';
import type { Opened } from './opened.ts';
import { membersOf } from './rows-page-laws.ts';

/** Several writers at once over the rows of `member`, of two organisations, for as long as `meanwhile` takes, and a while before it. */
export async function crowd(opened: Opened, meanwhile: () => Promise<void>): Promise<void> {
  const { world } = opened;
  const others = world.write ? [] : [await world.other(), await world.other()];
  const isShared = others.includes(world.app);
  let going = true;
  let written = 0;
  const isGoing = (): boolean => going || written < 30;
  const count = (): void => void written++;
  const writers = world.write
    ? [writeChanges(opened, isGoing, count)]
    : [world.app, ...others].map((connection, seed) => {
        // Where the app waits for a lock without giving way, whoever holds it could not go on.
        const mayOpen = !isShared && (opened.models.member.dialect === 'postgres' || connection === world.app);
        return writeSql(connection, chance(seed + 1), { isGoing, count, mayOpen });
      });
  let ended: readonly PromiseSettledResult<void>[] = [];
  try {
    while (written < 10) await Promise.race([new Promise((resolve) => setTimeout(resolve, 1)), ...writers]);
    await meanwhile();
  } finally {
    going = false;
    ended = await Promise.allSettled(writers);
    for (const other of others) if (other !== world.app) await other.close();
  }
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}

interface Going {
  isGoing(): boolean;
  count(): void;
  /** Whether a transaction may stay open for a while. */
  readonly mayOpen: boolean;
}

async function writeSql(connection: Connection, random: (below: number) => number, { isGoing, count, mayOpen }: Going): Promise<void> {
  for (let number = 0; isGoing(); number++) {
    const statements = Array.from({ length: 1 + random(2) }, () => statementOf(random, number));
    const isOpen = mayOpen && random(3) > 0;
    try {
      if (isOpen) await connection.run('BEGIN');
      for (const statement of statements) {
        await connection.run(statement);
        if (random(3) === 0) await new Promise((resolve) => setTimeout(resolve, random(3)));
      }
      // Long enough for others to begin later and to be seen before.
      if (isOpen) await new Promise((resolve) => setTimeout(resolve, random(12)));
      if (isOpen) await connection.run(random(8) === 0 ? 'ROLLBACK' : 'COMMIT');
      count();
    } catch {
      // Two of them met: whoever gave way wrote nothing.
      if (isOpen) await connection.run('ROLLBACK').catch(() => undefined);
    }
  }
}

/** One statement over several rows, so that a commit that is seen half is noticed also where it is not in a transaction of its own. */
function statementOf(random: (below: number) => number, number: number): string {
  const user = (): string => `'u${String(random(24)).padStart(3, '0')}'`;
  switch (random(6)) {
    case 0:
      return `INSERT INTO member VALUES (${user()}, 0, 'new'), (${user()}, 1, 'new') ON CONFLICT DO NOTHING`; // sql: names of the suite
    case 1:
      return `DELETE FROM member WHERE user_id = ${user()}`; // sql: a name of the suite
    case 2:
      return `UPDATE member SET org_id = 1 - org_id WHERE user_id = ${user()} AND NOT EXISTS (SELECT 1 FROM member o WHERE o.user_id = member.user_id AND o.org_id = 1 - member.org_id)`; // sql: a name of the suite
    default:
      return `UPDATE member SET role = 'x${number}-' || substr(coalesce(role, ''), 1, 40) WHERE user_id IN (${user()}, ${user()})`; // sql: names of the suite
  }
}

/** The same where there is no SQL: nobody else writes, so what is there is known. */
async function writeChanges(opened: Opened, isGoing: () => boolean, count: () => void): Promise<void> {
  const { member: model } = opened.models;
  const random = chance(1);
  const rows = membersOf(20, 2);
  for (let number = 0; isGoing(); number++) {
    const [one, other] = [random(20), 20 + random(20)];
    const changes = [one, other].map((at) => {
      const before = rows[at] as Row;
      const after = random(4) === 0 ? { ...before, orgId: 2 + number } : { ...before, role: `x${number}` };
      rows[at] = after;
      return { model, before, after };
    });
    await opened.write(...changes);
    count();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
