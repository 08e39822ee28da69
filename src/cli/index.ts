#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { RowcastError } from '../core/index.ts';
import { setup, teardown } from './commands.ts';
import { loadConfig, type Config } from './config.ts';
import { doctor } from './doctor.ts';
import { explain } from './explain.ts';
import { tail } from './tail.ts';

const USAGE = `Usage: rowcast <command> [options]

  setup       print, then apply, what Rowcast needs in your database
    --sql     only print
  teardown    remove everything Rowcast ever made in your database
  doctor      look at what Rowcast needs of your database and your broker, change nothing, and print what is amiss with what cures it
  tail [<stream> …]
              print what is committed from now on, and who gets what of it, until it is interrupted
    --count <n>       end after so many commits
  explain <stream> <key>
              say why a user sees a row, or does not
    --user <user>     what authenticate would give, as JSON; or the id alone. Default: nobody in particular
    --group <group>   a group of connectionGroups, by its name, or as JSON: '{"blogId":7}'. As often as there are such
    --set <fields>    what they would be told if the row were changed to this, as JSON: '{"blogId":8}'

  --config <file>   the module whose default export is what rowcast(…) takes; default: rowcast.config.ts, .mts, .js or .mjs here.
                    explain also asks its export connectionGroups(user), where it has one
  --json            print JSON; tail: a line for each commit
  --help            this text

Exit codes: 0 done, 1 refused or failed (the message says what to do) or an error found, 2 not a command.`;

const OPTIONS = {
  config: { type: 'string' },
  sql: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  count: { type: 'string' },
  user: { type: 'string' },
  group: { type: 'string', multiple: true },
  set: { type: 'string' },
} as const;

/** What is no command line. */
class Misused extends Error {}

/** Gives the exit code. */
async function main(): Promise<number> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const [name = '', ...more] = positionals;
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const { json, sql } = values;
  const refuse = (): never => {
    throw new Misused(name === '' ? '' : `not a command: rowcast ${positionals.join(' ')}`);
  };
  const config = (): Promise<Config> => loadConfig(values.config);
  switch (name) {
    case 'setup':
    case 'teardown':
    case 'doctor': {
      if (more.length > 0) refuse();
      if (sql && name !== 'setup') throw new Misused(`--sql is of setup alone: ${name} would have done it, and nothing was done`);
      const { options } = await config();
      if (name === 'doctor') return doctor(options, { json });
      await (name === 'setup' ? setup : teardown)(options, { json, sql });
      return 0;
    }
    case 'tail': {
      const count = values.count === undefined ? null : Number(values.count);
      if (count !== null && !(Number.isInteger(count) && count > 0)) throw new Misused('--count takes a number from 1');
      await tail((await config()).options, { json, only: more, count });
      return 0;
    }
    case 'explain': {
      const [stream, key, ...others] = more;
      if (stream === undefined || key === undefined || others.length > 0) return refuse();
      await explain(await config(), { json, stream, key, user: values.user ?? null, groups: values.group ?? [], set: values.set ?? null });
      return 0;
    }
    default:
      return refuse();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const misused =
    error instanceof Misused || (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
  const old = error instanceof TypeError && 'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION';
  if (old) console.error('this Node cannot load TypeScript: use Node 22.18 or newer, or write rowcast.config.mjs');
  else
    console.error(
      misused ? `${error.message}\n\n${USAGE}`.trimStart() : error instanceof RowcastError ? `${error.code}: ${error.message}` : error,
    );
  process.exitCode = misused ? 2 : 1;
}
