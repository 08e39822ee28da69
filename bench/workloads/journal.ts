import { basename } from 'node:path';
import { compare, interleaved, type Result } from '../measure.ts';
import type { Followed } from '../parts/following.ts';
import { Part } from '../process.ts';
import type { Scale } from '../scale.ts';

/** Rows of a transaction. */
const EACH = 100;
const GROUPS = 1_000;

interface Written {
  readonly begin: number;
  readonly end: number;
}

/** SQLite: an app that writes as fast as it can, in a process of its own, until the last of it is in the ledger; beside the engine alone. */
export async function journal({ passes, rows, against }: Scale): Promise<readonly Result[]> {
  const count = rows / 2;
  const cpu: Record<string, number[]> = {};
  const contenders: Record<string, () => Promise<number>> = {};
  const parts: Part[] = [];
  try {
    const make = async (from?: string): Promise<{ readonly app: Part; readonly server: Part }> => {
      const app = new Part('journal-writer', from);
      const server = new Part('journal-rowcast', from);
      parts.push(server, app);
      const at = await app.ask<string>('make', { rows: count, groups: GROUPS });
      await server.ask('listen', { at, groups: GROUPS, sockets: 1 });
      return { app, server };
    };
    const alone = (app: Part, table: 'bound' | 'traced') => async (): Promise<number> => {
      const { begin, end } = await app.ask<Written>('write', { table, rows: count, each: EACH });
      return (count / (end - begin)) * 1_000;
    };
    const add = async (name: string, from?: string): Promise<void> => {
      const { app, server } = await make(from);
      const spent: number[] = (cpu[name] = []);
      contenders[name] = async () => {
        await server.ask('begin');
        const { begin } = await app.ask<Written>('write', { table: 'bound', rows: count, each: EACH });
        const { at: end, us } = await server.ask<Followed>('settled');
        spent.push(us / count);
        return (count / (end - begin)) * 1_000;
      };
    };
    await add('rowcast');
    const { app, server } = await make();
    await server.ask('close');
    contenders['its triggers, unread'] = alone(app, 'bound');
    contenders['a bare trigger, unread'] = alone(app, 'traced');
    if (against !== undefined) await add(basename(against), against);
    for (const run of Object.values(contenders)) await run(); // warm
    for (const each of Object.values(cpu)) each.length = 0;
    const values = await interleaved(passes, contenders);
    const workload = `SQLite: rows written by the app and in the ledger, ${EACH} a transaction`;
    return [
      compare({ workload, figure: 'per second', better: 'more', targets: [{ against: 'its triggers, unread', ratio: 0.7 }] }, values),
      compare({ workload, figure: 'µs of the reader’s CPU per row', better: 'less' }, cpu),
    ];
  } finally {
    for (const part of parts) {
      await part.ask('close').catch(() => undefined);
      await part.stop();
    }
  }
}
