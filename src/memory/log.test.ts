import { expect, test } from 'vitest';
import type { Commit, OpenDatabase, Position, Table } from '../core/index.ts';
import { ORIGIN, positionOf } from '../core/index.ts';
import { opened, ticks } from '../../test/testing/in-memory.ts';

async function read(open: OpenDatabase, after: Position, count: number): Promise<readonly Commit[]> {
  const commits: Commit[] = [];
  for await (const batch of open.source.read(after, new AbortController().signal)) {
    commits.push(...batch);
    if (commits.length >= count) break;
  }
  return commits;
}

async function publish(open: OpenDatabase, table: Table, count: number, from = 1): Promise<void> {
  for (let id = from; id < from + count; id++) {
    await open.source.publish([{ table, before: null, after: { id, price: id } }], { client: 'c', write: id });
  }
}

test('a log begins at its floor, which is its tail', async () => {
  const { open } = await opened();
  expect(await open.source.floor()).toEqual({ position: ORIGIN, reason: 'retention' });
  expect(await open.source.tail()).toBe(ORIGIN);
});

test('what is held elsewhere stays for a reader that comes back, and no longer than for 10,000 commits; what is not, stays', async () => {
  const { open, table } = await opened();
  await publish(open, table, 12_000);
  expect((await open.source.floor()).position).toBe(ORIGIN);
  open.source.acknowledge(positionOf(1_500));
  expect((await open.source.floor()).position).toBe(positionOf(1_500));
  open.source.acknowledge(positionOf(12_000));
  expect((await open.source.floor()).position).toBe(positionOf(2_000));
  const again = await read(open, positionOf(2_000), 10_000);
  expect([again.length, again[0]?.position, again.at(-1)?.position]).toEqual([10_000, positionOf(2_001), positionOf(12_000)]);
});

test('from before its floor, every table is lost, once and first, and what is kept follows', async () => {
  const { open, table } = await opened();
  await publish(open, table, 10_005);
  open.source.acknowledge(positionOf(10_005));
  const commits = await read(open, positionOf(3), 10_001);
  expect(commits[0]).toEqual({ position: positionOf(5), xid: null, receipts: [], changes: [], lost: [{ table, reason: 'retention' }] });
  expect(commits.slice(1).flatMap(({ lost }) => lost)).toEqual([]);
  expect(commits.map(({ position }) => position)).toEqual(Array.from({ length: 10_001 }, (_, at) => positionOf(at + 5)));
});

test('a reader gets what there is in batches of a bounded size, then what comes, and ends when it is aborted asleep', async () => {
  const { open, table } = await opened();
  await publish(open, table, 2_500);
  const ended = new AbortController();
  const batches = open.source.read(ORIGIN, ended.signal)[Symbol.asyncIterator]();
  const sizes: number[] = [];
  for (let batch = 0; batch < 3; batch++) sizes.push(((await batches.next()).value as readonly Commit[]).length);
  expect(sizes).toEqual([1_000, 1_000, 500]);
  const next = batches.next();
  await open.source.mark({ client: 'm', write: 1, revokes: { user: 'u' } });
  expect((await next).value).toEqual([
    { position: positionOf(2_501), xid: null, receipts: [{ client: 'm', write: 1, revokes: { user: 'u' } }], changes: [], lost: [] },
  ]);
  const last = batches.next();
  ended.abort();
  expect((await last).done).toBe(true);
});

test('no wake-up is lost, however close a commit comes to the moment a reader goes to sleep', async () => {
  const { open, table } = await opened();
  const batches = open.source.read(ORIGIN, new AbortController().signal)[Symbol.asyncIterator]();
  for (let round = 1; round <= 20; round++) {
    const next = batches.next();
    await ticks(round - 1);
    await publish(open, table, 1, round);
    expect(((await next).value as readonly Commit[]).map(({ position }) => position)).toEqual([positionOf(round)]);
  }
});

test('a commit that is refused changes nothing: a row without its key', async () => {
  const { open, table } = await opened();
  const rows = [
    { table, before: null, after: { id: 1, price: 1 } },
    { table, before: null, after: { price: 2 } },
  ];
  await expect(open.source.publish(rows, { client: 'c', write: 1 })).rejects.toMatchObject({ code: 'publish_invalid' });
  expect(await open.source.tail()).toBe(ORIGIN);
  const { pages } = await open.rows.read(table, { by: 'all' }, { signal: new AbortController().signal });
  expect((await pages[Symbol.asyncIterator]().next()).done).toBe(true);
});
