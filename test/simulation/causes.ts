import type { Position, ResetReason } from '../../src/core/index.ts';
import { STREAMS, type Row, type User } from './app.ts';
import type { SimDatabase } from './database.ts';
import type { Asked } from './history.ts';
import type { Setting } from './setting.ts';
import type { Statement } from './transaction.ts';

/** What was done that somebody may be told about. */
export type Cause = 'floor' | 'reading failed' | 'slot' | 'epoch' | 'secret' | 'release' | 'entries lost' | 'revoked';

export interface ResetTold {
  readonly reason: ResetReason;
  readonly asked: Asked;
  readonly user: User;
  /** The place the viewer could have gone on from. */
  readonly from: Position;
}

/** Why a client may be told to read again: each reason only for what it names. */
export class Causes {
  readonly #database: SimDatabase;
  readonly #setting: Setting;
  readonly #done: { readonly cause: Cause; readonly at: Position; readonly who: string | null }[] = [];

  constructor(database: SimDatabase, setting: Setting) {
    this.#database = database;
    this.#setting = setting;
  }

  note(cause: Cause, { at = this.#database.tail, who = null }: { readonly at?: Position; readonly who?: string | null } = {}): void {
    this.#done.push({ cause, at, who });
  }

  /** Null: there is reason enough. */
  unexplained({ reason, asked, user, from }: ResetTold): string | null {
    const done = (cause: Cause, who: string | null = null): boolean =>
      this.#done.some((each) => each.cause === cause && each.at > from && each.who === who);
    switch (reason) {
      case 'truncate':
        return this.#logged(from, (table, truncated) => truncated && table === STREAMS[asked.stream].table)
          ? null
          : 'no such table was emptied';
      case 'bulk':
        return this.#biggest(asked, from) > this.#setting.bulk.rows ? null : 'no commit was that big';
      case 'membership':
        return this.#belongs(asked, user, from) || (asked.stream === 'tasks' && done('slot'))
          ? null
          : 'nothing changed in what the user belongs to';
      case 'retention':
        return done('floor') || done('reading failed') || this.#ever('entries lost') || this.#tooLong()
          ? null
          : 'the window goes back that far';
      case 'bindings':
        return this.#ever('release') ? null : 'the bindings are the same';
      case 'timeline':
        return this.#ever('epoch') || (this.#setting.servers > 1 && this.#ever('reading failed')) ? null : 'it is the same history';
      case 'token_invalid':
        return this.#ever('secret') ? null : 'the token was given for this';
      case 'slot_lost':
      case 'slot_replaced':
        return done('slot') ? null : 'the slot is as it was';
      case 'backplane_loss':
        return done('entries lost') || this.#tooLong() ? null : 'the ledger has everything';
      case 'permission_changed':
        return done('revoked', user.id) ? null : 'nothing was taken back';
      case 'serializer':
      case 'schema':
      case 'publication_changed':
        return 'nothing of that kind happens here';
    }
  }

  #ever(cause: Cause): boolean {
    return this.#done.some((each) => each.cause === cause);
  }

  #logged(from: Position, is: (table: string, truncated: boolean) => boolean): boolean {
    return this.#database.after(from).some(({ statements }) => statements.some(({ table, kind }) => is(table, kind === 'truncate')));
  }

  #biggest({ stream }: Asked, from: Position): number {
    const sizes = this.#database.after(from).map(({ statements }) => rowsOf(statements, STREAMS[stream].table));
    return Math.max(0, ...sizes);
  }

  #belongs({ stream }: Asked, user: User, from: Position): boolean {
    if (stream !== 'tasks') return false;
    // A row that is written and stays as it was counts: nobody has to look into it to be on the safe side.
    const of = (row: Row | null): boolean => row?.['userId'] === user.id;
    return this.#database
      .after(from)
      .some(({ statements }) =>
        statements.some((each) => each.table === 'member' && (each.kind === 'truncate' || of(each.before) || of(each.after))),
      );
  }

  /** More has happened than is kept, by number or by age: a snapshot may need what was long before it, too. */
  #tooLong(): boolean {
    const { entries, age } = this.#setting.window;
    return this.#database.log.length > entries || age < 3_600_000;
  }
}

/** How many rows are told of: a row under another key is two. */
function rowsOf(statements: readonly Statement[], table: string): number {
  let rows = 0;
  for (const each of statements)
    if (each.table === table && each.kind === 'row') rows += each.before && each.after && each.before['id'] !== each.after['id'] ? 2 : 1;
  return rows;
}
