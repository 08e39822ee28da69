import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MUTANTS } from './mutants.ts';

export const ROOT: string = join(import.meta.dirname, '../..');

/**
 * What a mutant changes, by path. Nothing is written: it is put in as files are loaded.
 * @throws {Error} when what it changes is not there, or more than once: what is shipped has moved on, and the mutant must too.
 */
export function mutated(name: string): ReadonlyMap<string, string> {
  const mutant = MUTANTS.find((each) => each.name === name);
  if (!mutant) throw new Error(`there is no mutant "${name}"`);
  const texts = new Map<string, string>();
  for (const { file, find, replace } of mutant.edits) {
    const path = join(ROOT, file);
    const text = texts.get(path) ?? readFileSync(path, 'utf8');
    const places = text.split(find).length - 1;
    if (places !== 1) throw new Error(`the mutant "${name}" changes a text of ${file} that is there ${places} times: ${find}`);
    texts.set(
      path,
      text.replace(find, () => replace),
    );
  }
  return texts;
}
