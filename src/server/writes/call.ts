import { RowcastError, type CallStep } from '../../core/index.ts';
import { toWire, type CallFrame, type Json, type Refused } from '../../protocol/index.ts';
import type { Asking, Then } from './asking.ts';
import type { Command } from './command.ts';
import { bounded, within } from '../time/deadline.ts';
import { fieldErrors, invalid } from '../bindings/values.ts';

/** What a command gives is kept with its answer for a day, in the database and in its log: bytes of it as JSON. */
const MOST_VALUE = 4_096;

/** A call of a command, as what the store is to do: its input is looked at here, where no database is needed. */
export async function callStep(
  frame: CallFrame,
  command: Command,
  { writer, parts, after }: Asking & { after(then: Then): void },
): Promise<CallStep> {
  const { clock, log, limits } = parts;
  const { user } = writer;
  const name = frame.stream;
  const checked = await within(clock, limits.hookMs, command.input['~standard'].validate(frame.input));
  if (checked.issues) {
    // What looks at more than the input may have said otherwise when the same call was done.
    const refused = invalid(fieldErrors(checked.issues));
    return { kind: 'call', name, judge: () => refused, run: () => null };
  }
  const input = checked.value;
  const forbidden: Refused = { ok: false, code: 'forbidden', message: `you may not call "${name}"` };
  return {
    kind: 'call',
    name,
    async judge() {
      try {
        return (await within(clock, limits.hookMs, command.allow?.(user, input) ?? false)) === true ? null : forbidden;
      } catch (error) {
        log.error({ err: error, command: name }, '`allow` failed: refused');
        return forbidden;
      }
    },
    run(tx) {
      const made = bounded(clock, limits.hookMs, command.run(tx, input, { user, after }));
      return made instanceof Promise ? made.then((value) => valueOf(name, value)) : valueOf(name, made);
    },
  };
}

function valueOf(name: string, made: unknown): Json {
  const value = toWire(made) ?? null;
  if (Buffer.byteLength(JSON.stringify(value)) <= MOST_VALUE) return value;
  throw new RowcastError(
    'hook_invalid',
    `the command "${name}" returned more than ${MOST_VALUE} bytes; return a key, and let a stream tell the rest`,
  );
}
