// Compiled, never run: what a command says of itself to a client's types.
import { expectTypeOf } from 'vitest';
import { z } from 'zod';
import { command, commandFor, consumer, refuse, type Command, type StreamsOf } from '../index.ts';

interface User {
  readonly id: string;
}
interface Tx {
  insert(name: string): Promise<{ readonly id: bigint; readonly at: Date }[]>;
}

const of = commandFor<User, Tx>();

const publish = of({
  input: z.object({ id: z.coerce.number(), note: z.string().default('') }),
  allow: (user, input) => {
    expectTypeOf(user).toEqualTypeOf<User>();
    expectTypeOf(input).toEqualTypeOf<{ id: number; note: string }>();
    return true;
  },
  run: async (tx, input, { user, after }) => {
    expectTypeOf(input.note).toEqualTypeOf<string>();
    expectTypeOf(user.id).toEqualTypeOf<string>();
    after(async () => undefined);
    const [made] = await tx.insert(input.note);
    if (!made) return refuse('invalid', 'nothing was made', { note: 'is taken' });
    return { ...made, tags: ['a', null] };
  },
});

type Types<C> = C extends Command<infer T> ? T : never;

// In: what the schema takes. Out: what it gave.
expectTypeOf<Types<typeof publish>['input']>().toEqualTypeOf<{ id: unknown; note?: string | undefined }>();
expectTypeOf<Types<typeof publish>['output']>().toEqualTypeOf<{ tags: (string | null)[]; id: bigint; at: Date }>();

const quiet = command({ input: z.null(), allow: () => true, run: () => undefined });
expectTypeOf<Types<typeof quiet>['output']>().toEqualTypeOf<undefined>();

// What an endpoint tells of it.
const consumers = { publish, quiet, chat: consumer<User>({}) };
type Streams = StreamsOf<typeof consumers>;
expectTypeOf<Streams['publish']>().toEqualTypeOf<Types<typeof publish>>();
expectTypeOf<Streams['quiet']>().toEqualTypeOf<{ command: true; input: null; output: undefined }>();
expectTypeOf<Streams['chat']>().toEqualTypeOf<{ readonly consumer: true }>();

// @ts-expect-error no schema
of({ allow: () => true, run: () => 1 });
// @ts-expect-error nothing is done
of({ input: z.null(), allow: () => true });
// @ts-expect-error the input has no such field
of({ input: z.object({ id: z.number() }), run: (_tx, { name }) => name });
// @ts-expect-error a yes or a no
of({ input: z.null(), allow: () => 'yes', run: () => 1 });
// @ts-expect-error no code that an app may refuse with
refuse('internal', 'x');
