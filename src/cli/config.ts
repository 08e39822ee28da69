import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RowcastError, type Group } from '../core/index.ts';
import type { RowcastOptions } from '../main/index.ts';

const NAMES = ['rowcast.config.ts', 'rowcast.config.mts', 'rowcast.config.js', 'rowcast.config.mjs'];

export interface Config {
  readonly options: RowcastOptions;
  /** Its export of this name: the endpoint's, for `explain`. */
  readonly connectionGroups?: (user: unknown) => readonly Group[] | Promise<readonly Group[]>;
}

/**
 * The options that the app passes to `rowcast(…)`, from a module that exports them as its default: what the command line and the server then
 * cannot disagree about.
 */
export async function loadConfig(named: string | undefined): Promise<Config> {
  const file = named ? resolve(named) : await firstOf(NAMES.map((name) => resolve(name)));
  if (file === null) {
    throw new RowcastError(
      'binding_invalid',
      `no ${NAMES[0]} here; write one: export default { source: sqlite('app.db'), bindings: { … } }, or name yours with --config`,
    );
  }
  if (named && (await firstOf([file])) === null) throw new RowcastError('binding_invalid', `there is no ${file}, which --config names`);
  const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown; readonly connectionGroups?: unknown };
  if (!isOptions(module.default))
    throw new RowcastError('binding_invalid', `${file}: its default export must be { source, bindings }, as rowcast(…) takes them`);
  const { default: options, connectionGroups } = module;
  if (typeof connectionGroups !== 'function') return { options };
  return { options, connectionGroups: connectionGroups as NonNullable<Config['connectionGroups']> };
}

async function firstOf(files: readonly string[]): Promise<string | null> {
  for (const file of files) {
    try {
      await access(file);
      return file;
    } catch {
      // the next one
    }
  }
  return null;
}

function isOptions(value: unknown): value is RowcastOptions {
  const { source, bindings } = (value ?? {}) as Partial<Record<keyof RowcastOptions, unknown>>;
  return typeof (source as { plan?: unknown } | undefined)?.plan === 'function' && typeof bindings === 'object' && bindings !== null;
}
