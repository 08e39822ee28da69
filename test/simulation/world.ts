import { ORIGIN, type Entry, type Position } from '../../src/core/index.ts';
import { principalOf } from '../../src/server/index.ts';
import { USERS } from './app.ts';
import type { Asked } from './history.ts';
import { Causes } from './causes.ts';
import { SimDatabase } from './database.ts';
import { lie } from './liar.ts';
import { Place } from './place.ts';
import { Process } from './process.ts';
import { Random } from './random.ts';
import { Screen } from './screen.ts';
import type { Serving } from './server.ts';
import { settingOf, type Setting } from './setting.ts';
import { Timeline } from './timeline.ts';
import { Broken, type Witness } from './wiretap.ts';

/** One database, the servers in front of it and the pages in front of them. */
export class World implements Witness {
  readonly setting: Setting;
  readonly timeline: Timeline;
  readonly database: SimDatabase;
  readonly causes: Causes;
  readonly screens: Screen[] = [];
  /** How often what happened, for whoever asks whether the schedules come to it at all. */
  readonly counts = new Map<string, number>();
  /** The first law that was broken. */
  failure: unknown = null;
  readonly places: readonly Place[];
  #names = 0;
  #release = 1;
  #losing = 0;
  #forgets = false;

  constructor(seed: number, traced: boolean) {
    const random = new Random(seed);
    this.setting = settingOf(random);
    this.timeline = new Timeline(random, traced);
    this.database = new SimDatabase(this.timeline);
    this.causes = new Causes(this.database, this.setting);
    this.database.standby = () =>
      random.chance(this.setting.standby) ? (random.chance(0.2) ? random.next() * 3_000 : random.next() * 20) : 0;
    this.places = Array.from({ length: this.setting.servers }, (_, at) => this.#placeOf(`server ${'ab'[at]}`));
    this.timeline.note(() => `seed ${seed}: ${JSON.stringify(this.setting)}`);
  }

  get history(): SimDatabase['history'] {
    return this.database.history;
  }

  get shown(): SimDatabase['shown'] {
    return this.database.shown;
  }

  tail(): Position {
    return this.database.tail;
  }

  unexplained(reset: Parameters<Witness['unexplained']>[0]): string | null {
    return this.causes.unexplained(reset);
  }

  carries(position: Position, write: number): boolean {
    return this.database.log.some((each) => each.position === position && each.receipts.some((receipt) => receipt.write === write));
  }

  revokedBetween(user: string, from: Position, to: Position): boolean {
    const principal = principalOf({ id: user });
    return this.database
      .after(from)
      .some(
        ({ position, receipts }) =>
          position < to && receipts.some(({ revokes }) => revokes !== undefined && 'user' in revokes && revokes.user === principal),
      );
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  readonly failed = (error: unknown): void => {
    if (this.failure !== null) return;
    this.failure = error;
    this.timeline.note(() => `BROKEN: ${error instanceof Broken ? error.message : String(error)}`);
    this.timeline.stop();
  };

  /** A server that takes connections, if any does. */
  host(): Serving | null {
    const serving = this.places.flatMap((place) => (place.serving ? [place.serving] : []));
    return serving.length === 0 ? null : this.timeline.random.pick(serving);
  }

  place(): Place {
    return this.timeline.random.pick(this.places);
  }

  start(): void {
    for (const place of this.places) place.start();
  }

  crash(): void {
    for (const place of this.places) place.crash();
  }

  release(): void {
    this.#release++;
    this.causes.note('release');
    this.place().restart();
  }

  /** The ledger loses this many of the entries that it hands out next. */
  lose(entries: number): void {
    this.#losing = entries;
  }

  /** Whoever appends next is not told that it was done. */
  forget(): void {
    this.#forgets = true;
  }

  /** Somebody comes with what one of the pages was given once; `as`: who it is, and about what. */
  lie(as: { readonly user: string; readonly asked: Asked } | null = null): void {
    const { random } = this.timeline;
    const all = this.screens.flatMap(({ loot, user }) => loot.map((each) => ({ ...each, user })));
    const loot = as ? all.filter(({ asked }) => JSON.stringify(asked) === JSON.stringify(as.asked)) : all;
    if (loot.length === 0) return;
    const one = random.pick(loot);
    const who = USERS.find(({ id }) => id === as?.user) ?? (random.chance(0.7) ? one.user : random.pick(USERS));
    const moments = [...this.history.since(ORIGIN, this.tail())];
    lie(who, one, random.pick(moments).position, {
      timeline: this.timeline,
      client: new Process('a liar', this.timeline),
      host: () => this.host(),
      scale: this.setting.scale,
      witness: this,
      failed: this.failed,
    });
  }

  page(): Screen {
    const { random } = this.timeline;
    const user = random.pick(USERS);
    const screen = new Screen(`${user.id}'s page ${++this.#names}`, user, {
      timeline: this.timeline,
      witness: this,
      host: () => this.host(),
      scale: this.setting.scale,
      failed: this.failed,
    });
    // Who is sent away to sign in does so.
    screen.client.on('status', (status) => {
      if (status === 'signed-out') screen.process.after(random.next() * 2_000, () => screen.client.reconnect());
      if (status === 'failed') this.failed(new Broken(`${screen.name}: the client gave up`));
    });
    this.screens.push(screen);
    return screen;
  }

  remove(screen: Screen): void {
    this.screens.splice(this.screens.indexOf(screen), 1);
  }

  #placeOf(name: string): Place {
    const slot = this.database.openSlot();
    return new Place({
      name,
      slot,
      parts: () => ({
        database: this.database,
        setting: this.setting,
        release: this.#release,
        loses: (entries) => this.#loses(entries),
        forgetful: () => this.#forgets && !(this.#forgets = false),
        broken: this.failed,
      }),
      starts: () => this.causes.note('floor', { at: slot.confirmed }),
      failed: this.failed,
    });
  }

  #loses(entries: readonly Entry[]): boolean {
    if (this.#losing === 0) return false;
    this.#losing = Math.max(0, this.#losing - entries.length);
    this.timeline.note(() => `the ledger loses ${entries.map(({ position }) => position).join()}`);
    this.causes.note('entries lost', { at: entries.at(-1)?.position ?? ORIGIN });
    return true;
  }
}
