#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { RowcastError } from '../core/index.ts';
import { setup, teardown } from './commands.ts';
import { loadConfig } from './config.ts';
import { doctor } from './doctor.ts';

const USAGE = `Usage: rowcast <command> [options]

  setup       print, then apply, what Rowcast needs in your database
    --sql     only print
  teardown    remove everything Rowcast ever made in your database
  doctor      look at what Rowcast needs in your database, change nothing, and print what is amiss with the SQL that cures it

  --config <file>   the module whose default export is what rowcast(…) takes; default: rowcast.config.ts, .mts, .js or .mjs here
  --json            print JSON
  --help            this text

Exit codes: 0 done, 1 refused or failed (the message says what to do) or an error found, 2 not a command.`;

const COMMANDS = { setup, teardown, doctor };

/** Gives the exit code. */
async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      sql: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [name = '', ...more] = positionals;
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (!(name in COMMANDS) || more.length > 0) {
    console.error(USAGE);
    return 2;
  }
  const code = await COMMANDS[name as keyof typeof COMMANDS](await loadConfig(values.config), values);
  return code ?? 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const misused = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  const old = error instanceof TypeError && 'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION';
  if (old) console.error('this Node cannot load TypeScript: use Node 22.18 or newer, or write rowcast.config.mjs');
  else console.error(misused ? `${error.message}\n\n${USAGE}` : error instanceof RowcastError ? `${error.code}: ${error.message}` : error);
  process.exitCode = misused ? 2 : 1;
}
