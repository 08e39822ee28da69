import { createClient, select } from 'rowcast/client';
import { rounds } from './rounds.ts';

// What a browser is given: the first thousand of the rows as a table, brought up to date once a frame.

export interface Measured {
  /** Frames in a second. */
  readonly rate: number;
  /** The longest time between two of them, in ms. */
  readonly longest: number;
  /** Frames that took more than 50 ms. */
  readonly long: number;
  /** How often the page was told that rows are others. */
  readonly told: number;
}

interface Tick {
  readonly id: number;
  readonly name: string;
  readonly value: number;
}

const client = createClient('/binding/', { linger: 0 });

/** Resolves when the rows are there. */
async function show(visible: number): Promise<number> {
  const handle = client.stream('ticks', { room: 0 });
  const ticks = select(handle, { orderBy: 'id', limit: visible });
  await new Promise<void>((resolve) => handle.on('ready', () => resolve()));
  const table = document.body.appendChild(document.createElement('table'));
  let shown: readonly unknown[] = [];
  const draw = (): void => {
    const rows = ticks.rows as unknown as readonly Tick[];
    for (const [at, row] of rows.entries()) {
      if (row === shown[at]) continue;
      const line = table.rows[at] ?? table.insertRow();
      for (const [cell, text] of [row.id, row.name, row.value].entries())
        (line.cells[cell] ?? line.insertCell()).textContent = String(text);
    }
    shown = rows;
  };
  let waiting = false;
  ticks.on('current', () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  });
  handle.on('current', () => told++);
  draw();
  return handle.rows.length;
}
let told = 0;

async function frames(seconds: number): Promise<Measured> {
  told = 0;
  const times: number[] = [];
  await new Promise<void>((resolve) => {
    const next = (time: number): void => {
      times.push(time);
      if (time - (times[0] as number) > seconds * 1_000) resolve();
      else requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  const gaps = times.slice(1).map((time, at) => time - (times[at] as number));
  const took = (times.at(-1) as number) - (times[0] as number);
  return { rate: (gaps.length * 1_000) / took, longest: Math.max(...gaps), long: gaps.filter((gap) => gap > 50).length, told };
}

export interface Page {
  show(visible: number): Promise<number>;
  frames(seconds: number): Promise<Measured>;
  rounds(count: number): Promise<void>;
}

Object.assign(globalThis, { page: { show, frames, rounds: (count) => rounds(client, count) } satisfies Page });
