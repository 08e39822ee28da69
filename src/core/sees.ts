import type { Action } from '../protocol/index.ts';

/**
 * The one rule. A viewer holds groups; a row has groups before a commit and after it.
 *
 * | saw | sees | the viewer gets |
 * |---|---|---|
 * | no | yes | `create` with the whitelisted fields |
 * | yes | yes | `update` with the whitelisted fields |
 * | yes | no | `delete` with the key only |
 * | no | no | nothing |
 */
export function verdictOf(saw: boolean, sees: boolean): Action | null {
  if (sees) return saw ? 'update' : 'create';
  return saw ? 'delete' : null;
}
