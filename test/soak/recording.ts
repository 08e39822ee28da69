import type { Line } from './client-judge.ts';
import { History, positionOf } from './history.ts';
import { Random } from './random.ts';

// A made-up database and a faultless server for it, told as a client would have recorded it. The judge must find nothing; with one thing in the
// recording changed it must find that.

export type Frame = {
  type: string;
  position: string;
  changes: Change[];
  views: number[];
  reason: string;
  view: number;
  id: number;
} & Record<string, unknown>;
export type Change = [view: number, action: string, pk: unknown, data?: Record<string, unknown>];
interface Task {
  id: number;
  org: number;
  title: string;
}

export const TASKS = 11;
export const PRICES = 12;
const EARLY = { tasks: { stream: 'tasks', params: { org: 1, team: 1 } }, prices: { stream: 'prices' } };

export class Recording {
  readonly history = new History();
  readonly lines: Line[] = [];
  readonly #random: Random;
  readonly #tasks = new Map<number, Task>();
  readonly #prices = new Map<number, { amount: string; hidden: boolean; remark: string }>();
  #lsn = 100;
  #marks = 0;
  #ids = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  get position(): string {
    return positionOf(`0/${this.#lsn.toString(16)}`);
  }

  in(frame: object): void {
    this.lines.push({ at: this.lines.length, type: 'in', text: JSON.stringify(frame) });
  }

  out(frame: object): void {
    this.lines.push({ at: this.lines.length, type: 'out', text: JSON.stringify(frame) });
  }

  open(): void {
    this.lines.push({ at: this.lines.length, type: 'open' });
    this.in({ type: 'welcome', session: 's', epoch: 'e', position: this.position, user: null, build: 'b', heartbeat: 15, streams: {} });
  }

  close(): void {
    this.lines.push({ at: this.lines.length, type: 'close', code: 1000 });
  }

  subscribe(view: number, about: object): void {
    this.#ids++;
    this.out({ type: 'subscribe', id: this.#ids, ...about });
    this.in({ type: 'subscribed', id: this.#ids, view });
  }

  rows(view: number, position: string = this.position): void {
    const rows =
      view === TASKS
        ? [...this.#tasks.values()].filter(({ org }) => org === 1).map((task) => [task.id, wireTask(task)])
        : [...this.#prices].filter(([, { hidden }]) => !hidden).map(([id, price]) => [id, wirePrice(price)]);
    if (rows.length > 0) this.in({ type: 'rows', view, rows, count: rows.length, total: rows.length });
    this.in({ type: 'ready', view, position, token: `t${view}` });
  }

  /** A transaction over a few tasks and prices, and what of it the two views have. */
  commit(): Change[] {
    const before = { tasks: structuredClone(this.#tasks), prices: structuredClone(this.#prices) };
    const xid = String(++this.#lsn);
    const data = [`BEGIN ${xid}`];
    for (let left = this.#random.between(2, 5); left > 0; left--) data.push(this.#random.chance(0.5) ? this.#task() : this.#price());
    data.push(`COMMIT ${xid}`);
    for (const each of data) this.history.take({ xid, lsn: `0/${this.#lsn.toString(16)}`, data: each });
    const changes: Change[] = [];
    for (const id of new Set([...before.tasks.keys(), ...this.#tasks.keys()])) {
      const [was, is] = [before.tasks.get(id), this.#tasks.get(id)];
      if (was?.title === is?.title && was?.org === is?.org) continue;
      changes.push(...changed(TASKS, id, was?.org === 1, is?.org === 1 && wireTask(is)));
    }
    for (const id of new Set([...before.prices.keys(), ...this.#prices.keys()])) {
      const [was, is] = [before.prices.get(id), this.#prices.get(id)];
      if (was?.remark === is?.remark) continue;
      changes.push(...changed(PRICES, id, was?.hidden === false, is?.hidden === false && wirePrice(is)));
    }
    return changes;
  }

  /** So many tasks that the view of tasks has, each with a commit of its own; or, all of them, gone again. */
  crowd(from: number, count: number, action: 'INSERT' | 'DELETE'): void {
    for (let id = from; id < from + count; id++) {
      const xid = String(++this.#lsn);
      const row = `id[integer]:${id}${action === 'INSERT' ? ` org[integer]:1 team[integer]:1 title[text]:'~c${id}~'` : ''}`;
      for (const data of [`BEGIN ${xid}`, `table public.task: ${action}: ${row}`, `COMMIT ${xid}`]) {
        this.history.take({ xid, lsn: `0/${this.#lsn.toString(16)}`, data });
      }
    }
  }

  truncate(): void {
    const xid = String(++this.#lsn);
    for (const data of [`BEGIN ${xid}`, 'table public.price: TRUNCATE: (no-flags)', `COMMIT ${xid}`]) {
      this.history.take({ xid, lsn: `0/${this.#lsn.toString(16)}`, data });
    }
    this.#prices.clear();
  }

  #task(): string {
    const id = this.#random.below(8);
    const was = this.#tasks.get(id);
    if (was && this.#random.chance(0.3)) {
      this.#tasks.delete(id);
      return `table public.task: DELETE: id[integer]:${id}`;
    }
    const task = { id, org: this.#random.between(1, 2), title: `~t${this.#marks++}~ it's` };
    this.#tasks.set(id, task);
    const row =
      `id[integer]:${id} org[integer]:${task.org} team[integer]:1 title[text]:'${task.title.replaceAll("'", "''")}' body[text]:null ` +
      `rank[bigint]:7 due[timestamp with time zone]:'2026-11-23 12:00:00.5+00' secret[text]:'canary-task'`;
    return `table public.task: ${was ? `UPDATE: ${row}` : `INSERT: ${row}`}`;
  }

  #price(): string {
    const id = this.#random.below(8);
    const was = this.#prices.get(id);
    const price = { amount: `${this.#marks}.50`, hidden: this.#random.chance(0.4), remark: `~r${this.#marks++}~` };
    this.#prices.set(id, price);
    const row = `id[integer]:${id} amount[numeric]:${price.amount} currency[text]:'EUR' hidden[boolean]:${price.hidden} remark[text]:'${price.remark}'`;
    return `table public.price: ${was ? 'UPDATE' : 'INSERT'}: ${row}`;
  }
}

const wireTask = ({ org, title }: Task) => ({ org, team: 1, title, body: null, rank: '7', due: '2026-11-23T12:00:00.5Z' });
const wirePrice = ({ amount, remark }: { amount: string; remark: string }) => ({ label: `${amount} EUR`, remark });

function changed(view: number, id: number, saw: boolean, sees: false | object): Change[] {
  if (sees) return [[view, saw ? 'update' : 'create', id, sees as Record<string, unknown>]];
  return saw ? [[view, 'delete', id]] : [];
}

function follow(recording: Recording, commits: number): void {
  for (let left = commits; left > 0; left--) {
    const changes = recording.commit();
    const { position } = recording;
    const half = changes.length >> 1;
    if (left % 5 === 0 && half > 0) {
      recording.in({ type: 'commit', position, changes: changes.slice(0, half), more: true });
      recording.in({ type: 'commit', position, changes: changes.slice(half) });
    } else if (changes.length > 0) recording.in({ type: 'commit', position, changes });
    if (left % 7 === 0) recording.in({ type: 'ping', position });
  }
}

/** Two views, followed; away, and back by their tokens with one merged commit; and again with every commit by itself. */
export function faultless(seed: number): Recording {
  const recording = new Recording(seed);
  for (let n = 0; n < 6; n++) recording.commit();
  recording.open();
  recording.subscribe(TASKS, EARLY.tasks);
  recording.rows(TASKS);
  recording.subscribe(PRICES, EARLY.prices);
  recording.rows(PRICES);
  follow(recording, 30);
  recording.in({ type: 'ping', position: recording.position });
  recording.close();

  const at = recording.position;
  const [changes, position] = [recording.commit(), recording.position];
  recording.open();
  recording.subscribe(TASKS, { ...EARLY.tasks, at, token: `t${TASKS}` });
  const tasks = changes.filter(([view]) => view === TASKS);
  recording.in({ type: 'commit', position, changes: tasks, merged: true });
  recording.in({ type: 'ready', view: TASKS, position, token: `t${TASKS}` });
  recording.subscribe(PRICES, { ...EARLY.prices, at, token: `t${PRICES}` });
  const prices = changes.filter(([view]) => view === PRICES);
  if (prices.length > 0) recording.in({ type: 'commit', position, changes: prices });
  recording.in({ type: 'ready', view: PRICES, position, token: `t${PRICES}` });
  follow(recording, 30);
  recording.in({ type: 'ping', position: recording.position });
  return recording;
}
