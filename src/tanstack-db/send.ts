import type { MutationFn, PendingMutation } from '@tanstack/db';
import type { Answer, AnyApp, AppTypes, Client, Refusal } from '../client/index.ts';

/** What a transaction fails with: TanStack takes back what it showed. */
export class WriteRefused extends Error {
  override readonly name = 'WriteRefused';
  /** Why, which fields, which of several writes (`at`); for `conflict` the row as it is. */
  readonly answer: Refusal;

  constructor(answer: Refusal) {
    super(answer.message);
    this.answer = answer;
  }
}

export type Mutation = PendingMutation<Readonly<Record<string, unknown>>>;

/** A collection's way to its stream. */
export interface Outlet {
  /** Resolves once it is known what may be written. */
  readonly known: Promise<void>;
  write(mutation: Mutation): Promise<Answer>;
}

/** By collection. */
export const outlets: WeakMap<object, Outlet> = new WeakMap();

/**
 * The `mutationFn` of a transaction over several collections: all of it is one batch, done whole or not at all. It resolves when the
 * collections show what was done, and rejects with {@link WriteRefused}.
 *
 * @example
 * ```ts
 * const move = createTransaction({ mutationFn: sendTo(client) })
 * move.mutate(() => {
 *   tasks.update(7, (task) => void (task.listId = 2))
 *   lists.update(2, (list) => void (list.count += 1))
 * })
 * await move.when('settled')
 * ```
 */
export function sendTo<App extends AppTypes>(client: Client<App>): MutationFn {
  return ({ transaction }) => send(client as unknown as Client, transaction.mutations);
}

export async function send(client: Client<AnyApp>, mutations: readonly Mutation[]): Promise<void> {
  const writes = mutations.map((mutation) => [outletOf(mutation), mutation] as const);
  await Promise.all(writes.map(([{ known }]) => known));
  const answers: Promise<Answer>[] = [];
  const say = (): void => void answers.push(...writes.map(([outlet, mutation]) => outlet.write(mutation)));
  if (writes.length > 1) void client.batch(say);
  else say();
  for (const answer of await Promise.all(answers)) if (!answer.ok) throw new WriteRefused(answer);
}

function outletOf({ collection }: Mutation): Outlet {
  const outlet = outlets.get(collection);
  if (!outlet) throw new TypeError(`"${collection.id}" is no collection of Rowcast: its changes need a transaction of their own`);
  return outlet;
}
