import {
  ColumnGroup,
  groupKey,
  keyFromWire,
  Membership,
  membersOf,
  placeOf,
  RowcastError,
  rowValue,
  ValueError,
  verdictOf,
  type Action,
  type Group,
  type Image,
  type Json,
  type Key,
  type OpenDatabase,
  type Selection,
  type Stream,
  type Table,
} from '../../core/index.ts';
import { userIdOf } from '../admission/admission.ts';
import { boundOf, joined } from '../bindings/bindings.ts';
import { groupText } from './group-text.ts';
import { userIs } from '../views/memberships.ts';
import { groupOf } from '../bindings/params.ts';
import type { LookingParts, Looked } from './watch.ts';

/** Who, and which row. */
export interface Question {
  readonly stream: string;
  readonly key: Key;
  /** As `authenticate` would give them. */
  readonly user: unknown;
  /** Those of `connectionGroups`. */
  readonly groups: readonly Group[];
  /** What the row would be changed to; null: it is looked at as it is. */
  readonly set: Readonly<Record<string, Json>> | null;
}

/** A group that the user has, or may ask for. */
export interface HeldGroup {
  readonly group: string;
  readonly by: 'connectionGroups' | 'canSubscribe' | 'membership';
}

export interface Explanation {
  /** Whether the user sees the row as it is. */
  readonly sees: boolean;
  /** What they would be told of the change that was asked about; null: nothing, or no change was. */
  readonly told: Action | null;
  /** Whether there is such a row. */
  readonly found: boolean;
  /** Of the row as it is, and of the row as it would be. */
  readonly before: readonly string[];
  readonly after: readonly string[] | null;
  readonly held: readonly HeldGroup[];
  /** Rows of join tables that are about the user. */
  readonly memberships: readonly {
    readonly table: string;
    readonly key: Json;
    readonly match: readonly Json[];
    readonly role: string | null;
  }[];
  /** What they get of the row; null: nothing. */
  readonly fields: Readonly<Record<string, Json>> | null;
  /** All of that for people, a sentence each; the verdict is the last. */
  readonly words: readonly string[];
}

/** Says why a user sees a row, or does not: by the rows as they stand, and by the same rules as in service. Changes nothing. */
export async function explain({ source, bindings }: Looked, { clock, log }: LookingParts, question: Question): Promise<Explanation> {
  const database = await source.open(boundOf(bindings), { setup: 'check', watching: true, shared: true, clock, log });
  try {
    const stream = joined(bindings, database.tables).streams.get(question.stream);
    if (!stream) {
      const names = Object.keys(bindings).join(', ');
      throw new RowcastError('binding_invalid', `${JSON.stringify(question.stream)} is no stream; there are ${names}`);
    }
    return await explained(database, stream, question);
  } finally {
    await database.close();
  }
}

async function explained(database: OpenDatabase, stream: Stream, question: Question): Promise<Explanation> {
  const words: string[] = [];
  const { table } = stream;
  const image = (await rowsOf(database, table, keyed(table, question.key)))[0] ?? null;
  if (!image) words.push(`There is no row ${JSON.stringify(question.key)} in ${table.id}.`);
  const before = image ? seen(stream, image, words, 'is') : NOTHING;
  const changed = image && question.set ? seen(stream, changedBy(table, image, question.set), words, 'would be') : null;
  const memberships = await membershipsOf(database, stream, question.user);
  for (const { table: of, key, match, role } of memberships) {
    words.push(`The user's row ${JSON.stringify(key)} of ${of} says ${JSON.stringify(match)}${role === null ? '' : ` as ${role}`}.`);
  }
  const held = await heldOf(stream, question, { sights: changed ? [before, changed] : [before], memberships, words });
  const holds = ({ groups }: Sight): boolean => groups.some((group) => held.has(group));
  const sees = holds(before);
  const told = changed ? verdictOf(sees, holds(changed)) : null;
  const last = changed && told ? changed : before;
  const gets = changed ? told !== null && told !== 'delete' : sees;
  words.push(verdict({ sees, found: image !== null, held, told, changed }, stream));
  return {
    sees,
    told,
    found: image !== null,
    before: before.groups.map(groupText),
    after: changed?.groups.map(groupText) ?? null,
    held: [...held].map(([group, by]) => ({ group: groupText(group), by })),
    memberships,
    fields: gets && last.text !== null ? (JSON.parse(last.text) as Record<string, Json>) : null,
    words,
  };
}

/** A row as its binding has it. */
interface Sight {
  readonly groups: readonly string[];
  readonly text: string | null;
  readonly image: Image | null;
}

const NOTHING: Sight = { groups: [], text: null, image: null };

function seen(stream: Stream, image: Image, words: string[], tense: 'is' | 'would be'): Sight {
  const groups = stream.groups(image);
  const text = groups.length > 0 ? stream.text(image) : null;
  const of = stream.binding.groupBy ? `groupBy(${stream.binding.groupBy.join(', ')})` : 'groupNames';
  if (groups.length === 0) {
    const why = stream.binding.groupBy ? 'one of these columns is NULL' : 'it gave no name';
    words.push(`The row ${tense} in no group, by ${of}: ${why}. Nobody sees such a row.`);
  } else if (text === null) words.push(`\`serialize\` gave null: the row ${tense} in no group, and nobody sees it.`);
  else words.push(`The row ${tense} in ${listed(groups)}, by ${of}.`);
  return { groups: text === null ? [] : groups, text, image };
}

