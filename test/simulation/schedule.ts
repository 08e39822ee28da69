import { Scenario } from './scenario.ts';
import { Broken } from './wiretap.ts';
import { World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  /** The law that was broken, in words; null: none. */
  readonly broken: string | null;
  readonly trace: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  readonly events: number;
}

/** Milliseconds of its own time in which everything must have come to rest. */
const REST = 240_000;

/** One schedule: the same seed is the same run, always. */
export async function runSchedule(seed: number, traced = false): Promise<Outcome> {
  const world = new World(seed, traced);
  const { timeline, setting } = world;
  try {
    const scenario = new Scenario(world);
    await scenario.begin();
    for (let act = 0; act < setting.actions && world.failure === null; act++) {
      await timeline.run(timeline.now + scenario.pause());
      if (world.failure === null) scenario.act();
    }
    if (world.failure === null) {
      timeline.note(() => '— everybody goes on, nobody interferes');
      scenario.end();
      await rest(world);
    }
  } catch (error) {
    world.failed(error);
  }
  const { failure } = world;
  return {
    seed,
    broken:
      failure === null
        ? null
        : failure instanceof Broken
          ? failure.message
          : failure instanceof Error
            ? (failure.stack ?? failure.message)
            : JSON.stringify(failure),
    trace: timeline.trace ?? [],
    counts: world.counts,
    events: timeline.count,
  };
}

/** Until every page shows the tables of now, and every write is answered. */
async function rest(world: World): Promise<void> {
  const { timeline } = world;
  const end = timeline.now + REST;
  for (let step = 50; ; step = Math.min(step * 2, 5_000)) {
    await timeline.run(timeline.now + step);
    if (world.failure !== null) return;
    const wrong = unsettled(world);
    if (wrong === null) break;
    if (timeline.now > end) throw new Broken(`it does not come to rest: ${wrong}`);
    world.start();
    // What was lost at the end of a log is noticed when something comes after it.
    world.database.begin().commit([{ client: 'somebody else', write: 1 }]);
  }
  for (const { name, written } of world.screens) {
    for (const { title, answers } of written) {
      const times = world.database.log
        .flatMap(({ statements }) => statements)
        .filter((each) => each.kind === 'row' && each.after?.['title'] === title && each.before?.['title'] !== title).length;
      const ok = answers[0]?.ok === true;
      if (times > 1) throw new Broken(`${name}: the write ${title} was applied ${times} times`);
      if (!ok && times > 0 && (answers[0] as { code: string }).code !== 'closed')
        throw new Broken(`${name}: the write ${title} was refused, and applied`);
    }
  }
}

/** What is not as it will have to be; null: everything is. */
function unsettled(world: World): string | null {
  if (world.places.some(({ serving }) => !serving)) return 'a server is down';
  for (const screen of world.screens) {
    const unanswered = screen.written.find(({ answers }) => answers.length === 0);
    if (unanswered) return `${screen.name}: the write ${unanswered.title} has no answer`;
    const behind = screen.behind(world.history.position);
    if (behind !== null) return behind;
  }
  return null;
}
