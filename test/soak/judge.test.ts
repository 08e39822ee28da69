import { expect, test } from 'vitest';
import type { Line } from './client-judge.ts';
import { History, positionOf } from './history.ts';
import { Judge } from './judge.ts';
import { starved } from './pulse.ts';
import { faultless, PRICES, TASKS, type Change, type Frame, type Recording } from './recording.ts';
import { PEOPLE, type Person } from './tables.ts';
import type { Injected } from './verdict.ts';

const PERSON = PEOPLE[0] as Person;

async function judged({ history }: Recording, lines: readonly Line[], faults: readonly Injected[] = []): Promise<Judge> {
  const judge = new Judge(history, faults);
  const client = judge.client('c', PERSON);
  for (const line of lines) client.hear(line);
  await judge.settle();
  return judge;
}

const kinds = async (judge: Promise<Judge>): Promise<readonly string[]> => [...new Set((await judge).violations.map(({ kind }) => kind))];

function frames(lines: readonly Line[]): { readonly at: number; readonly frame: Frame }[] {
  return lines.flatMap((line, at) => (line.type === 'in' ? [{ at, frame: JSON.parse(line.text) as Frame }] : []));
}

/** Live commits, those in parts left out. */
function commits(lines: readonly Line[], fits: (frame: Frame) => boolean): readonly { readonly at: number; readonly frame: Frame }[] {
  const all = frames(lines).filter(({ frame }) => frame.type === 'commit');
  return all.filter(
    ({ frame }) =>
      frame['more'] !== true &&
      frame['merged'] !== true &&
      fits(frame) &&
      all.filter((other) => other.frame.position === frame.position).length === 1,
  );
}

