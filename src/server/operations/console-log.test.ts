import { expect, test } from 'vitest';
import { entry } from './console-log.ts';

test('an entry is one line, whatever a client has put into it', () => {
  const evil = 'x\nrowcast error: all is lost\r\u001b[2J\u009b31m\u2028\u0000';
  const text = entry('warn', { stream: evil, [evil]: [evil] }, evil);
  expect(text.endsWith('\n')).toBe(true);
  expect(text.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
  expect(text).toMatch(/^rowcast warn: x\\u000arowcast error/);
});

test('a stack stands under its entry, indented, and its message too', () => {
  const error = new Error('no such row\nrowcast error: forged\u001b[31m');
  const lines = entry('error', { err: error, after: 1 }, 'a write failed').trimEnd().split('\n');
  expect(lines[0]).toBe('rowcast error: a write failed err=Error: no such row');
  expect(lines[1]).toBe('    rowcast error: forged\\u001b[31m');
  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines.slice(1)) expect(line).toMatch(/^ {4}/);
  expect(lines.at(-1)).toMatch(/ after=1$/);
});

test('what JSON cannot hold is told all the same', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  expect(entry('info', { count: 1n, circle, none: undefined }, 'm')).toBe(
    'rowcast info: m count=1 circle=[object Object] none=undefined\n',
  );
});
