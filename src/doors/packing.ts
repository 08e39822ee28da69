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

/**
 * Bytes for a socket. Few are a text of one character a byte (latin1): Node writes it without making anything, and many are joined to one at a
 * third of what joining Buffers takes, which is what a connection in groups of its own costs most of. Many are a Buffer, which is not copied.
 */
export type Packet = string | Buffer;

/** Node writes a text of so many bytes from its stack; a longer one it would copy for every socket. */
const FEW = 16_384;

/** WebSocket frames (RFC 6455, 5.2): one unmasked, final text frame per text, so that a write may hold many. */
export const framed: Packing<Packet> = {
  pack(text) {
    const length = Buffer.byteLength(text);
    const header = headerOf(length);
    if (header.length + length > FEW) return Buffer.concat([header, Buffer.from(text)]);
    return header.toString('latin1') + (length === text.length ? text : Buffer.from(text).toString('latin1'));
  },
  join(parts) {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    if (size <= FEW) return parts.join('');
    const bytes = Buffer.allocUnsafe(size);
    let at = 0;
    for (const part of parts) at += typeof part === 'string' ? bytes.write(part, at, 'latin1') : part.copy(bytes, at);
    return bytes;
  },
  sizeOf: ({ length }) => length,
};

function headerOf(length: number): Buffer {
  if (length < SHORT) return Buffer.from([FINAL_TEXT, length]);
  if (length < MEDIUM) return Buffer.from([FINAL_TEXT, SHORT, length >> 8, length & 0xff]);
  const long = Buffer.alloc(10);
  long[0] = FINAL_TEXT;
  long[1] = SHORT + 1;
  long.writeBigUInt64BE(BigInt(length), 2);
  return long;
}

/** Server-Sent Events (WHATWG HTML, 9.2): one event per text. The texts have no line breaks: they are JSON. */
export const events: Packing<Buffer> = {
  pack: (text) => Buffer.from(`data:${text}\n\n`),
  join: (parts) => Buffer.concat(parts),
  sizeOf: ({ length }) => length,
};
