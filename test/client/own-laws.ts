import { expect } from 'vitest';
import { Random } from '../soak/random.ts';
import { openApp, type App } from './app.ts';
import { moment } from './link.ts';
import { Page } from './page.ts';
import { wrongWith } from './sighting.ts';
import { Truth } from './truth.ts';

export interface Course {
  readonly seed: number;
  /** Own writes, about. */
  readonly writes: number;
}

/** Own writes between two quiet moments. */
const ROUND = 40;

/** Random writes over a random network, every sighting judged. @throws {Error} with the seed in it. */
export async function runCourse({ seed, writes }: Course): Promise<{ readonly writes: number; readonly sightings: number }> {
  const random = new Random(seed);
  await using app = await openApp({ window: random.chance(0.5) ? 100_000 : 30 });
  using truth = await Truth.open(app.url);
  using page = new Page({
    app,
    random: random.branch(),
    name: 'w',
    options: { coalesce: random.chance(0.5) ? 3 : 0 },
    risk: random.pick([0, 0.01, 0.03]),
  });
  const others = new Others(app, random.branch());
  others.begin();
  let sightings = 0;
  try {
    while (page.writes.length < writes) {
      const end = Math.min(writes, page.writes.length + ROUND);
      page.link.calm(false);
      while (page.writes.length < end) {
        step(page, others, random);
        if (random.chance(0.6)) await moment(random);
      }
      await quiet(page, app, truth);
      sightings += judged(page, truth);
    }
    return { writes: page.writes.length, sightings };
  } catch (error) {
    throw new Error(`seed ${seed}, after ${page.writes.length} writes: ${String(error)}`, { cause: error });
  }
}

function step(page: Page, others: Others, random: Random): void {
  const { posts } = page;
  // What the app's own way makes has no name before it is there.
  const rows = posts.rows.filter((each) => !page.isNameless(each));
  if (rows.length === 0) return page.create();
  const row = random.pick(rows);
  // Of those that the app or a command could name.
  const real = rows.filter(
    (each) => typeof each['id'] === 'number' && each['id'] > 0 && page.targetOf(String(posts.pk(each)))?.made === undefined,
  );
  const few = rows.length < 8;
  switch (
    random.weighed({
      update: 30,
      typing: 8,
      create: few ? 14 : 7,
      making: 8,
      delete: few ? 2 : 8,
      batch: 8,
      call: real.length > 0 ? 6 : 0,
      app: 8,
      other: 18,
      cut: 2,
      away: 2,
    })
  ) {
    case 'update':
      return page.update(row);
    case 'typing':
      for (let key = random.between(2, 5); key > 0; key--) page.update(posts.row(posts.pk(row)) ?? row);
      return;
    case 'create':
      return page.create();
    case 'making': {
      page.create();
      const made = posts.rows.at(-1);
      if (made && random.chance(0.8)) page.update(made);
      const now = posts.rows.at(-1);
      if (now && random.chance(0.2)) page.delete(now);
      return;
    }
    case 'delete':
      return page.delete(row);
    case 'batch':
      return page.batch([...new Set([row, random.pick(rows)])]);
    case 'call':
      return page.call([...new Set([random.pick(real), random.pick(real)])]);
    case 'app':
      return page.byApp(real.length > 0 && random.chance(0.75) ? random.pick(real) : null);
    case 'other':
      return others.write();
    case 'cut':
      return page.link.cut();
    case 'away':
      page.link.away();
      setTimeout(() => page.link.back(), random.between(0, 15));
      return;
  }
}

/** Whoever else writes to these rows. */
class Others {
  readonly #app: App;
  readonly #random: Random;
  #texts = 0;

  constructor(app: App, random: Random) {
    this.#app = app;
    this.#random = random;
  }

  begin(): void {
    for (let row = 0; row < 5; row++) this.#app.commit((run) => run('INSERT INTO post (title) VALUES (?)', this.#text()));
  }

  write(): void {
    const { rows } = this.#app;
    const all = rows();
    this.#app.commit((run) => {
      for (let times = this.#random.between(1, 2); times > 0; times--) {
        const row = all.length > 0 ? this.#random.pick(all) : undefined;
        const what = this.#random.weighed({ title: 6, note: 3, delete: 1, create: 1 });
        if (what === 'create' || !row) run('INSERT INTO post (title) VALUES (?)', this.#text());
        else if (what === 'delete') run('DELETE FROM post WHERE id = ?', row.id);
        else if (what === 'title') run('UPDATE post SET title = ? WHERE id = ?', this.#text(), row.id);
        else run('UPDATE post SET note = ? WHERE id = ?', this.#text(), row.id);
      }
    });
  }

  #text(): string {
    return `x${++this.#texts}`;
  }
}

/** No more trouble: everything has its answer, and is there. */
async function quiet(page: Page, app: App, truth: Truth): Promise<void> {
  page.link.calm(true);
  await page.answered();
  await page.live();
  await page.past();
  await app.live.settled();
  const last = app.texts().at(-1);
  if (last !== undefined) await truth.written(last);
  expect(page.client.pending).toEqual([]);
  expect(page.posts.status).toBe('live');
  expect(page.asks.strange, 'sent out of order').toEqual([]);
  const rows = page.posts.rows.map(({ id, title, note }) => ({ id, title, note }));
  expect(rows.sort((one, other) => Number(one.id) - Number(other.id))).toEqual(app.rows());
  expect(truth.doubled, 'written twice').toEqual([]);
  for (const own of page.writes) {
    if (own.way === 'app') continue;
    const { answer, action, data, target } = own;
    const times = action === 'delete' ? truth.times(`-${target.name(truth)}`) : Math.max(...own.texts.map((text) => truth.times(text)));
    const about = `${own.way} ${action} of ${target.name(truth)} ${JSON.stringify(data)}: ${JSON.stringify(answer)}`;
    if (answer?.ok) expect(times, `${about}, and lost`).toBe(1);
    else if (action !== 'delete') expect(times, `${about}, and done`).toBe(0);
  }
}

function judged(page: Page, truth: Truth): number {
  const sightings = page.sightings.splice(0);
  for (const sighting of sightings) {
    const wrong = wrongWith(sighting, { truth, writes: page.writes, targetOf: (key) => page.targetOf(key) });
    if (wrong !== null) throw new Error(wrong);
  }
  return sightings.length;
}
