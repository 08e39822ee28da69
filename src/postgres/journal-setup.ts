import type { SetupStep } from '../core/index.ts';
import { META, SCHEMA, RANDOM } from './setup.ts';
import { identifier, literal, PINNED, type Sql } from './sql.ts';
import type { PgTable } from './tables.ts';

/** The journal as SQL: one row per changed row, and per thing that is to be told in the order of commits. */
export const JOURNAL: string = identifier(SCHEMA, 'journal');

/** What a journal row is about. */
export const OP = {
  insert: 'I',
  update: 'U',
  delete: 'D',
  truncate: 'T',
  /** The table's shape changed: rows before it are read by the shape before. */
  schema: 'S',
  /** The table was not followed until here. */
  gap: 'G',
  receipt: 'R',
  publish: 'P',
} as const;

/** The channel that wakes the reader. Its payload is empty always: a long one would break the app's own insert. */
export const CHANNEL = 'rowcast';

const ROWS = 'rowcast_rows';
const TRUNCATE = 'rowcast_truncate';
const SHAPES = 'rowcast_shapes';

// The schema of another search path, a hostile display setting or a missing right of the writer must neither change the text nor fail the
// app's statement.
const GUARDS = `SECURITY DEFINER SET search_path = pg_catalog, pg_temp
${Object.entries(PINNED)
  .filter(([name]) => name !== 'client_encoding')
  .map(([name, value]) => `SET ${name} = ${literal(value)}`)
  .join(' ')}`;

// The whole row as one text: a column that comes or goes cannot make this fail. Nor can somebody who drops the journal by hand: the reader
// fails then, not the app.
const RECORD = `CREATE FUNCTION ${SCHEMA}.record() RETURNS trigger LANGUAGE plpgsql ${GUARDS} AS $$
BEGIN
  IF to_regclass(${literal(JOURNAL)}) IS NULL THEN RETURN NULL; END IF;
  INSERT INTO ${JOURNAL} (rel, op, before, after) VALUES (TG_RELID, left(TG_OP, 1),
    CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN OLD::text END, CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN NEW::text END);
  PERFORM pg_notify('${CHANNEL}', '');
  RETURN NULL;
END $$`;

// A dropped table has no columns left to tell of.
const SHAPE_CHANGED = `CREATE FUNCTION ${SCHEMA}.shape_changed() RETURNS event_trigger LANGUAGE plpgsql ${GUARDS} AS $$
BEGIN
  IF to_regclass(${literal(JOURNAL)}) IS NULL THEN RETURN; END IF;
  IF TG_EVENT = 'sql_drop' THEN
    INSERT INTO ${JOURNAL} (rel, op) SELECT DISTINCT objid, '${OP.schema}' FROM pg_event_trigger_dropped_objects() WHERE object_type = 'table';
  ELSE
    INSERT INTO ${JOURNAL} (rel, op, after)
    SELECT DISTINCT objid, '${OP.schema}', (SELECT json_agg(json_build_object('name', attname, 'type', atttypid::int8) ORDER BY attnum)
      FROM pg_attribute WHERE attrelid = objid AND attnum > 0 AND NOT attisdropped)::text
    FROM pg_event_trigger_ddl_commands() WHERE classid = 'pg_class'::regclass;
  END IF;
  PERFORM pg_notify('${CHANNEL}', '');
END $$`;

const CREATE_JOURNAL = `CREATE TABLE ${JOURNAL} (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(), rel oid, op "char" NOT NULL, before text, after text)`;

