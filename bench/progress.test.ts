import { expect, test } from 'vitest';
import { Going, going } from './going.ts';
import { Progress } from './progress.ts';

function shown(isTTY: boolean, columns = 80): string {
  let text = '';
  const progress = new Progress({ isTTY, columns, write: (more: unknown) => ((text += String(more)), true) });
  going.run(new Going('fanout'), () => {
    for (const pass of [1, 2]) {
      progress.at({ pass, passes: 2, contender: 'rowcast', medians: {} });
      progress.at({ pass, passes: 2, contender: 'ws', medians: { rowcast: 7.6912 } });
      progress.at({ pass, passes: 2, medians: { rowcast: 7.6912, ws: 113_245.3 } });
    }
    progress.say('fanout: done');
  });
  return text;
}

test('into a file: a line a pass, and none between', () => {
  expect(shown(false)).toBe('fanout 1/2 · rowcast 7.69, ws 113,245\nfanout 2/2 · rowcast 7.69, ws 113,245\nfanout: done\n');
});

test('on a terminal: one line that is written over, never wider than the terminal, until something stays', () => {
  const text = shown(true, 30);
  expect(text.split('\n')).toHaveLength(2);
  for (const line of text.split('\r\u001b[K')) expect(line.length).toBeLessThan(30);
  expect(text).toContain('fanout 1/2 · ws · rowcast 7.6');
});
