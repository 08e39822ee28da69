import { hash } from 'node:crypto';
import {
  placed,
  RowcastError,
  type Answer,
  type Claim,
  type Json,
  type Key,
  type RowStep,
  type Store,
  type StoreWrite,
} from '../../core/index.ts';
import type { AskedFrame, BatchFrame, CallFrame, Refused, WriteBody, WriteFrame } from '../../protocol/index.ts';
import type { Asking, AskingParts, Then } from './asking.ts';
import { callStep } from './call.ts';
import { canonical } from './canonical.ts';
import { judge } from './judge.ts';
import { OutOfTime, Together } from '../time/deadline.ts';
import { prepare, type Unprepared } from './prepare.ts';

type Outcome = { readonly answer: Answer; readonly logged: boolean };

/** What the store is to do, and what the app wants done when that is committed. */
interface Work extends Omit<StoreWrite, 'claim'> {
  afters(): readonly Then[];
}

/**
 * What a client asks to have done, from frame to answer: refused here where no database is needed, else judged by the store on the rows as they
 * stand. Resolves for every outcome a client can be told; a failure of ours is `internal`, with the details in the log only.
 * @throws {RowcastError} `outcome_unknown` when nobody can tell what became of it, or of an earlier try: it has to be asked for again.
 */
export async function inbound(frame: AskedFrame, asking: Asking): Promise<Outcome> {
  const { writer, parts } = asking;
  const claim: Claim = { principal: writer.principal, receipt: writer.receipt, hash: writer.receipt.hash };
  try {
    const work = await workOf(frame, asking);
    if ('refused' in work) return { answer: work.refused, logged: false };
    const { afters, ...write } = work;
    const outcome = await parts.store.write({ claim, ...write });
    if (outcome.answer.ok) runAfters(afters(), parts);
    return outcome;
  } catch (error) {
    if (error instanceof OutOfTime) {
      parts.log.warn({ err: error, ...toldOf(frame) }, 'a batch was undone: its hooks took too long together');
      return { answer: BUSY, logged: false };
    }
    parts.log.error({ err: error, ...toldOf(frame) }, 'a write failed');
    if (error instanceof RowcastError && error.code === 'outcome_unknown') throw error;
    return failed(claim, parts.store);
  }
}

const BUSY: Refused = { ok: false, code: 'busy', message: 'the batch took too long; try again, or with fewer writes' };

/**
 * This try wrote nothing. An earlier one, on a connection that was lost, may have, or may be about to: where it has, its answer is this one's;
 * where it has not, it will not any more.
 */
async function failed(claim: Claim, store: Store): Promise<Outcome> {
  const answer: Refused = { ok: false, code: 'internal', message: 'the write failed; nothing was written' };
  try {
    return await store.write({
      claim,
      steps: [{ kind: 'call', name: 'nothing', judge: () => answer, run: () => null }],
      answer: () => answer,
    });
  } catch (error) {
    throw new RowcastError('outcome_unknown', 'the database went away while a write was under way', { cause: error });
  }
}

function workOf(frame: AskedFrame, asking: Asking): Promise<Work | Unprepared> {
  switch (frame.type) {
    case 'write':
      return writeWork(frame, asking);
    case 'batch':
      return batchWork(frame, asking);
    case 'call':
      return callWork(frame, asking);
  }
}

async function writeWork(frame: WriteFrame, asking: Asking): Promise<Work | Unprepared> {
  const row = await rowOf(frame, asking);
  if ('refused' in row) return row;
  return { steps: [row.step], answer: ([pk]) => ({ ok: true, pk: keyOf(pk) }), afters: () => row.afters };
}

