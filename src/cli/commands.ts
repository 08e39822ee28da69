import { styleText } from 'node:util';
import type { SetupStep } from '../core/index.ts';
import { boundOf, systemClock, type RowcastOptions } from '../main/index.ts';
import { quiet } from './output.ts';

export interface Flags {
  readonly json: boolean;
  /** Only print. */
  readonly sql: boolean;
}

/** Prints, then applies, what Rowcast does to a database. */
export async function setup({ source, bindings }: RowcastOptions, { json, sql }: Flags): Promise<void> {
  const bound = boundOf(bindings);
  const steps = await source.plan(bound);
  print(steps, { json, none: 'nothing to do: the database has all it needs' });
  if (sql || steps.length === 0) return;
  const database = await source.open(bound, { setup: 'auto', clock: systemClock, log: quiet });
  await database.close();
  if (!json) console.log(styleText('green', `${steps.length} applied`));
}

/** Removes all that any setup ever made, and prints it. */
export async function teardown({ source, bindings }: RowcastOptions, { json }: Flags): Promise<void> {
  const steps = await source.teardown(boundOf(bindings));
  print(steps, { json, none: 'nothing of Rowcast is left in the database' });
}

function print(steps: readonly SetupStep[], { json, none }: { readonly json: boolean; readonly none: string }): void {
  if (json) console.log(JSON.stringify(steps, null, 2));
  else if (steps.length === 0) console.log(none);
  else for (const { sql, why } of steps) console.log(`${styleText('dim', `-- ${why}`)}\n${sql.trim().replace(/;?$/, ';')}\n`);
}