function replaced(lines: readonly Line[], at: number, ...frame: object[]): Line[] {
  const made = frame.map((each): Line => ({ at, type: 'in', text: JSON.stringify(each) }));
  return lines.toSpliced(at, 1, ...made);
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

test.each(SEEDS)('a faultless recording is found faultless (seed %i)', async (seed) => {
  const recording = faultless(seed);
  const judge = await judged(recording, recording.lines);
  expect(judge.violations).toEqual([]);
  expect(judge.unsettled()).toEqual([]);
  expect(judge.frames).toBe(recording.lines.length);
});

test.each(SEEDS)('any commit that is dropped is lost (seed %i)', async (seed) => {
  const recording = faultless(seed);
  for (const { at } of commits(recording.lines, () => true)) {
    expect(await kinds(judged(recording, recording.lines.toSpliced(at, 1)))).toContain('lost');
  }
});

test.each(SEEDS)('any commit that comes twice is duplicated, at once or later (seed %i)', async (seed) => {
  const recording = faultless(seed);
  const all = commits(recording.lines, () => true);
  for (const [index, { at, frame }] of all.entries()) {
    expect(await kinds(judged(recording, replaced(recording.lines, at, frame, frame)))).toEqual(['duplicated']);
    const next = all[index + 1];
    if (next && sameConnection(recording.lines, at, next.at)) {
      expect(await kinds(judged(recording, replaced(recording.lines, next.at, next.frame, frame)))).toEqual(['duplicated']);
    }
  }
});

test.each(SEEDS)('two commits that change places are reordered (seed %i)', async (seed) => {
  const recording = faultless(seed);
  const all = commits(recording.lines, () => true);
  let found = 0;
  for (const [index, { at, frame }] of all.entries()) {
    const next = all[index + 1];
    // Views that they share: otherwise each only comes too late.
    if (!next || next.at !== at + 1 || !frame.changes.some(([view]) => next.frame.changes.some(([other]) => other === view))) continue;
    expect(await kinds(judged(recording, replaced(replaced(recording.lines, at, next.frame), next.at, frame)))).toContain('reordered');
    found++;
  }
  expect(found).toBeGreaterThan(3);
});

test.each(SEEDS)('a commit without one of its changes is torn, in one frame or in parts (seed %i)', async (seed) => {
  const recording = faultless(seed);
  for (const { at, frame } of commits(recording.lines, ({ changes }) => changes.filter(([view]) => view === TASKS).length > 1)) {
    const cut = frame.changes.findIndex(([view]) => view === TASKS);
    expect(await kinds(judged(recording, replaced(recording.lines, at, { ...frame, changes: frame.changes.toSpliced(cut, 1) })))).toEqual([
      'torn',
    ]);
  }
  const part = frames(recording.lines).find(({ frame }) => frame['more'] === true);
  const late = await kinds(judged(recording, recording.lines.toSpliced((part?.at ?? 0) + 1, 1)));
  expect(part !== undefined && late.length > 0).toBe(true);
});

test.each(SEEDS)(
  'a canary, a foreign row, a foreign text, an old secret, a foreign view, a key: each is leaked (seed %i)',
  async (seed) => {
    const recording = faultless(seed);
    const [chosen] = commits(recording.lines, ({ changes }) => changes.some(([view, , , data]) => view === TASKS && data));
    if (!chosen) throw new Error('no commit to spoil');
    const { at, frame } = chosen;
    const spoiled = (change: (one: Change) => Change[]): Promise<readonly string[]> => {
      const index = frame.changes.findIndex(([view, , , data]) => view === TASKS && data);
      const changes = frame.changes.toSpliced(index, 1, ...change(frame.changes[index] as Change));
      return kinds(judged(recording, replaced(recording.lines, at, { ...frame, changes })));
    };
    expect(await spoiled(([view, action, pk, data]) => [[view, action, pk, { ...data, secret: 'canary-task' }]])).toContain('leaked');
    expect(await spoiled((one) => [one, [TASKS, 'create', 999, { org: 2, title: '~t1~' }]])).toContain('leaked');
    expect(await spoiled(([view, action, pk, data]) => [[view, action, pk, { ...data, title: '~never~' }]])).toContain('leaked');
    expect(await spoiled((one) => [one, [TASKS, 'delete', 999]])).toContain('leaked');
    expect(await spoiled((one) => [one, [99, 'create', 1, { label: 'x' }]])).toContain('leaked');
    const rows = frames(recording.lines).find(({ frame: { type } }) => type === 'rows');
    if (!rows) throw new Error('no rows to spoil');
    const first = { ...rows.frame, rows: [...(rows.frame['rows'] as []), [999, { org: 2 }]], count: (rows.frame['count'] as number) + 1 };
    expect(await kinds(judged(recording, replaced(recording.lines, rows.at, first)))).toContain('leaked');
  },
);

test.each(SEEDS)('other data, another action, a row too many or too few at ready: wrong, or lost (seed %i)', async (seed) => {
  const recording = faultless(seed);
  const [chosen] = commits(recording.lines, ({ changes }) => changes.some(([, action]) => action === 'update'));
  if (!chosen) throw new Error('no commit to spoil');
  const { at, frame } = chosen;
  const index = frame.changes.findIndex(([, action]) => action === 'update');
  const [view, , pk, data] = frame.changes[index] as Change;
  const spoiled = (change: Change): Promise<readonly string[]> =>
    kinds(judged(recording, replaced(recording.lines, at, { ...frame, changes: frame.changes.toSpliced(index, 1, change) })));
  expect(await spoiled([view, 'create', pk, data as Record<string, unknown>])).toEqual(['wrong']);
  expect(await spoiled([view, 'update', pk, { ...data, [view === TASKS ? 'rank' : 'label']: '8' }])).toEqual(['wrong']);
  expect(await spoiled([view, 'delete', pk])).toEqual(['wrong']);
  const rows = frames(recording.lines).find(({ frame: { type } }) => type === 'rows');
  if (!rows) throw new Error('no rows');
  const fewer = { ...rows.frame, rows: (rows.frame['rows'] as []).slice(1), count: (rows.frame['count'] as number) - 1 };
  expect(await kinds(judged(recording, replaced(recording.lines, rows.at, fewer)))).toContain('lost');
  const twice = { ...rows.frame, rows: [...(rows.frame['rows'] as unknown[]), (rows.frame['rows'] as unknown[])[0]] };
  expect(await kinds(judged(recording, replaced(recording.lines, rows.at, twice)))).toContain('duplicated');
});

test.each(SEEDS)('a merged commit that leaves something out, or a resume that does, is found (seed %i)', async (seed) => {
  const recording = faultless(seed);
  const merged = frames(recording.lines).find(({ frame }) => frame['merged'] === true);
  if (!merged || merged.frame.changes.length === 0) return;
  const without = { ...merged.frame, changes: merged.frame.changes.slice(1) };
  expect(['lost', 'torn']).toContain((await kinds(judged(recording, replaced(recording.lines, merged.at, without))))[0]);
  expect(await kinds(judged(recording, recording.lines.toSpliced(merged.at, 1)))).toContain('lost');
});

test('rows that came and went while a client was away: where they were many it need not be told, where they were few or one stayed it is lost', async () => {
  const away = async (count: number, left: number): Promise<readonly string[]> => {
    const recording = faultless(1);
    const at = recording.position;
    recording.close();
    recording.crowd(1_000, count, 'INSERT');
    recording.crowd(1_000, count - left, 'DELETE');
    recording.open();
    recording.subscribe(TASKS, { stream: 'tasks', params: { org: 1, team: 1 }, at, token: `t${TASKS}` });
    recording.in({ type: 'ready', view: TASKS, position: recording.position, token: `t${TASKS}` });
    return kinds(judged(recording, recording.lines));
  };
  expect(await away(40, 0)).toEqual([]);
  expect(await away(10, 0)).toEqual(['lost']);
  expect(await away(40, 1)).toEqual(['lost']);
  const there = faultless(1);
  there.crowd(1_000, 40, 'INSERT');
  there.crowd(1_000, 40, 'DELETE');
  there.in({ type: 'ping', position: there.position });
  expect(await kinds(judged(there, there.lines))).toEqual(['lost']);
});

test('a token that was never given is a reset, and must not be accepted', async () => {
  const recording = faultless(1);
  const forged = recording.lines.map((line) => (line.type === 'out' ? { ...line, text: line.text.replace('"t11"', '"x"') } : line));
  expect(await kinds(judged(recording, forged))).toEqual(['leaked']);
});

test('who brings a token that nobody gave is new, and may be shown an earlier moment; who brings one of another view was there', async () => {
  const back = async (token: string): Promise<readonly string[]> => {
    const recording = faultless(1);
    const early = recording.position;
    recording.crowd(1_000, 1, 'INSERT');
    recording.crowd(1_000, 1, 'DELETE');
    const at = recording.position;
    recording.close();
    recording.open();
    recording.subscribe(TASKS, { stream: 'tasks', params: { org: 1, team: 1 }, at, token });
    recording.in({ type: 'reset', position: early, views: [TASKS], reason: 'token_invalid' });
    recording.rows(TASKS, early);
    return kinds(judged(recording, recording.lines));
  };
  expect(await back('x')).toEqual([]);
  expect(await back(`t${PRICES}`)).toEqual(['reordered']);
});

test('a reset is explained by what the log says, or by what was done, and by nothing else', async () => {
  const recording = faultless(1);
  recording.truncate();
  const reset = (reason: string) => ({ type: 'reset', views: [PRICES], reason, position: recording.position });
  const ready = { type: 'ready', view: PRICES, position: recording.position, token: 't' };
  const after = (...more: object[]): Line[] => [
    ...recording.lines,
    ...more.map((frame): Line => ({ at: 1_000, type: 'in', text: JSON.stringify(frame) })),
  ];
  expect(await kinds(judged(recording, after(reset('truncate'), ready)))).toEqual([]);
  expect((await judged(recording, after(reset('truncate'), ready))).counts.get('reset truncate')).toBe(1);
  expect(await kinds(judged(recording, after({ type: 'ping', position: recording.position })))).toEqual(['lost']);
  for (const reason of ['schema', 'bulk', 'retention', 'slot_lost', 'token_invalid', 'membership', 'bindings', 'made up']) {
    expect(await kinds(judged(recording, after(reset(reason), ready)))).toEqual(['unexplained']);
  }
  const lost: Injected = { what: 'slot lost', who: null, from: 990, until: 995 };
  expect(await kinds(judged(recording, after(reset('slot_lost'), ready), [lost]))).toEqual([]);
  expect(await kinds(judged(recording, after(reset('schema'), ready), [lost]))).toEqual(['unexplained']);
  expect(await kinds(judged(recording, after(reset('slot_lost'), ready), [{ ...lost, from: 2_000, until: null }]))).toEqual([
    'unexplained',
  ]);
  const killed = (from: number): Injected => ({ what: 'server killed', who: null, from, until: from + 5 });
  expect(await kinds(judged(recording, after(reset('retention'), ready), [killed(990)]))).toEqual(['unexplained']);
  const late = after(reset('retention'), ready).map((line) => (line.at === 1_000 ? { ...line, at: 50_000 } : line));
  expect(await kinds(judged(recording, late, [killed(40_000)]))).toEqual([]);
});

test('a connection that ends has a cause', async () => {
  const recording = faultless(1);
  const closed = (code: number): Line[] => [...recording.lines, { at: 1_000, type: 'close', code }];
  const fault = (what: Injected['what'], who: string | null = null): Injected => ({ what, who, from: 990, until: 995 });
  expect(await kinds(judged(recording, closed(1006)))).toEqual(['unexplained']);
  expect(await kinds(judged(recording, closed(1006), [fault('client link', 'c')]))).toEqual([]);
  expect(await kinds(judged(recording, closed(4301), [fault('client left')]))).toEqual(['unexplained']);
  expect(await kinds(judged(recording, closed(4301), [fault('slow link', 'c')]))).toEqual([]);
  expect(await kinds(judged(recording, closed(4303), [fault('database crashed')]))).toEqual([]);
  for (const code of [1009, 1011, 4000, 4100, 4300])
    expect(await kinds(judged(recording, closed(code), [fault('server killed')]))).toEqual(['unexplained']);
});

test('a slot that was lost took the server with it: it explains connections that end from then on, and none before', async () => {
  const recording = faultless(1);
  const closed = (at: number): Line[] => [...recording.lines, { at, type: 'close', code: 1006 }];
  const lost: Injected = { what: 'slot lost', who: null, from: 100_000, until: 103_000 };
  expect(await kinds(judged(recording, closed(99_000), [lost]))).toEqual(['unexplained']);
  for (const at of [100_001, 103_000, 120_000]) expect(await kinds(judged(recording, closed(at), [lost]))).toEqual([]);
  expect(await kinds(judged(recording, closed(140_000), [lost]))).toEqual(['unexplained']);
});

test.each(['server starved', 'clients starved'] as const)(
  'a machine that let nobody run (%s) explains silence while it lasted, and nothing else at any other time',
  async (what) => {
    const recording = faultless(1);
    const closed = (at: number, code = 1006): Line[] => [...recording.lines, { at, type: 'close', code }];
    const fault: Injected = { what, who: null, from: 100_000, until: 106_000 };
    expect(await kinds(judged(recording, closed(104_000), [fault]))).toEqual([]);
    expect(await kinds(judged(recording, closed(106_100), [fault]))).toEqual([]);
    expect((await judged(recording, closed(104_000), [fault])).counts.get('closed for want of a processor alone')).toBe(1);
    const killed: Injected = { what: 'server killed', who: null, from: 103_000, until: 103_500 };
    expect((await judged(recording, closed(104_000), [fault, killed])).counts.has('closed for want of a processor alone')).toBe(false);
    expect(await kinds(judged(recording, closed(99_000), [fault]))).toEqual(['unexplained']);
    expect(await kinds(judged(recording, closed(109_000), [fault]))).toEqual(['unexplained']);
    for (const code of [4303, 1011, 4000]) expect(await kinds(judged(recording, closed(104_000, code), [fault]))).toEqual(['unexplained']);
    const reset = { type: 'reset', views: [PRICES], reason: 'slot_lost', position: recording.position };
    const lines: Line[] = [...recording.lines, { at: 104_000, type: 'in', text: JSON.stringify(reset) }];
    expect(await kinds(judged(recording, lines, [fault]))).toEqual(['unexplained']);
  },
);

test('a server that was at work itself was not starved: what its silence did is not excused', () => {
  expect(starved({ from: 0, until: 6_000, busyMs: 200 })).toBe(true);
  expect(starved({ from: 0, until: 6_000, busyMs: 5_500 })).toBe(false);
  expect(starved({ from: 0, until: 25_000, busyMs: 8_000 })).toBe(false);
});

test('what has not arrived at a quiet moment is named', async () => {
  const recording = faultless(1);
  const last = commits(recording.lines, () => true).at(-1);
  expect((await judged(recording, recording.lines.slice(0, last?.at))).unsettled()).not.toEqual([]);
  expect((await judged(recording, [...recording.lines, { at: 0, type: 'close', code: 1000 }])).unsettled()).toEqual(['c: not connected']);
});

test('a write is answered once, and is in the log once, where its answer says', async () => {
  const write = { type: 'write', id: 9, stream: 'tasks', action: 'create', data: { title: '~wc9~' } };
  const row = (id: number) => `table public.task: INSERT: id[integer]:${id} org[integer]:3 title[text]:'~wc9~'`;
  const judgedWrite = async (
    times: number,
    ...lines: { readonly in?: object; readonly out?: object; readonly close?: true }[]
  ): Promise<readonly string[]> => {
    const history = new History();
    for (let n = 1; n <= times; n++) {
      for (const data of [`BEGIN ${n}`, row(n), `COMMIT ${n}`]) history.take({ xid: String(n), lsn: `0/${n}`, data });
    }
    const judge = new Judge(history);
    const client = judge.client('c', PERSON);
    for (const line of lines) {
      if (line.close) client.hear({ at: 0, type: 'close', code: 1000 });
      else client.hear({ at: 0, type: line.in ? 'in' : 'out', text: JSON.stringify(line.in ?? line.out) });
    }
    await judge.settle();
    judge.settleWrites();
    return judge.violations.map(({ kind }) => kind);
  };
  const ok = { type: 'result', id: 9, ok: true, pk: 1, position: positionOf('0/1') };
  const no = { type: 'result', id: 9, ok: false, code: 'invalid', message: '' };
  const { position: _, ...later } = ok;
  expect(await judgedWrite(1, { out: write }, { in: ok })).toEqual([]);
  expect(await judgedWrite(1, { out: write }, { close: true }, { out: write }, { in: ok })).toEqual([]);
  expect(await judgedWrite(1, { out: write }, { in: later }, { in: { type: 'seen', id: 9, position: positionOf('0/1') } })).toEqual([]);
  expect(await judgedWrite(0, { out: write }, { in: no })).toEqual([]);
  expect(await judgedWrite(1, { out: write }, { in: ok }, { in: ok })).toEqual(['write']);
  expect(await judgedWrite(1, { out: write })).toEqual(['write']);
  expect(await judgedWrite(0, { out: write }, { in: ok })).toEqual(['write']);
  expect(await judgedWrite(2, { out: write }, { in: ok })).toEqual(['write']);
  expect(await judgedWrite(1, { out: write }, { in: no })).toEqual(['write']);
  expect(await judgedWrite(1, { out: write }, { in: { ...ok, position: positionOf('0/2') } })).toEqual(['write']);
  expect(await judgedWrite(1, { in: ok })).toEqual(['write']);
});

function sameConnection(lines: readonly Line[], from: number, to: number): boolean {
  return !lines.slice(from, to).some(({ type }) => type === 'close');
}
