import { createInterface } from 'node:readline';
import type { GroupMessage } from '../../src/core/index.ts';
import { sqlite } from '../../src/sqlite/index.ts';
import { testClock, TestLog } from '../postgres/follower.ts';

/** A process on a file that sends what it is told to by a line of JSON, and says what it hears in one. */
const [file = ''] = process.argv.slice(2);
// Nothing else keeps the process alive while it waits for another one to end its writing.
const hold = setInterval(() => undefined, 1_000);
const { bus, close } = await sqlite(file).open([], { setup: 'auto', clock: testClock(), log: new TestLog() });
bus?.listen((message) => void process.stdout.write(`${JSON.stringify(message)}\n`));
process.stdout.write('"ready"\n');
for await (const line of createInterface({ input: process.stdin })) await bus?.send(JSON.parse(line) as GroupMessage);
await close();
clearInterval(hold);
