import type { StandardSchemaV1 } from '@standard-schema/spec';
import { Refusal, RowcastError, type Maybe } from '../../core/index.ts';
import type { AnswerCode } from '../../protocol/index.ts';
import type { Then } from './asking.ts';

/** What a command gets beside its transaction and its input. */
export interface CommandContext<User> {
  readonly user: User;
  /** Runs once the command has committed, never otherwise: mails, queues, what cannot be taken back. */
  after(then: Then): void;
}

/** What a client's types are made from. Never a value. */
export interface CommandTypes {
  readonly command: true;
  /** What its schema takes. */
  readonly input: unknown;
  /** What it gives, which a client gets as JSON. */
  readonly output: unknown;
}

export interface CommandOptions<S extends StandardSchemaV1, Output, User, Tx> {
  /** What a client may send, by Standard Schema (zod, valibot, arktype …). What it does not accept is answered `invalid`, with its fields. */
  readonly input: S;
  /** May this user do this? Left out: nobody may. A throw is a no. */
  allow?(user: User, input: StandardSchemaV1.InferOutput<S>): Maybe<boolean>;
  /**
   * Does it, in the same transaction in which it is remembered as done: all of it, once. What it returns is what the client is told, as JSON
   * (4 KiB at most: answers are kept for who asks again); {@link refuse} undoes it all and says why; any other throw is `internal`, and the log has it. On SQLite it is synchronous,
   * as the database is.
   */
  run(tx: Tx, input: StandardSchemaV1.InferOutput<S>, context: CommandContext<User>): Output;
}

/** A write of the app's own making, beside create, update and delete: publish, assign, close. */
export interface Command<T extends CommandTypes = CommandTypes> extends CommandOptions<StandardSchemaV1, unknown, unknown, unknown> {
  readonly command: true;
  readonly types?: T;
}

export type CommandMaker<User, Tx> = <S extends StandardSchemaV1, Output>(
  options: CommandOptions<S, Output, User, Tx>,
) => Command<{ command: true; input: StandardSchemaV1.InferInput<S>; output: Awaited<Output> }>;

/**
 * Begins a command; `User` is what `authenticate` gives, `Tx` the app's own Drizzle transaction (`typeof db`).
 *
 * @example
 * ```ts
 * const command = commandFor<User, Tx>()
 * const publish = command({
 *   input: z.object({ id: z.number() }),
 *   allow: (user) => user.role === 'editor',
 *   run: (tx, { id }) => tx.update(post).set({ published: true }).where(eq(post.id, id)).returning({ at: post.publishedAt }),
 * })
 * ```
 * @throws {RowcastError} `command_invalid`, naming the cure.
 */
export function commandFor<User = unknown, Tx = unknown>(): CommandMaker<User, Tx> {
  return (options) => {
    const refused = (why: string): never => {
      throw new RowcastError('command_invalid', `a command ${why}`);
    };
    if (typeof options.input?.['~standard']?.validate !== 'function')
      refused('needs `input`: a schema by Standard Schema, z.object({ … }) or another; z.null() where it takes none');
    if (typeof options.run !== 'function') refused('needs `run(tx, input, { user, after })`: what it does');
    return { ...options, command: true } as unknown as Command<never>;
  };
}

/** A command whose user and transaction are of no type: {@link commandFor} says which. */
export const command: CommandMaker<unknown, unknown> = commandFor();

/** Why a command, or a hook of a binding, refuses what it was asked for. */
export type RefusalCode = Extract<AnswerCode, 'invalid' | 'forbidden' | 'not_found' | 'conflict' | 'busy' | 'rate_limited'>;

/**
 * Refuses, from inside a command's `run` or a binding's hook: everything that it did is undone, and the client is told why.
 *
 * @param fields What is wrong with which field, for `invalid`.
 * @example refuse('invalid', 'there is nothing to publish', { body: 'is empty' })
 * @throws Always.
 */
export function refuse(code: RefusalCode, message: string, fields?: Readonly<Record<string, string>>): never {
  throw new Refusal({ ok: false, code, message, ...(fields && { fields }) });
}
