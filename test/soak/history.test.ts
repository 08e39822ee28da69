import { expect, test } from 'vitest';
import { decode } from './decoding.ts';
import { History, positionOf, type SlotLine } from './history.ts';

test('a line of test_decoding is read for what it says, whatever stands in its texts', () => {
  expect(
    decode(
      `table public.task: UPDATE: old-key: id[integer]:1 title[text]:'it''s new-tuple: a[text]:''b''' new-tuple: id[integer]:2 ` +
        `"odd name"[character varying]:'' body[text]:unchanged-toast-datum rank[bigint]:null tags[integer[]]:'{1,2}' ok[boolean]:true`,
    ),
  ).toEqual({
    type: 'update',
    table: 'task',
    old: { id: '1', title: "it's new-tuple: a[text]:'b'" },
    row: { id: '2', 'odd name': '', rank: null, tags: '{1,2}', ok: 'true' },
  });
  expect(decode('table public."Odd: name": INSERT: id[integer]:-1')).toEqual({ type: 'insert', table: 'Odd: name', row: { id: '-1' } });
  expect(decode(`table public.task: DELETE: id[integer]:1`)).toEqual({ type: 'delete', table: 'task', old: { id: '1' } });
  expect(decode('table public.task, public.note: TRUNCATE: restart_seqs cascade')).toEqual({ type: 'truncate', tables: ['task', 'note'] });
  expect(decode('message: transactional: 1 prefix: x, sz: 3 content:BEGIN')).toEqual({ type: 'message' });
  expect(() => decode('table public.task: UPDATE: (no-tuple-data)')).toThrow('replica identity');
  expect(() => decode('something else')).toThrow('not a line');
});

function told(xid: string, lsn: string, ...changes: string[]): SlotLine[] {
  return [`BEGIN ${xid}`, ...changes, `COMMIT ${xid}`].map((data) => ({ xid, lsn, data }));
}

test('commits are summed up per row, at the end of their record, once', () => {
  const history = new History();
  const lines = [
    ...told('7', '0/10', "table public.price: INSERT: id[integer]:1 remark[text]:'wide'", 'table public.price: INSERT: id[integer]:2'),
    ...told(
      '8',
      '1/2F',
      'table public.price: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:3 remark[text]:unchanged-toast-datum',
      'table public.price: INSERT: id[integer]:4',
      'table public.price: DELETE: id[integer]:4',
    ),
    ...told('9', '1/30', 'message: transactional: 1 prefix: x, sz: 0 content:'),
    ...told('10', '1/40', 'table public.price: TRUNCATE: (no-flags)', 'table public.price: INSERT: id[integer]:2'),
  ];
  for (const line of lines) history.take(line);
  for (const line of lines.slice(4)) history.take(line);
  expect(history.commits.map(({ position, changes, rows, truncated }) => ({ position, changes, rows, truncated: [...truncated] }))).toEqual(
    [
      {
        position: '0000000000000010',
        rows: 2,
        truncated: [],
        changes: [
          { table: 'price', key: '["1"]', before: null, after: { id: '1', remark: 'wide' } },
          { table: 'price', key: '["2"]', before: null, after: { id: '2' } },
        ],
      },
      {
        position: '000000010000002f',
        rows: 3,
        truncated: [],
        changes: [
          { table: 'price', key: '["1"]', before: { id: '1', remark: 'wide' }, after: null },
          { table: 'price', key: '["3"]', before: null, after: { id: '3', remark: 'wide' } },
        ],
      },
      {
        position: '0000000100000040',
        rows: 1,
        truncated: ['price'],
        changes: [
          { table: 'price', key: '["2"]', before: { id: '2' }, after: { id: '2' } },
          { table: 'price', key: '["3"]', before: { id: '3', remark: 'wide' }, after: null },
        ],
      },
    ],
  );
  expect(history.changes).toBe(6);
  expect([...history.rows('price').keys()]).toEqual(['["2"]']);
  expect(() => history.take({ xid: '11', lsn: '1/50', data: 'table public.price: INSERT: id[integer]:2' })).toThrow(
    'outside of its transaction',
  );
});

test('a place in the log is written as a position', () => {
  expect(positionOf('1/6B374D48')).toBe('000000016b374d48');
  expect(positionOf('0/0')).toBe('0000000000000000');
});
