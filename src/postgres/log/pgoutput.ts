import { UNREADABLE, type Change, type Image, type Loss, type LogValue } from '../../core/index.ts';
import { isOurs, type Message } from './messages.ts';
import type { PgTable } from '../tables/tables.ts';

/** What a transaction of the log turns into. `begin` … `commit` enclose everything else; nothing of a rolled-back one is ever seen. */
export interface LogHandler {
  /** @param xid the lower 32 bits of the transaction's number. */
  begin(xid: number): void;
  /** @param bytes what the change took in the log. */
  change(change: Change, bytes: number): void;
  lost(table: PgTable, reason: Loss['reason']): void;
  /** A message that a session left in the log inside the transaction. */
  message(message: Message): void;
  /** A message that is part of no transaction, and there at once: it may come between `begin` and `commit`. */
  aside(message: Message): void;
  /**
   * @param end the LSN right after the commit's record.
   * @param time when it was committed: ms since 1970
   */
  commit(end: bigint, time: number): void;
}

interface Relation {
  readonly table: PgTable;
  /** For each column of the log, its place in an image; -1 for one the model does not have. */
  readonly places: Int32Array;
  /** An image before anything is put into it: what the log does not have as the model says cannot be read, whatever comes. */
  readonly blank: Image;
  /** A listed column is missing or re-typed. */
  readonly drifted: boolean;
  /** Places beyond the key, for a partitioned table: the log says of it, not of the partition, that the row before is whole. */
  readonly beyondKey: readonly number[];
}

const [BEGIN, COMMIT, DELETE, INSERT, MESSAGE, RELATION, TRUNCATE, UPDATE] = [...'BCDIMRTU'].map((letter) => letter.charCodeAt(0));
const OLD_ROW = 'O'.charCodeAt(0);
const NULL = 'n'.charCodeAt(0);
const UNCHANGED = 'u'.charCodeAt(0);
/** Shorter texts are put together here faster than a call into the runtime makes them. */
const SHORT = 8;
/** Longer values are made again rather than compared byte by byte with the old row's. */
const COMPARED = 256;

/**
 * Decodes pgoutput, protocol version 1, one message at a time. Rows come as images in the model's order; columns the model does not have are
 * passed over unread. A value that an update left out of the log (an unchanged value stored out of line) is the old row's.
 */
export class PgoutputDecoder {
  /** False: rows are not decoded but reported as lost, being too many. Until the next commit. */
  rows = true;
  /** By the table's number: the code may have several models of one table. */
  readonly #tables = new Map<number, PgTable[]>();
  readonly #relations = new Map<number, readonly Relation[]>();
  readonly #handler: LogHandler;
  #data: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Where each value of the old row stands in the message: start and end by the log's column; start -1 for NULL. */
  #old = new Int32Array(64);

  constructor(tables: Iterable<PgTable>, handler: LogHandler) {
    for (const table of tables) {
      const { oid } = table.relation;
      this.#tables.set(oid, [...(this.#tables.get(oid) ?? []), table]);
    }
    this.#handler = handler;
  }

  /** The message is read during the call only: its memory may be used again. */
  decode(data: Buffer, start: number): void {
    this.#data = data;
    this.#at = start + 1;
    switch (data[start]) {
      case INSERT:
      case UPDATE:
      case DELETE:
        return this.#row(data[start], data.length - start);
      case BEGIN:
        return this.#handler.begin(data.readUInt32BE(start + 17));
      case COMMIT:
        this.rows = true;
        return this.#handler.commit(data.readBigUInt64BE(start + 10), timeAt(data, start + 18));
      case RELATION:
        return this.#relation();
      case TRUNCATE:
        return this.#truncate();
      case MESSAGE:
        return this.#message();
      default: // types and origins: nothing we need
    }
  }

