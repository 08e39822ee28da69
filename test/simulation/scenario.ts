import type { Transaction } from './transaction.ts';
import { AUDIENCES, BLOGS, ORGS, ROLES, STREAMS, USERS, type Row, type TableName } from './app.ts';
import type { Asked } from './history.ts';
import { principalOf } from '../../src/server/index.ts';
import type { Screen } from './screen.ts';
import type { Fault } from './setting.ts';
import type { World } from './world.ts';

type Act = () => void;

/** All that can be looked at. */
const VIEWS: readonly Asked[] = [
  ...BLOGS.map((blog): Asked => ({ stream: 'posts', params: { blog } })),
  ...ORGS.map((org): Asked => ({ stream: 'tasks', params: { org } })),
  { stream: 'tasks', params: null },
  { stream: 'notes', params: null },
];

/** What everybody does: the app's own writers, people at their pages, and whoever pulls plugs. */
export class Scenario {
  readonly #world: World;
  /** Transactions of the app's own that are under way, with where each may go back to. */
  readonly #writers: { readonly transaction: Transaction; savepoint: number }[] = [];
  readonly #acts: readonly (readonly [number, Act])[];

  constructor(world: World) {
    this.#world = world;
    const fault = (name: Fault, act: Act): readonly [number, Act] => [
      world.setting.faults[name],
      () => {
        world.count(name);
        world.timeline.note(() => `— ${name}`);
        act();
      },
    ];
    const { random } = world.timeline;
    this.#acts = [
      [14, () => this.#write()],
      [6, () => this.#together()],
      [3, () => this.#begin()],
      [5, () => this.#finish()],
      [5, () => this.#look()],
      [1.5, () => this.#leave()],
      [4, () => this.#ask()],
      [0.5, () => this.#hasten()],
      [0.5, () => this.#goAway()],
      [1, () => this.#overtake()],
      [0.3, () => this.#grant()],
      [0.7, () => this.#someone()?.client.reconnect()],
      [0.4, () => this.#newPage()],
      fault('cut', () => this.#someone()?.link?.cut({ client: random.chance(0.8), server: random.chance(0.8) })),
      fault('half-open', () => this.#someone()?.link?.cut({ client: false, server: false })),
      fault('stall', () => this.#stall()),
      fault('kill page', () => this.#killPage()),
      fault('crash server', () => world.place().crash()),
      fault('restart server', () => world.place().restart()),
      fault('release', () => world.release()),
      fault('cut database', () => {
        world.causes.note('reading failed');
        world.database.cut(false);
      }),
      fault('crash database', () => {
        world.causes.note('reading failed');
        world.database.crash();
        this.#writers.length = 0;
      }),
      fault('lose slot', () => {
        if (random.chance(0.4)) this.#revoke();
        world.timeline.at(world.timeline.now + random.next() * 5, () => {
          world.database.loseSlot(world.place().slot, random.pick(['slot_lost', 'slot_replaced']));
          world.causes.note('slot');
          world.causes.note('reading failed');
        });
      }),
      fault('new epoch', () => {
        world.database.epoch = random.name();
        world.causes.note('epoch');
        world.crash();
      }),
      fault('new secret', () => {
        world.database.secret = random.name();
        world.causes.note('secret');
        world.crash();
      }),
      fault('lose entries', () => world.lose(random.between(1, 3))),
      fault('lose an answer', () => world.forget()),
      fault('lie', () => world.lie()),
      fault('truncate', () => this.#truncate()),
      fault('bulk', () => this.#bulk()),
      fault('revoke', () => this.#revoke()),
      fault('long wait', () => undefined),
    ];
  }

  /** Some rows, some members and some pages to begin with. */
  async begin(): Promise<void> {
    const world = this.#world;
    const { random } = world.timeline;
    const transaction = world.database.begin();
    for (let row = random.between(2, 6); row > 0; row--) this.#insert(transaction, random.pick(['post', 'task', 'note', 'member']));
    transaction.commit([]);
    world.start();
    await world.timeline.run(random.chance(0.8) ? 150 : 0);
    for (let page = world.setting.pages; page > 0; page--) this.#newPage();
  }

  /** Milliseconds until the next thing happens. */
  pause(): number {
    const { random } = this.#world.timeline;
    if (this.#world.setting.faults['long wait'] > 0 && random.chance(0.03)) return random.next() * 70_000;
    return random.chance(0.1) ? random.next() * 2_000 : random.chance(0.5) ? random.next() : random.next() * 30;
  }

  act(): void {
    this.#world.timeline.random.weighted(this.#acts)();
  }

  /** Nobody is in anybody's way any more: everything must come to rest, and be right. */
  end(): void {
    const { database, screens, causes } = this.#world;
    for (const { transaction } of this.#writers.splice(0)) transaction.commit([]);
    database.standby = () => 0;
    for (const screen of screens) screen.link?.stall(false);
    for (const { confirmed } of database.slots) causes.note('floor', { at: confirmed });
    this.#world.lose(0);
  }

  // The app's own writers.

  #write(): void {
    const { random } = this.#world.timeline;
    const writer = this.#writers.length > 0 && random.chance(0.6) ? random.pick(this.#writers) : null;
    if (writer?.transaction.open) return this.#statement(writer.transaction);
    const transaction = this.#world.database.begin();
    for (let statements = random.between(1, 3); statements > 0; statements--) this.#statement(transaction);
    this.#commit(transaction);
  }

  /** What somebody belongs to, and the rows of it, in one commit. */
  #together(): void {
    const { random } = this.#world.timeline;
    const transaction = this.#world.database.begin();
    if (random.chance(0.5)) this.#statement(transaction, 'task');
    this.#statement(transaction, 'member');
    if (random.chance(0.5)) this.#statement(transaction, 'task');
    this.#commit(transaction);
  }

  #begin(): void {
    if (this.#writers.length >= 3) return;
    const transaction = this.#world.database.begin();
    this.#statement(transaction);
    this.#writers.push({ transaction, savepoint: transaction.statements.length });
  }

  #finish(): void {
    const { random } = this.#world.timeline;
    if (this.#writers.length === 0) return;
    const writer = random.pick(this.#writers);
    const what = random.weighted([
      [6, 'commit'],
      [2, 'rollback'],
      [1, 'rollback to savepoint'],
      [1, 'savepoint'],
    ] as const);
    if (what === 'savepoint') return void (writer.savepoint = writer.transaction.statements.length);
    if (what === 'rollback to savepoint') return writer.transaction.rollbackTo(writer.savepoint);
    this.#writers.splice(this.#writers.indexOf(writer), 1);
    if (what === 'rollback') writer.transaction.rollback();
    else this.#commit(writer.transaction);
  }

  /** How long a commit waits to be seen, where that is what the schedule is about; otherwise as long as any. */
  #late(): number | undefined {
    const { setting, timeline } = this.#world;
    return setting.standby > 0 && timeline.random.chance(0.5) ? 20 + timeline.random.next() * 1_000 : undefined;
  }

  #commit(transaction: Transaction, wait?: number): void {
    const { timeline } = this.#world;
    const position = wait === undefined ? transaction.commit([]) : transaction.commit([], wait);
    timeline.note(
      () =>
        `commit ${position ?? '(nothing)'} xid ${transaction.xid}: ${transaction.statements.map((each) => JSON.stringify(each)).join(' ')}`,
    );
  }

  #statement(transaction: Transaction, of?: TableName): void {
    const { database, timeline } = this.#world;
    const { random } = timeline;
    const table =
      of ??
      random.weighted([
        [4, 'post'],
        [4, 'task'],
        [3, 'note'],
        [1.5, 'member'],
      ] as const);
    const ids = [
      ...database.visible[table].keys(),
      ...transaction.statements.flatMap((each) =>
        each.kind === 'row' && each.table === table && each.after ? [Number(each.after['id'])] : [],
      ),
    ];
    if (ids.length === 0 || (ids.length < 12 && random.chance(0.35))) return this.#insert(transaction, table);
    const id = random.pick(ids);
    const what = random.weighted([
      [4, 'change'],
      [3, 'move'],
      [2, 'delete'],
      [0.7, 'new key'],
    ] as const);
    if (what === 'delete') return void transaction.put(table, id, null);
    if (what === 'new key') return void transaction.patch(table, id, { id: database.nextId() });
    if (what === 'move') return void transaction.patch(table, id, this.#place(table));
    transaction.patch(table, id, this.#content(table));
  }

  #insert(transaction: Transaction, table: TableName): void {
    const id = this.#world.database.nextId();
    transaction.put(table, id, { id, ...this.#place(table), ...this.#content(table) } as Row);
  }

  /** What puts a row before other eyes. */
  #place(table: TableName): Row {
    const { random } = this.#world.timeline;
    switch (table) {
      case 'post':
        return { blog: random.chance(0.1) ? null : random.pick(BLOGS) };
      case 'task':
        return { org: random.chance(0.1) ? null : random.pick(ORGS) };
      case 'note':
        return { audience: random.pick(AUDIENCES) };
      case 'member':
        return { userId: random.pick(USERS).id, orgId: random.pick(ORGS), role: random.pick(ROLES) };
    }
  }

  #content(table: TableName): Row {
    const { database, timeline } = this.#world;
    if (table === 'member') return { role: timeline.random.pick(ROLES) };
    return { title: database.nextTitle(), secret: timeline.random.chance(0.2) ? 'sealed' : 'hidden' };
  }

  /** A table is emptied at a stroke, between two who look at it. */
  #truncate(): void {
    const { database, timeline } = this.#world;
    const { random } = timeline;
    const table = random.pick(['post', 'task', 'note', 'member'] as const);
    const asked = random.pick(VIEWS.filter((view) => STREAMS[view.stream].table === table || table === 'member'));
    this.#someone()?.look(asked);
    timeline.at(timeline.now + random.next() * 100, () => {
      const transaction = database.begin();
      if (!transaction.truncate(table)) return transaction.rollback();
      if (random.chance(0.5)) this.#statement(transaction);
      this.#commit(transaction, this.#late());
      timeline.at(timeline.now + random.next() * 50, () => this.#someone()?.look(asked));
    });
  }

  #bulk(): void {
    const { database, timeline } = this.#world;
    const transaction = database.begin();
    const table = timeline.random.pick(['post', 'task', 'note'] as const);
    const place = this.#place(table);
    for (let rows = 5; rows > 0; rows--) {
      const id = database.nextId();
      transaction.put(table, id, { id, ...place, ...this.#content(table) } as Row);
    }
    this.#commit(transaction);
  }

  #revoke(): void {
    const { timeline, causes } = this.#world;
    const { id } = timeline.random.pick(USERS);
    const [serving, user] = [this.#world.host(), principalOf({ id })];
    if (!serving || user === null) return;
    causes.note('revoked', { at: 'ffffffffffffffff', who: id });
    serving.server.revoke({ user }).catch((error: unknown) => timeline.note(() => `revoke failed: ${String(error)}`));
  }

  /** Two write to what somebody is about to look at: who began later is in the log first, and can be seen last. */
  #overtake(): void {
    const { database } = this.#world;
    const screen = this.#someone();
    const asked = this.#view();
    if (!screen) return;
    const [early, late] = [database.begin(), database.begin()];
    this.#touch(early, asked);
    this.#touch(late, asked);
    this.#commit(late, this.#late());
    this.#commit(early, 0);
    if (screen.looked.length < 6) screen.look(asked);
  }

  /** A row of a view comes, goes or changes. */
  #touch(transaction: Transaction, { stream, params }: Asked): void {
    const { database, timeline } = this.#world;
    const { random } = timeline;
    const { table } = STREAMS[stream];
    const ids = [...database.visible[table].keys()];
    const id = ids.length > 0 && random.chance(0.4) ? random.pick(ids) : database.nextId();
    const isThere = transaction.find(table, id) !== null;
    const row = { id, ...this.#place(table), ...params, ...this.#content(table) } as Row;
    transaction.put(table, id, isThere && random.chance(0.5) ? null : row);
  }

  /** Somebody is away while they stop to belong to something, and belong to it again. */
  #goAway(): void {
    const { database, timeline } = this.#world;
    const { random } = timeline;
    const screen = this.#someone();
    const member = [...database.visible.member.values()].find(({ userId }) => userId === screen?.user.id);
    if (!screen || !member) return;
    screen.link?.cut({ client: true, server: random.chance(0.5) });
    const id = Number(member['id']);
    for (const step of ['leave', 'change', 'change', 'join']) {
      const transaction = database.begin();
      if (step === 'change') {
        const task = database.nextId();
        transaction.put('task', task, { id: task, org: member['orgId'] ?? null, ...this.#content('task') } as Row);
      } else transaction.put('member', id, step === 'leave' ? null : member);
      this.#commit(transaction, 0);
    }
  }

  /** Somebody may ask for a blog from now on: once everything of before has gone out. */
  #grant(): void {
    const { database, timeline, places } = this.#world;
    const { id } = timeline.random.pick(USERS);
    const lacking = database.rights.lacking(id);
    const all = places.map(({ serving }) => serving);
    if (lacking.length === 0 || all.includes(null)) return;
    const blog = timeline.random.pick(lacking);
    const asked: Asked = { stream: 'posts', params: { blog } };
    // There is something to know from before.
    for (let commits = 0; commits < 2; commits++) {
      const transaction = database.begin();
      this.#touch(transaction, asked);
      this.#commit(transaction, 0);
    }
    const since = database.tail;
    Promise.all(all.map((serving) => serving?.server.settled())).then(
      () => {
        // Whoever started meanwhile may not have come that far.
        if (places.some(({ serving }, at) => serving !== all[at])) return;
        database.rights.grant(id, blog, since);
        timeline.note(() => `${id} may ask for blog ${blog}, as of ${since}`);
        for (const screen of this.#world.screens) if (screen.open) screen.look(asked);
        for (let lies = 0; lies < 3; lies++) {
          timeline.at(timeline.now + timeline.random.next() * 300, () => this.#world.lie({ user: id, asked }));
        }
      },
      () => undefined,
    );
  }

  // People at their pages.

  #someone(): Screen | undefined {
    const open = this.#world.screens.filter((screen) => screen.open);
    return open.length === 0 ? undefined : this.#world.timeline.random.pick(open);
  }

  #newPage(): void {
    if (this.#world.screens.length >= this.#world.setting.pages) return;
    const page = this.#world.page();
    this.#lookAt(page);
    if (this.#world.timeline.random.chance(0.5)) this.#lookAt(page);
  }

  #look(): void {
    const screen = this.#someone();
    if (screen) this.#lookAt(screen);
  }

  #lookAt(screen: Screen): void {
    if (screen.looked.length < 5) screen.look(this.#view());
  }

  #view(): Asked {
    const { random } = this.#world.timeline;
    const stream = random.weighted([
      [1, 'posts'],
      [3, 'tasks'],
      [1, 'notes'],
    ] as const);
    return random.pick(VIEWS.filter((view) => view.stream === stream));
  }

  #leave(): void {
    const screen = this.#someone();
    if (screen && screen.looked.length > 0) screen.leave(this.#world.timeline.random.pick(screen.looked));
  }

  /** A write through somebody's page. */
  #ask(): void {
    const screen = this.#someone();
    if (screen && screen.looked.length > 0) this.#askOn(screen);
  }

  #askOn(screen: Screen): void {
    const { database, timeline } = this.#world;
    const { random } = timeline;
    const { asked, handle } = random.pick(screen.looked);
    const { table } = STREAMS[asked.stream];
    const title = database.nextTitle();
    const shown = handle.rows.map((row) => handle.pk(row));
    const ids = random.chance(0.8) ? shown : [...database.visible[table].keys()];
    const what = random.weighted([
      [3, 'create'],
      [4, 'update'],
      [1, 'delete'],
    ] as const);
    const { stream } = asked;
    if (what === 'create' || ids.length === 0) {
      const data = stream === 'notes' ? { title, audience: random.pick(AUDIENCES) } : { title };
      return screen.write({ stream, action: 'create', key: null, title }, () => handle.create(data));
    }
    const pk = random.pick<(typeof ids)[number]>(ids) as number;
    const own = { stream, key: JSON.stringify(pk), title };
    if (what === 'update') return screen.write({ ...own, action: 'update' }, () => handle.update(pk, { title }));
    screen.write({ ...own, action: 'delete' }, () => handle.delete(pk));
  }

  /** Writes are under way when somebody comes back before the server knows that they were gone. */
  #hasten(): void {
    const { random, timeline } = { ...this.#world, random: this.#world.timeline.random };
    const screen = this.#someone();
    if (!screen || screen.looked.length === 0) return;
    for (let writes = random.between(1, 4); writes > 0; writes--) this.#askOn(screen);
    timeline.at(timeline.now + random.next() * 3, () => screen.open && screen.client.reconnect());
    if (this.#world.setting.faults['cut database'] === 0) return;
    timeline.at(timeline.now + random.next() * 10, () => {
      this.#world.causes.note('reading failed');
      this.#world.database.cut(false);
    });
  }

  #stall(): void {
    const { random } = this.#world.timeline;
    const screen = this.#someone();
    const link = screen?.link;
    if (!screen || !link) return;
    link.stall(true);
    // What it looks at goes on meanwhile, and goes on after.
    if (screen.looked.length > 0 && random.chance(0.6)) {
      for (let commits = random.between(2, 12); commits > 0; commits--) {
        const transaction = this.#world.database.begin();
        this.#touch(transaction, random.pick(screen.looked).asked);
        this.#commit(transaction);
      }
    }
    this.#world.timeline.at(this.#world.timeline.now + random.next() * (random.chance(0.2) ? 60_000 : 1_000), () => link.stall(false));
  }

  #killPage(): void {
    const screen = this.#someone();
    if (!screen) return;
    this.#world.remove(screen);
    screen.kill(this.#world.timeline.random.chance(0.5));
    this.#newPage();
  }
}
