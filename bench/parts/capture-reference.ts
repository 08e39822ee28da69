import { answer } from '../process.ts';
import { followers, type Follower } from '../references/capture.ts';
import { Counting } from './captured.ts';

const counting = new Counting();
let stop: () => Promise<void>;

answer({
  async prepare({ url, by }: { url: string; by: Follower }) {
    stop = await followers[by](url, (rows) => counting.came(rows));
  },
  expect: ({ rows }: { rows: number }) => counting.expect(rows),
  done: () => counting.done,
  close: () => stop(),
});
