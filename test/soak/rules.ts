import { hash } from 'node:crypto';
import type { Texts } from './decoding.ts';
import type { Person } from './tables.ts';

/** Who sees what, and how, in the judge's own words: nothing here comes from the app's bindings, nor from anything they are made of. */
export type StreamName = 'tasks' | 'notes' | 'places' | 'prices' | 'docs';

/** A view somebody follows. Without params: what they see by what they are. */
export interface Viewing {
  readonly stream: StreamName;
  readonly params: Readonly<Record<string, string | number>>;
  readonly person: Person;
}

export const TABLE_OF: Readonly<Record<StreamName, string>> = {
  tasks: 'task',
  notes: 'note',
  places: 'place',
  prices: 'price',
  docs: 'doc',
};

/** A row as it must be sent. Data of any length is kept as a digest of itself. */
export interface Shown {
  readonly pk: string;
  readonly data: string;
  readonly marks: readonly string[];
}

/** The same for everybody who sees the same rows. */
export function nameOf({ stream, params, person }: Viewing): string {
  const asked = Object.keys(params).length > 0;
  // Docs are seen by membership, which differs from person to person even where the rows do not.
  return JSON.stringify([stream, Object.entries(params).sort(), asked && stream !== 'docs' ? null : person.name]);
}

export function sees({ stream, params, person }: Viewing, row: Texts): boolean {
  switch (stream) {
    case 'tasks':
      if ('org' in params) return row['org'] === String(params['org']) && row['team'] === String(params['team']);
      return person.home.some(([org, team]) => row['org'] === String(org) && row['team'] === String(team));
    case 'notes':
      return (person.public && row['public'] === 'true') || (row['readers'] ?? '').split(',').includes(person.name);
    case 'places':
      return 'region' in params && row['region'] === params['region'];
    case 'prices':
      return person.prices && row['hidden'] === 'false';
    case 'docs':
      return 'org' in params && row['org'] === String(params['org']);
  }
}

const shown = new Map<StreamName, WeakMap<Texts, Shown>>();

export function shownAs(stream: StreamName, row: Texts): Shown {
  let known = shown.get(stream);
  if (!known) shown.set(stream, (known = new WeakMap()));
  let as = known.get(row);
  if (!as) {
    const data = JSON.stringify(fieldsOf(stream, row));
    known.set(row, (as = { pk: canonical(pkOf(stream, row)), data: digest(canonical(JSON.parse(data))), marks: marksIn(data) }));
  }
  return as;
}

/** What makes two texts of one kind of JSON comparable: keys in order. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`;
}

export function digest(text: string): string {
  return text.length > 40 ? hash('sha1', text, 'base64') : text;
}

/** Every text that a writer writes holds a mark of its own, `~1f3z~`: where it shows up is where the text went. */
export function marksIn(text: string): readonly string[] {
  return text.match(/~[0-9a-z]+~/g) ?? [];
}

function pkOf(stream: StreamName, row: Texts): unknown {
  return stream === 'places' ? [row['area'], int(row['spot'])] : int(row['id']);
}

function fieldsOf(stream: StreamName, row: Texts): Readonly<Record<string, unknown>> {
  switch (stream) {
    case 'tasks': {
      const { title, body = null, rank = null } = row;
      return { org: int(row['org']), team: int(row['team']), title, body, rank, due: moment(row['due']) };
    }
    case 'notes':
      return { public: row['public'] === 'true', text: row['text'] };
    case 'places':
      return { area: row['area'], spot: int(row['spot']), region: row['region'], label: row['label'], level: row['level'] };
    case 'prices':
      return { label: `${row['amount']} ${row['currency']}`, remark: row['remark'] };
    case 'docs':
      return { org: int(row['org']), title: row['title'] };
  }
}

const int = (text: string | null | undefined): number | null => (text === null || text === undefined ? null : Number(text));

/** `2026-11-23 12:34:56.7+00` → `2026-11-23T12:34:56.7Z`. */
const moment = (text: string | null | undefined): string | null => text?.replace(' ', 'T').replace(/\+00$/, 'Z') ?? null;
