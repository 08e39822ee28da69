import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { Orders } from '../support/fleet-child.ts';
import { FleetProcess } from '../support/fleet-processes.ts';
import { folder } from '../support/folder.ts';
import { until } from '../support/fleet.ts';
import type { Viewer } from '../support/viewer.ts';

const keys = (viewer: Viewer): readonly unknown[] => viewer.changes.map(([, , pk]) => pk);
const leads = async (each: FleetProcess): Promise<boolean> => (await each.report()).leads;

async function leaderOf(all: readonly FleetProcess[]): Promise<FleetProcess> {
  for (;;) for (const each of all) if (await leads(each)) return each;
}

test(
  'processes of one machine go on telling everything, in order, once, when the one that reads is killed, and another one frozen and woken',
  { timeout: 120_000 },
  async () => {
    using place = folder('rowcast-fleet-');
    const file = place.at('app.db');
    const app = new DatabaseSync(file, { timeout: 5_000 });
    app.exec('PRAGMA journal_mode = WAL; CREATE TABLE thing (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL)');
    const add = app.prepare('INSERT INTO thing (id, name) VALUES (?, ?)');
    let written = 0;
    const writes = (count: number): void => {
      for (let each = 0; each < count; each++) add.run(`i${written++}`, 'n');
    };
    const all = (): readonly string[] => Array.from({ length: written }, (_, at) => `i${at}`);
    const orders: Orders = { database: { sqlite: file }, broker: { siblings: place.at('s') } };
    await using one = await FleetProcess.start(orders);
    await using two = await FleetProcess.start(orders);
    await using three = await FleetProcess.start(orders);
    expect([await leads(one), await leads(two), await leads(three)]).toEqual([true, false, false]);
    const viewers = [await two.viewer(), await three.viewer()] as const;
    const told = (): Promise<void> => until(() => viewers.every((viewer) => keys(viewer).at(-1) === `i${written - 1}`));
    writes(20);
    await told();
    await one.kill(); // it reads, and it has the ledger of all
    writes(20);
    const next = await leaderOf([two, three]);
    await told();
    next.signal('SIGSTOP');
    writes(20);
    const [other, far] = next === two ? ([three, viewers[1]] as const) : ([two, viewers[0]] as const);
    await leaderOf([other]);
    await until(() => keys(far).at(-1) === `i${written - 1}`);
    next.signal('SIGCONT');
    writes(20);
    await told();
    for (const viewer of viewers) expect(keys(viewer)).toEqual(all());
    await until(async () => !(await leads(next)));
    app.close();
  },
);