/** The steps that are missing for following these tables by triggers. Comes after `bookkeeping`. */
export async function journalSteps(sql: Sql, tables: Iterable<PgTable>): Promise<readonly SetupStep[]> {
  const [row] = await sql.query(
    `SELECT to_regclass($1) IS NOT NULL, to_regclass($2) IS NOT NULL, to_regclass($3) IS NOT NULL, to_regproc($4) IS NOT NULL,
       to_regproc($5) IS NOT NULL, EXISTS (SELECT FROM pg_event_trigger WHERE evtname = $6), EXISTS (SELECT FROM pg_event_trigger WHERE evtname = $7)`,
    [META, JOURNAL, `${SCHEMA}.journal_by_xid`, `${SCHEMA}.record`, `${SCHEMA}.shape_changed`, SHAPES, `${SHAPES}_dropped`],
  );
  const [meta, journal, index, record, changed, shapes, dropped] = (row ?? []).map((value) => value === 't');
  const steps: (SetupStep | false)[] = [
    !journal && { sql: CREATE_JOURNAL, why: 'the journal of changes to bound tables: triggers write it, Rowcast reads and empties it' },
    !journal && meta === true && { sql: `UPDATE ${META} SET value = ${RANDOM} WHERE key = 'epoch'`, why: 'a new journal is a new history' },
    !index && { sql: `CREATE INDEX journal_by_xid ON ${JOURNAL} (xid)`, why: 'finds what was committed since the last look' },
    !record && { sql: RECORD, why: 'writes a changed row into the journal' },
    !changed && { sql: SHAPE_CHANGED, why: "notes in the journal where a table's columns changed" },
    !shapes && {
      sql: `CREATE EVENT TRIGGER ${SHAPES} ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION ${SCHEMA}.shape_changed()`,
      why: "sees a table's columns change",
    },
    !dropped && {
      sql: `CREATE EVENT TRIGGER ${SHAPES}_dropped ON sql_drop WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED') EXECUTE FUNCTION ${SCHEMA}.shape_changed()`,
      why: 'sees a table go, and its triggers with it',
    },
  ];
  for (const table of new Map([...tables].map((each) => [each.relation.oid, each])).values()) steps.push(...(await tableSteps(sql, table)));
  return steps.filter((step) => step !== false);
}

// sql: the table's name as identifier() wrote it, and names of our own
async function tableSteps(sql: Sql, { relation, sql: table, id }: PgTable): Promise<readonly SetupStep[]> {
  const rows = await sql.query(`SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal`, [relation.oid]);
  const enabled = new Map(rows.map(([name, how]) => [name, how]));
  const steps: SetupStep[] = [];
  for (const [name, when, why] of [
    [ROWS, 'AFTER INSERT OR UPDATE OR DELETE', `tells the journal of changed rows of ${id}`],
    [TRUNCATE, 'AFTER TRUNCATE', `tells the journal when ${id} is emptied`],
  ] as const) {
    if (!enabled.has(name)) {
      const each = name === ROWS ? 'ROW' : 'STATEMENT';
      steps.push({ sql: `CREATE TRIGGER ${name} ${when} ON ${table} FOR EACH ${each} EXECUTE FUNCTION ${SCHEMA}.record()`, why });
    }
    if (enabled.get(name) !== 'A') {
      steps.push({ sql: `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${name}`, why: 'also for sessions that replicate, restore or import' });
    }
  }
  if (steps.length > 0) {
    steps.push({
      sql: `INSERT INTO ${JOURNAL} (rel, op) VALUES (${literal(table)}::regclass, '${OP.gap}')`,
      why: `what happened to ${id} before is not known: its viewers start anew`,
    });
  }
  return steps;
}

/** What {@link journalSteps} ever made, on whatever table, but for what goes with Rowcast's schema. */
export async function journalGone(sql: Sql): Promise<readonly SetupStep[]> {
  const triggers = await sql.query(
    `SELECT t.tgname, n.nspname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE t.tgfoid = to_regproc($1) AND t.tgparentid = 0 ORDER BY 2, 3, 1`,
    [`${SCHEMA}.record`],
  );
  const events = await sql.query(`SELECT evtname FROM pg_event_trigger WHERE evtfoid = to_regproc($1) ORDER BY 1`, [
    `${SCHEMA}.shape_changed`,
  ]);
  return [
    ...events.map(([name]) => ({ sql: `DROP EVENT TRIGGER ${identifier(name ?? '')}`, why: 'column changes are not noted any more' })),
    ...triggers.map(([name, schema, table]) => ({
      sql: `DROP TRIGGER ${identifier(name ?? '')} ON ${identifier(schema ?? '', table ?? '')}`,
      why: `${schema}.${table} is not followed any more`,
    })),
  ];
}

/** Followed tables whose triggers are gone or switched off: their changes are not told. */
export async function untold(sql: Sql, tables: readonly PgTable[]): Promise<readonly PgTable[]> {
  const rows = await sql.query(
    `SELECT t.name FROM json_array_elements_text($1::json) t (name)
     WHERE (SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass(t.name) AND tgname IN ($2, $3) AND tgenabled = 'A') < 2`,
    [JSON.stringify(tables.map(({ sql: name }) => name)), ROWS, TRUNCATE],
  );
  const names = new Set(rows.map(([name]) => name));
  return tables.filter(({ sql: name }) => names.has(name));
}
