import fc from 'fast-check';
import { expect, test } from 'vitest';
import { either } from './either.ts';
import type { SocketFactory, SocketLike } from './socket.ts';

type Which = 'first' | 'second';

/** What is taken for each try, given what became of the one before; `null`: nobody knows. */
function taken(outcomes: readonly (boolean | null)[]): Which[] {
  const order: Which[] = [];
  const none: SocketLike = { onopen: null, onmessage: null, onclose: null, send: () => undefined, close: () => undefined };
  const noting =
    (which: Which): SocketFactory =>
    () => {
      order.push(which);
      return none;
    };
  const factory = either(noting('first'), noting('second'));
  for (const answered of [null, ...outcomes]) factory(undefined, answered);
  return order;
}

/** As letters, so that it can be read. */
const letters = (outcomes: readonly (boolean | null)[]): string =>
  taken(outcomes)
    .map((which) => (which === 'first' ? 'f' : 's'))
    .join('');

const silence = (times: number): false[] => Array.from({ length: times }, () => false);

test('the second has its turn when the first was silent twice in a row, and then each in turn until one is heard', () => {
  expect(letters(silence(9))).toBe('ffsfsfsfsf');
});

test('what is heard is kept, and after four silent tries in a row the other has one', () => {
  expect(letters([true, ...silence(10)])).toBe('fffffsffffsf');
  expect(letters([false, false, true, true, ...silence(6)])).toBe('ffssssssfss');
});

test('a try of which nobody knows what became of it does not count', () => {
  expect(letters([false, null, null, null, false, null])).toBe('fffffss');
});

test('whatever works is come to within six tries, and then never left for as long as it works', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ works: fc.constantFrom<Which>('first', 'second'), known: fc.boolean() }), { minLength: 1, maxLength: 6 }),
      fc.nat(12),
      (networks, away) => {
        const made: Which[] = [];
        const none: SocketLike = { onopen: null, onmessage: null, onclose: null, send: () => undefined, close: () => undefined };
        const noting = (which: Which): SocketFactory => {
          return () => {
            made.push(which);
            return none;
          };
        };
        const factory = either(noting('first'), noting('second'));
        let answered: boolean | null = null;
        for (const { works } of networks) {
          // The server is away for a while, and then it is there, for one of the two.
          for (let each = 0; each < away; each++) {
            factory(undefined, answered);
            answered = false;
          }
          let tries = 0;
          for (answered = answered ?? null; ;) {
            factory(undefined, answered);
            tries++;
            answered = made.at(-1) === works;
            if (answered) break;
            expect(tries).toBeLessThan(6);
          }
          for (let round = 0; round < 10; round++) {
            factory(undefined, true);
            expect(made.at(-1)).toBe(works);
          }
        }
      },
    ),
  );
});
