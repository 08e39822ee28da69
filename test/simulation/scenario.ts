import type { Transaction } from './transaction.ts';
import { AUDIENCES, BLOGS, ORGS, ROLES, USERS, type Row, type TableName } from './app.ts';
import type { Asked } from './history.ts';
import { principalOf } from '../../src/server/index.ts';
import type { Screen } from './screen.ts';
import type { Fault } from './setting.ts';
import type { World } from './world.ts';

type Act = () => void;

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
      [0.7, () => this.#someone()?.client.reconnect()],
      [0.4, () => this.#newPage()],
      fault('cut', () => this.#someone()?.link?.cut({ client: random.chance(0.8), server: random.chance(0.8) })),
      fault('half-open', () => this.#someone()?.link?.cut({ client: false, server: false })),
      fault('stall', () => this.#stall()),
      fault('kill page', () => this.#killPage()),
      fault('crash server', () => world.crash()),
      fault('restart server', () => world.restart()),
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
        world.database.loseSlot(random.pick(['slot_lost', 'slot_replaced']));
        world.causes.note('slot');
        world.causes.note('reading failed');
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
    causes.note('floor', { at: database.slot.confirmed });
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

  #commit(transaction: Transaction): void {
    const { timeline } = this.#world;
    const position = transaction.commit([]);
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

  #truncate(): void {
    const { database, timeline } = this.#world;
    const transaction = database.begin();
    const did = transaction.truncate(timeline.random.pick(['post', 'task', 'note', 'member']));
    if (!did) return transaction.rollback();
    if (timeline.random.chance(0.5)) this.#statement(transaction);
    this.#commit(transaction);
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
    const { serving, timeline, causes } = this.#world;
    const { id } = timeline.random.pick(USERS);
    const user = principalOf({ id });
    if (!serving || user === null) return;
    causes.note('revoked', { at: 'ffffffffffffffff', who: id });
    serving.server.revoke({ user }).catch((error: unknown) => timeline.note(() => `revoke failed: ${String(error)}`));
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
    switch (random.pick(['posts', 'tasks', 'tasks', 'base tasks', 'notes'] as const)) {
      case 'posts':
        return { stream: 'posts', params: { blog: random.pick(BLOGS) } };
      case 'tasks':
        return { stream: 'tasks', params: { org: random.pick(ORGS) } };
      case 'base tasks':
        return { stream: 'tasks', params: null };
      case 'notes':
        return { stream: 'notes', params: null };
    }
  }

  #leave(): void {
    const screen = this.#someone();
    if (screen && screen.looked.length > 0) screen.leave(this.#world.timeline.random.pick(screen.looked));
  }

  /** A write through somebody's page. */
  #ask(): void {
    const { database, timeline } = this.#world;
    const { random } = timeline;
    const screen = this.#someone();
    if (!screen || screen.looked.length === 0) return;
    const { asked, handle } = random.pick(screen.looked);
    const table = ({ posts: 'post', tasks: 'task', notes: 'note' } as const)[asked.stream];
    const title = database.nextTitle();
    const shown = handle.rows.map((row) => handle.pk(row));
    const ids = random.chance(0.8) ? shown : [...database.visible[table].keys()];
    const what = random.weighted([
      [3, 'create'],
      [4, 'update'],
      [1, 'delete'],
    ] as const);
    if (what === 'create' || ids.length === 0) {
      const data = asked.stream === 'notes' ? { title, audience: random.pick(AUDIENCES) } : { title };
      return screen.write(title, () => handle.create(data));
    }
    const pk = random.pick<(typeof ids)[number]>(ids) as number;
    if (what === 'update') return screen.write(title, () => handle.update(pk, { title }));
    screen.write(title, () => handle.delete(pk));
  }

  #stall(): void {
    const { random } = this.#world.timeline;
    const link = this.#someone()?.link;
    if (!link) return;
    link.stall(true);
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
