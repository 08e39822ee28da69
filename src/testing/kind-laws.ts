import assert from 'node:assert/strict';
import { revive, type Claim, type Json, type LogValue } from '../core/index.ts';
import type { DatabaseFixture } from './fixture.ts';
import { kindsTable } from './kinds.ts';
import { suiteClock, tableOf, type LogReader, type Opened } from './opened.ts';
import type { Laws } from './runner.ts';
import { rowWrite } from './store-write.ts';
import { boundOf } from './tables.ts';

/** Every kind of column, with its awkward values: from the log to the wire, from the wire back, and through a write. */
export function kindLaws({ dialect }: DatabaseFixture): Laws<Opened> {
  const { ddl, model, cases } = kindsTable(dialect);
  const laws: Record<string, (opened: Opened) => Promise<void>> = {};
  for (const [at, { name, values }] of cases.entries()) {
    laws[`${name} crosses the wire exactly, there and back and through a write`] = async (opened) => {
      await opened.run(...ddl);
      const open = await opened.open([boundOf(model)]);
      const table = tableOf(open, model);
      const place = at + 1;
      const column = table.columns[place];
      assert.ok(column);
      const reader = await opened.read(open);

      for (const [sql] of values) await opened.run(`INSERT INTO kinds(c${at}) VALUES (${sql})`); // sql: constants of the suite
      await opened.run(`INSERT INTO kinds(c${at}) VALUES (NULL)`);
      await reader.settled();
      const logged = valuesAt(reader, place);
      assert.equal(logged.pop(), null);
      assert.equal(logged.length, values.length);
      for (const [index, [, wire]] of values.entries()) {
        const value = logged[index] ?? null;
        assert.deepEqual(JSON.parse(column.toWire(value)), wire);
        const back = column.fromWire(wire);
        assert.deepEqual(JSON.parse(column.toWire(back)), wire);
      }

      for (const [index, [, wire]] of values.entries()) {
        const held = revive(wire, column.kind);
        // What code's own type cannot hold goes as the column's codec has it.
        const isExact = typeof wire !== 'string' || (typeof held !== 'number' && (typeof held !== 'string' || column.shape === 'string'));
        const param = isExact ? model.toParam(place, held) : column.fromWire(wire);
        const values = new Map([[place, param]]);
        const { answer } = await open.store.write(
          rowWrite({ table, action: 'create', key: null, claim: claim(index), judge: () => ({ verdict: 'write', values }) }),
        );
        assert.equal(answer.ok, true);
      }
      await reader.settled();
      assert.deepEqual(
        valuesAt(reader, place)
          .slice(values.length + 1)
          .map((value) => JSON.parse(column.toWire(value)) as Json),
        values.map(([, wire]) => wire),
      );
    };
  }
  return laws;
}

function valuesAt({ commits }: LogReader, place: number): LogValue[] {
  return commits.flatMap(({ changes }) => changes.map(({ after }) => (after?.[place] ?? null) as LogValue));
}

function claim(write: number): Claim {
  return { principal: 'p', receipt: { client: suiteClock.id(), write }, hash: 'h' };
}