  #row(kind: number | undefined, bytes: number): void {
    const relations = this.#relations.get(this.#uint32());
    if (!relations) return;
    const start = this.#at;
    for (const relation of relations) {
      this.#at = start;
      const { table, drifted } = relation;
      if (drifted || !this.rows) this.#handler.lost(table, drifted ? 'schema' : 'bulk');
      else this.#change(relation, kind, bytes);
    }
  }

  #change(relation: Relation, kind: number | undefined, bytes: number): void {
    const { table } = relation;
    const old = this.#data[this.#at++] === OLD_ROW;
    if (kind === INSERT) return this.#handler.change({ table, before: null, after: this.#image(relation) }, bytes);
    // Anything else is a key alone, or nothing: somebody took the table's replica identity away, and the row before cannot be known.
    if (!old) return this.#handler.lost(table, 'schema');
    const before = this.#image(relation, true);
    if (isKeyAlone(relation, before)) return this.#handler.lost(table, 'schema');
    if (kind === DELETE) return this.#handler.change({ table, before, after: null }, bytes);
    this.#at++;
    this.#handler.change({ table, before, after: this.#image(relation, false, before) }, bytes);
  }

  #image({ places, blank }: Relation, remember = false, old: Image | null = null): Image {
    const data = this.#data;
    const image = blank.slice();
    const count = data.readUInt16BE(this.#at);
    let at = this.#at + 2;
    if (this.#old.length < 2 * count) this.#old = new Int32Array(2 * count);
    const marks = this.#old;
    for (let index = 0; index < count; index++) {
      const place = places[index] as number;
      const kind = data[at++];
      if (kind === NULL || kind === UNCHANGED) {
        if (kind === UNCHANGED && place >= 0) image[place] = old?.[place] ?? null;
        if (remember) marks[2 * index] = -1;
        continue;
      }
      const start = at + 4;
      const end = start + data.readInt32BE(at);
      at = end;
      if (place >= 0) {
        // Most values of an update are the old ones: sharing their text is cheaper than making it again, in time and in memory.
        const same = old !== null && this.#sameAsOld(index, start, end);
        image[place] = same ? (old[place] ?? null) : text(data, start, end);
      }
      if (remember) {
        marks[2 * index] = start;
        marks[2 * index + 1] = end;
      }
    }
    this.#at = at;
    return image;
  }

  #sameAsOld(index: number, start: number, end: number): boolean {
    const marks = this.#old;
    let before = marks[2 * index] as number;
    const length = end - start;
    if (before < 0 || (marks[2 * index + 1] as number) - before !== length || length > COMPARED) return false;
    const data = this.#data;
    for (let at = start; at < end; at++) if (data[at] !== data[before++]) return false;
    return true;
  }

  #relation(): void {
    const oid = this.#uint32();
    const tables = this.#tables.get(oid);
    if (!tables) return;
    this.#string(); // schema
    this.#string(); // name: a renamed table is the same table
    this.#at++; // replica identity: each row shows what it has
    const count = this.#data.readUInt16BE(this.#at);
    this.#at += 2;
    const columns: { readonly name: string; readonly type: number }[] = [];
    for (let index = 0; index < count; index++) {
      this.#at++; // part of the key
      columns.push({ name: this.#string(), type: this.#uint32() });
      this.#at += 4; // type modifier
    }
    this.#relations.set(
      oid,
      tables.map((table) => relationOf(table, columns)),
    );
  }

  #truncate(): void {
    const count = this.#uint32();
    this.#at++; // options: a cascade names its tables too
    for (let index = 0; index < count; index++) {
      for (const table of this.#tables.get(this.#uint32()) ?? []) this.#handler.lost(table, 'truncate');
    }
  }

  #message(): void {
    const transactional = this.#data[this.#at] === 1;
    const at = this.#data.readBigUInt64BE(this.#at + 1);
    this.#at += 9;
    const prefix = this.#string();
    if (!isOurs(prefix)) return;
    const length = this.#uint32();
    const message = { prefix, content: this.#data.toString('utf8', this.#at, this.#at + length), at };
    if (transactional) this.#handler.message(message);
    else this.#handler.aside(message);
  }

  #uint32(): number {
    const value = this.#data.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  #string(): string {
    const start = this.#at;
    const end = this.#data.indexOf(0, start);
    this.#at = end + 1;
    return this.#data.toString('utf8', start, end);
  }
}

function text(data: Buffer, start: number, end: number): string {
  if (end - start > SHORT) return data.toString('utf8', start, end);
  let made = '';
  for (let at = start; at < end; at++) {
    const byte = data[at] as number;
    if (byte > 127) return data.toString('utf8', start, end);
    made += String.fromCharCode(byte);
  }
  return made;
}

function relationOf(table: PgTable, columns: readonly { readonly name: string; readonly type: number }[]): Relation {
  // Of another type than at the start is as good as missing: its text would be read by the wrong rule.
  const places = columns.map(({ name, type }) => table.columns.findIndex((column) => column.column === name && column.type === type));
  const drifted = table.columns.some(({ listed }, place) => listed && !places.includes(place));
  const beyondKey =
    table.relation.kind === 'p'
      ? table.columns.flatMap((_, place) => (table.key.includes(place) || !places.includes(place) ? [] : [place]))
      : [];
  const blank = table.columns.map((_, place): LogValue | typeof UNREADABLE => (places.includes(place) ? null : UNREADABLE));
  return { table, places: Int32Array.from(places), blank, drifted, beyondKey };
}

/** The row before, from a partition whose replica identity has not been set yet. A row that is like that in truth is taken for one too. */
function isKeyAlone({ table, beyondKey }: Relation, image: Image): boolean {
  if (beyondKey.length === 0) return false;
  return (
    beyondKey.every((place) => image[place] === null) || beyondKey.some((place) => image[place] === null && !table.columns[place]?.nullable)
  );
}

/** Microseconds since 2000, which fit a number until 2285. */
function timeAt(data: Buffer, start: number): number {
  return Math.floor((data.readInt32BE(start) * 2 ** 32 + data.readUInt32BE(start + 4)) / 1_000) + Y2000;
}

const Y2000 = Date.UTC(2000, 0);
