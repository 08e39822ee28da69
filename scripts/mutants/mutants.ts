import type { Mutant } from './mutant.ts';
import { OF_THE_LOG } from './mutants-log.ts';
import { OF_OWN_WRITES } from './mutants-own.ts';
import { OF_VIEWS } from './mutants-views.ts';

export const MUTANTS: readonly Mutant[] = [...OF_THE_LOG, ...OF_VIEWS, ...OF_OWN_WRITES];