interface Around {
  readonly sights: readonly Sight[];
  readonly memberships: Explanation['memberships'];
  readonly words: string[];
}

/** What the user has: by the connection, and of the row's own groups what they may ask for. */
async function heldOf(stream: Stream, question: Question, around: Around): Promise<ReadonlyMap<string, HeldGroup['by']>> {
  const { sights, memberships, words } = around;
  const { groupBy, audience, options } = stream.binding;
  const held = new Map<string, HeldGroup['by']>();
  for (const group of question.groups) {
    const counts = group instanceof ColumnGroup ? group.audience === audience : groupBy === null;
    if (counts) held.set(groupKey(group), 'connectionGroups');
    else
      words.push(
        `The connection's group ${groupText(groupKey(group))} is none of this stream's: ${groupBy ? 'name those by `binding.group(…)`' : 'it is another binding’s'}.`,
      );
  }
  words.push(
    held.size > 0
      ? `The connection is in ${listed([...held.keys()])}.`
      : 'The connection is in no group of this stream by `connectionGroups`.',
  );
  const { canSubscribe } = options;
  if (!groupBy) return held;
  if (!canSubscribe) words.push('Nobody may ask for more: the binding has no `canSubscribe`.');
  else if (canSubscribe instanceof Membership) {
    for (const { match } of memberships) {
      const group = groupOf(stream, Object.fromEntries(groupBy.map((column, at) => [column, match[at] ?? null])));
      if (group && !held.has(group.name)) held.set(group.name, 'membership');
    }
    if (memberships.length === 0)
      words.push(`The user belongs to nothing: no row of ${canSubscribe.model.table.name} names ${userIdOf(question.user) ?? 'nobody'}.`);
  } else {
    for (const { groups, image } of sights) {
      const [group] = groups;
      if (group === undefined || image === null || held.has(group)) continue;
      const values = Object.fromEntries(groupBy.map((column) => [column, rowValue(stream.table, image, placeOf(stream.table, column))]));
      const may = (await canSubscribe.call(options, question.user, values)) === true;
      words.push(`\`canSubscribe\` says ${may ? 'yes' : 'no'} to ${groupText(group)}.`);
      if (may) held.set(group, 'canSubscribe');
    }
  }
  return held;
}

async function membershipsOf(database: OpenDatabase, { binding }: Stream, user: unknown): Promise<Explanation['memberships']> {
  const id = userIdOf(user);
  const found: Explanation['memberships'][number][] = [];
  if (id === null) return found;
  for (const membership of binding.memberships) {
    const table = [...database.tables.values()].find(({ model }) => model.name === membership.model.name);
    if (!table) continue;
    const members = membersOf(membership, table);
    for (const image of await rowsOf(database, table, userIs(members, id))) {
      const granted = members.granted(image);
      if (granted?.user !== id) continue;
      const { match, role } = granted.grant;
      found.push({ table: table.id, key: JSON.parse(granted.key) as Json, match, role });
    }
  }
  return found;
}

interface Verdict {
  readonly sees: boolean;
  readonly found: boolean;
  readonly held: ReadonlyMap<string, HeldGroup['by']>;
  readonly told: Action | null;
  readonly changed: Sight | null;
}

function verdict({ sees, found, held, told, changed }: Verdict, { binding }: Stream): string {
  const fields = binding.fields.join(', ');
  const now = !found
    ? 'So there is nothing to see.'
    : sees
      ? `So the user sees the row: ${fields}.`
      : held.size === 0
        ? 'So the user does not see the row: they hold no group at all.'
        : 'So the user does not see the row: none of its groups is theirs.';
  if (!changed) return now;
  const then = {
    create: `comes to see it, by a create with ${fields}`,
    update: `gets an update with ${fields}`,
    delete: 'gets a delete with the key alone',
  };
  return `${now} By the change they ${told ? then[told].replace(/^comes/, 'come').replace(/^gets/, 'get') : 'get nothing'}.`;
}

const listed = (groups: readonly string[]): string => groups.map(groupText).join('; ');

function keyed(table: Table, key: Key): Selection {
  try {
    const values = keyFromWire(table, key);
    return { by: 'values', places: table.key, tuples: [values.map((value, at) => table.model.fromLog(table.key[at] as number, value))] };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new RowcastError('binding_invalid', `${JSON.stringify(key)} is no key of ${table.id}: it ${error.message}`, { cause: error });
  }
}

async function rowsOf(database: OpenDatabase, table: Table, selection: Selection): Promise<readonly Image[]> {
  const { pages } = await database.rows.read(table, selection, { signal: new AbortController().signal });
  const images: Image[] = [];
  for await (const page of pages) images.push(...page.rows);
  return images;
}

/** The row as it would be, with values as the wire has them. */
function changedBy(table: Table, image: Image, set: Readonly<Record<string, Json>>): Image {
  const values: Image[number][] = [...image];
  for (const [name, json] of Object.entries(set)) {
    const place = table.columns.findIndex((column) => column.name === name);
    const column = table.columns[place];
    if (!column) throw new RowcastError('binding_invalid', `${JSON.stringify(name)} is no column of ${table.id}`);
    values[place] = json === null ? null : column.fromWire(json);
  }
  return values;
}
