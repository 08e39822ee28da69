// A process of its own, which a mutant may end as it will: the simulation over one, and a word after every few schedules.
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { mutated } from './mutate.ts';
import type { Found, Search } from './search.ts';

/** Schedules between two words. */
const STRIDE = 100;

const { mutant, first, count } = JSON.parse(process.argv[2] ?? '') as Search;
const texts = mutant === null ? new Map<string, string>() : mutated(mutant);
const unread = new Set(texts.keys());
registerHooks({
  load(url, context, next) {
    const path = url.startsWith('file:') ? fileURLToPath(url) : url;
    const source = texts.get(path);
    if (source === undefined) return next(url, context);
    unread.delete(path);
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});
const { campaign } = await import('../../test/simulation/campaign.ts');
if (unread.size > 0) throw new Error(`what the mutant "${mutant}" changes is not in the simulation: ${[...unread].join(', ')}`);
for (let ran = 0; ran < count; ran += STRIDE) {
  const { broken } = await campaign({ first: first + ran, count: Math.min(STRIDE, count - ran), traced: false });
  const found: Found | null = broken && { seed: broken.seed, law: broken.law };
  process.send?.(found);
  if (found) break;
}
process.disconnect();