async function batchWork({ writes }: BatchFrame, asking: Asking): Promise<Work | Unprepared> {
  const { clock, limits } = asking.parts;
  const { batch, hookMs } = limits;
  if (writes.length > batch) return refuse('too_large', `a batch holds at most ${batch} writes`);
  const rows: Row[] = [];
  const together = new Together(clock, hookMs);
  for (const [at, body] of writes.entries()) {
    const row = await rowOf(body, asking, { at, together });
    if ('refused' in row) return { refused: placed({ at }, row.refused) };
    rows.push(row);
  }
  const steps = rows.map(({ step }) => step);
  return { steps, answer: (pks) => ({ ok: true, pks: pks.map(keyOf) }), afters: () => rows.flatMap(({ afters }) => afters) };
}

async function callWork(frame: CallFrame, asking: Asking): Promise<Work | Unprepared> {
  const { streams, consumers, commands } = asking.parts;
  const command = commands.get(frame.stream);
  if (!command) {
    if (streams.has(frame.stream)) return refuse('unknown_stream', `${quoted(frame.stream)} is no command: write to it`);
    if (consumers.has(frame.stream)) return refuse('unknown_stream', `${quoted(frame.stream)} is no command: it takes messages`);
    return refuse('unknown_stream', `${quoted(frame.stream)} is no command here`);
  }
  if (!command.allow) return refuse('forbidden', `nobody may call "${frame.stream}"`);
  const afters: Then[] = [];
  const step = await callStep(frame, command, { ...asking, after: (then) => afters.push(then) });
  const run = (tx: unknown): unknown => {
    afters.length = 0; // what an earlier try wanted done is not done
    return step.run(tx);
  };
  return { steps: [{ ...step, run }], answer: ([value = null]) => ({ ok: true, value }), afters: () => afters };
}

interface Row {
  readonly step: RowStep;
  readonly afters: readonly Then[];
}

/** Of one among several: its place, and the time they have. */
interface Among {
  readonly at: number;
  readonly together: Together;
}

/** One row to be written. */
async function rowOf(body: WriteBody, asking: Asking, among?: Among): Promise<Row | Unprepared> {
  const { streams, commands, consumers } = asking.parts;
  const stream = streams.get(body.stream);
  if (!stream) {
    const name = quoted(body.stream);
    if (commands.has(body.stream)) return refuse('unknown_stream', `${name} takes no writes: it is a command, call it`);
    if (consumers.has(body.stream)) return refuse('unknown_stream', `${name} takes no writes: it takes messages`);
    return refuse('unknown_stream', `${name} is no stream here`);
  }
  const prepared = await prepare(body, stream, asking);
  if ('refused' in prepared) return prepared;
  const afters: Then[] = [];
  const step: RowStep = {
    kind: 'row',
    table: stream.table,
    action: body.action,
    key: prepared.key,
    named: stream.named,
    ...(among && { at: among.at }),
    judge: (before) => {
      if (among?.at === 0) among.together.begin();
      afters.length = 0; // judged again: what an earlier try wanted done is not done
      return judge({ ...prepared, ...asking, ...among, before, after: (then) => afters.push(then) });
    },
  };
  return { step, afters };
}

function runAfters(afters: readonly Then[], { log }: AskingParts): void {
  for (const then of afters) {
    void Promise.resolve()
      .then(then)
      .catch((error: unknown) => log.error({ err: error }, 'an `after` function failed; the write itself is committed'));
  }
}

const keyOf = (made: Json | undefined): Key => made ?? null;

const refuse = (code: Refused['code'], message: string): Unprepared => ({ refused: { ok: false, code, message } });

/** A client's own text in a message: on one line, and short. */
const quoted = (text: string): string => JSON.stringify(text.slice(0, 80));

/** For the log. */
function toldOf(frame: AskedFrame): object {
  if (frame.type === 'batch') return { writes: frame.writes.map(({ stream, action }) => `${action} ${stream}`) };
  return frame.type === 'call' ? { command: frame.stream } : { stream: frame.stream, action: frame.action };
}

/** All that it says, digested, and not by whom it is asked. */
export function hashOf({ id: _id, client: _client, ...said }: AskedFrame): string {
  return hash('sha256', canonical(said), 'base64url');
}
