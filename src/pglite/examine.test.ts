import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bareModel, bound } from '../../test/postgres/bare-model.ts';
import type { Finding } from '../core/index.ts';
import { pglite } from './index.ts';

const POST = bareModel('post', { id: 'integer', title: 'text' });
let db: PGlite;
beforeAll(async () => void (db = await PGlite.create()), 60_000);
afterAll(() => db.close());

const look = async (): Promise<readonly Finding[]> => (await pglite(db).examine?.([{ ...bound(POST), grouped: [['title']] }])) ?? [];
const amiss = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ level }) => level !== 'ok').map(({ about, level }) => `${level} ${about}`);

test('looking at a PGlite: what is missing is said, and what is said makes it; a table that is gone is an error', async () => {
  await db.exec('CREATE TABLE post (id integer PRIMARY KEY, title text)');
  const findings = await look();
  const missing = ['warning schema rowcast', 'warning journal', 'warning table public.post', 'warning table public.post'];
  expect(amiss(findings)).toEqual(missing);
  for (const { cure } of findings) for (const sql of cure) await db.exec(sql);
  expect(amiss(await look())).toEqual([]);
  expect(await pglite(db).plan([bound(POST)])).toEqual([]);
  await db.exec('DROP TABLE post');
  expect(amiss(await look())).toEqual(['error table post']);
});
