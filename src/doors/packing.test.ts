import fc from 'fast-check';
import type { Writable } from 'node:stream';
import * as ws from 'ws';
import { expect, test } from 'vitest';
import { framed, type Packet } from './packing.ts';

const bytesOf = (packet: Packet): Buffer => (typeof packet === 'string' ? Buffer.from(packet, 'latin1') : packet);

/** ws's own reader, which its types do not have. */
const { Receiver } = ws as unknown as { readonly Receiver: new (options: { readonly isServer: boolean }) => Writable };

/** The texts that a WebSocket client reads. */
function read(packet: Packet): readonly string[] {
  const texts: string[] = [];
  const receiver = new Receiver({ isServer: false });
  receiver.on('message', (data: Buffer, binary: boolean) => texts.push(binary ? 'binary' : data.toString()));
  receiver.on('error', (error: Error) => texts.push(error.message));
  receiver.write(bytesOf(packet));
  return texts;
}

const EDGES = [0, 1, 125, 126, 127, 16_379, 16_380, 16_381, 65_535, 65_536, 200_000];

test.each(EDGES)('a text of %i bytes is one frame, whatever its letters', (length) => {
  for (const letter of ['a', 'é', '€', '𝄞']) {
    const text = letter.repeat(Math.ceil(length / Buffer.byteLength(letter)));
    const packet = framed.pack(text);
    expect(read(packet)).toEqual([text]);
    expect(framed.sizeOf(packet)).toBe(bytesOf(packet).length);
  }
});

test('joined, frames are the bytes of each in order, however few or many they are', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.integer({ min: 0, max: 20_000 }).map((length) => 'ü'.repeat(length)),
  );
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 12 }), (texts) => {
      const parts = texts.map((each) => framed.pack(each));
      const joined = framed.join(parts);
      expect(bytesOf(joined)).toEqual(Buffer.concat(parts.map(bytesOf)));
      expect(read(joined)).toEqual(texts.map((each) => Buffer.from(each).toString()));
    }),
  );
});
