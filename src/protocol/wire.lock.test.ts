import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CLOSE, isRecord, parseClientFrame, SUBPROTOCOL, type Json } from './index.ts';

const page = readFileSync(new URL('../../PROTOCOL.md', import.meta.url), 'utf8');
const FILES = ['frames.ts', 'answers.ts', 'close.ts', 'values.ts'];

interface Declaration {
  readonly word: string;
  readonly name: string;
  /** Without comments and layout: what is left is the wire. */
  readonly text: string;
}

function plain(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(?<![:'"])\/\/[^\n]*/g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{}()[\]|;,:<>=?]) ?/g, '$1')
    .replace(/([=:<(])\|/g, '$1')
    .replace(/,([}\])])/g, '$1')
    .trim();
}

/** A declaration reaches from its line at the margin to the next one's. */
function declarations(source: string): Declaration[] {
  return source.split(/^(?=(?:export |declare )?(?:interface|type|const|function) )/m).flatMap((text) => {
    const [, word, name] = /^(?:export )?(interface|type|const|function) (\w+)/.exec(text) ?? [];
    return word && name ? [{ word, name, text: plain(text.replace(/^export /, '')).replace(/;$/, '') }] : [];
  });
}

const sources = FILES.map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'));
/** What the codecs do is held by their own tests, and a name for what stands above it adds nothing; what a client makes of a close code is the wire. */
const NOT_WIRE = ['CloseReason', 'revive', 'reviveDate', 'FOUR_DIGIT_YEAR', 'toWire', 'objectToWire', 'toBase64', 'fromBase64'];
const wire = sources.flatMap((source) => declarations(source)).filter(({ name }) => !NOT_WIRE.includes(name));
const shown = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].flatMap(([, block]) => declarations(block as string));
const types = wire.filter(({ word }) => word === 'interface' || word === 'type');

/** Told on the page in tables and prose, or sums of what is shown. */
const NOT_SHOWN = ['ClientFrame', 'ServerFrame', 'ResetReason', 'AnswerCode', 'Answer', 'CloseVerdict'];

/** The keys a text shows, and those of the shapes it names. */
function keysOf(text: string): readonly string[] {
  const own = [...text.matchAll(/readonly (\w+)\??:/g)].map(([, key]) => key as string);
  const named = [...text.matchAll(/(?:extends|[&=])\s*([A-Z]\w*)(?:,\s*([A-Z]\w*))?/g)].flatMap(([, ...names]) => names.filter(Boolean));
  return [...own, ...named.flatMap((name) => keysOf(types.find((type) => type.name === name)?.text ?? ''))];
}

const membersOf = (name: string): string[] => {
  const text = types.find((type) => type.name === name)?.text ?? '';
  return [...text.matchAll(/'([^']+)'/g)].map(([, member]) => member as string);
};

const expectRow = (pattern: string): void => expect(new RegExp(`^\\| ${pattern}`, 'm').test(page), `a row like ${pattern}`).toBe(true);

describe('the wire is what PROTOCOL.md says', () => {
  test('the source of the wire has not changed without the page: its hash is the one the page states', () => {
    const hash = createHash('sha256')
      .update(wire.map(({ text }) => text).join('\n'))
      .digest('hex');
    const stated = /wire (\S+) · sha256 ([0-9a-f]{64})/.exec(page);
    expect(stated?.[1]).toBe(SUBPROTOCOL);
    expect(stated?.[2], `the wire has changed: say so in PROTOCOL.md, then state ${hash} there`).toBe(hash);
  });

  test('the lock sees all of the wire', () => {
    expect(wire.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        ...membersOf('ClientFrame'),
        'SUBPROTOCOL',
        'CLOSE',
        'verdict',
        'WireChange',
        'AnswerCode',
        'Kind',
        'Shape',
        'FieldKind',
      ]),
    );
    const exported = sources.flatMap((source) => [...source.matchAll(/^export (?:interface|type|const) (\w+)/gm)].map(([, name]) => name));
    expect(exported.filter((name) => !NOT_WIRE.includes(name as string) && !wire.some((declaration) => declaration.name === name))).toEqual(
      [],
    );
  });

  test.each(types.filter(({ name }) => !NOT_SHOWN.includes(name)).map(({ name, text }) => [name, text]))(
    '%s is on the page as it is',
    (name, text) => {
      expect(shown.find((declaration) => declaration.name === name)?.text).toBe(text);
    },
  );

  test('the page shows no shape that the wire does not have', () => {
    expect(shown.map(({ name }) => name).filter((name) => !types.some((type) => type.name === name))).toEqual([]);
  });

  test.each(membersOf('AnswerCode'))('answer code %s has its row', (code) => {
    expectRow(`\`${code}\` +\\|`);
  });

  test('every answer code of the page exists', () => {
    const table = page.slice(page.indexOf('## Answers'), page.indexOf('## Values'));
    const rows = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code);
    expect(new Set(rows)).toEqual(new Set(membersOf('AnswerCode')));
  });

  test.each(membersOf('ResetReason'))('reset reason %s has its row', (reason) => {
    expectRow(`\`${reason}\` +\\|`);
  });

  test.each(membersOf('Kind'))('kind %s has its row, with an example', (kind) => {
    expectRow(`\`${kind}\` +\\|[^|]+\\| \`[^|]+\` +\\|$`);
  });

  test.each(Object.entries(CLOSE))('close code %s has its row', (name, code) => {
    expectRow(`${code} +\\| \`${name}\` +\\|`);
  });
});

describe("the page's examples are frames", () => {
  const first = page.slice(0, page.indexOf("## The seed's wire"));
  const sections = first.split(/^### /m).slice(1);
  const examples = sections.flatMap((section) =>
    [...section.matchAll(/```json\n([\s\S]*?)```/g)].flatMap(([, block]) =>
      values(block as string).map((value) => ({ title: (section.split('\n')[0] ?? '').replaceAll('`', ''), section, value })),
    ),
  );

  test('there is one for every type', () => {
    const interfaces = types.flatMap(({ text }) => [...text.matchAll(/readonly type:'(\w+)'/g)].map(([, type]) => type));
    expect(new Set(examples.map(({ value }) => value.type))).toEqual(new Set(interfaces));
  });

  test.each(examples)('$title: $value', ({ title, section, value }) => {
    expect(title.split(' ')[0]).toBe(value.type);
    expect(keysOf(section)).toEqual(expect.arrayContaining(Object.keys(value)));
    if (/\*\*Direction:\*\* (client|both)/.test(section)) {
      expect(parseClientFrame(JSON.stringify(value), { bytes: 65_536, depth: 32, keys: 2_048 })).toEqual(value);
    }
  });

  test("the seed's examples are in its envelope", () => {
    const blocks = [...page.slice(page.indexOf("## The seed's wire")).matchAll(/```json\n([\s\S]*?)```/g)].flatMap(([, block]) =>
      values(block as string),
    );
    expect(blocks).toHaveLength(8);
    for (const value of blocks) expect(Object.keys(value)).toEqual(['stream', 'payload']);
  });
});

/** JSON values, one after another: each begins at the margin. */
function values(block: string): { readonly [key: string]: Json }[] {
  return block
    .trim()
    .split(/\n(?=\{)/)
    .map((text) => JSON.parse(text) as Json)
    .filter((value) => isRecord(value));
}
