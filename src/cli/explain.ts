import { styleText } from 'node:util';
import { RowcastError, type Group, type Json } from '../core/index.ts';
import { explain as explained, systemClock, type Binding } from '../main/index.ts';
import type { Config } from './config.ts';
import { quiet } from './output.ts';

export interface ExplainFlags {
  readonly json: boolean;
  readonly stream: string;
  /** As JSON, or as the text that it is. */
  readonly key: string;
  /** A user as `authenticate` would give it, as JSON; or its id alone. */
  readonly user: string | null;
  /** Names, or params as JSON. */
  readonly groups: readonly string[];
  /** Fields that the row would be changed to, as JSON. */
  readonly set: string | null;
}

/** Prints why a user sees a row, or does not. */
export async function explain(
  { options, connectionGroups }: Config,
  { json, stream, key, user, groups, set }: ExplainFlags,
): Promise<void> {
  const { source, bindings } = options;
  const who = userOf(user);
  const binding = bindings[stream];
  const held: Group[] = [...((await connectionGroups?.(who)) ?? []), ...groups.map((text) => groupOf(binding, text))];
  const explanation = await explained(
    { source, bindings },
    { clock: systemClock, log: quiet },
    { stream, key: valueOf(key), user: who, groups: held, set: set === null ? null : recordOf(set, '--set') },
  );
  if (json) return console.log(JSON.stringify(explanation, null, 2));
  const { words, fields } = explanation;
  for (const said of words.slice(0, -1)) console.log(said);
  console.log(styleText(['bold', explanation.sees ? 'green' : 'yellow'], words.at(-1) ?? ''));
  if (fields) console.log(styleText('dim', JSON.stringify(fields)));
}

function userOf(text: string | null): unknown {
  if (text === null) return null;
  const value = valueOf(text);
  return typeof value === 'object' ? value : { id: value };
}

function groupOf(binding: Binding | undefined, text: string): Group {
  if (!text.startsWith('{')) return text;
  if (!binding?.groupBy) throw new RowcastError('binding_invalid', `${text}: this stream has no groups by columns; name one`);
  return binding.group(recordOf(text, '--group') as never);
}

function recordOf(text: string, flag: string): Readonly<Record<string, Json>> {
  const value = valueOf(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, Json>>;
  throw new RowcastError('binding_invalid', `${flag} takes a JSON object, as '{"blogId":7}'`);
}

/** JSON; what is none is a text, so that nobody has to quote one twice. */
function valueOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
