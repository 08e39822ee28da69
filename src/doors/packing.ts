/** How a door's transport takes texts: framed, joined, shared by every session that gets them. */
export interface Packing<B> {
  pack(text: string): B;
  join(parts: readonly B[]): B;
  sizeOf(packed: B): number;
}

/** Texts as they are, for a door without bytes. */
export const plain: Packing<readonly string[]> = {
  pack: (text) => [text],
  join: (parts) => parts.flat(),
  sizeOf: (packed) => packed.reduce((size, text) => size + text.length, 0),
};

const SHORT = 126;
const MEDIUM = 65_536;
const FINAL_TEXT = 0x81;

/** WebSocket frames (RFC 6455, 5.2): one unmasked, final text frame per text, so that a write may hold many. */
export const framed: Packing<Buffer> = {
  pack(text) {
    const length = Buffer.byteLength(text);
    const header = length < SHORT ? 2 : length < MEDIUM ? 4 : 10;
    const bytes = Buffer.allocUnsafe(header + length);
    bytes[0] = FINAL_TEXT;
    if (header === 2) bytes[1] = length;
    else if (header === 4) {
      bytes[1] = SHORT;
      bytes.writeUInt16BE(length, 2);
    } else {
      bytes[1] = SHORT + 1;
      bytes.writeBigUInt64BE(BigInt(length), 2);
    }
    bytes.write(text, header, 'utf8');
    return bytes;
  },
  join: (parts) => Buffer.concat(parts),
  sizeOf: ({ length }) => length,
};

/** Server-Sent Events (WHATWG HTML, 9.2): one event per text. The texts have no line breaks: they are JSON. */
export const events: Packing<Buffer> = {
  pack: (text) => Buffer.from(`data:${text}\n\n`),
  join: (parts) => Buffer.concat(parts),
  sizeOf: ({ length }) => length,
};
