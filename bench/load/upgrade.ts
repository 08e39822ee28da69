import { connect, type Socket } from 'node:net';

export interface Target {
  readonly port: number;
  readonly path: string;
  /** The subprotocol; empty: none. */
  readonly protocol: string;
}

export interface Heard {
  /** From here on every byte is of WebSocket frames. */
  opened(): void;
  take(chunk: Buffer): void;
}

/** A client's socket, asking to be a WebSocket by the least of the protocol. What refuses it is thrown, and ends the process. */
export function upgrade({ port, path, protocol }: Target, heard: Heard): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let head: Buffer | null = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    if (head === null) return heard.take(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) throw new Error(head.toString());
    const rest = head.subarray(end + 4);
    head = null;
    heard.opened();
    if (rest.length > 0) heard.take(rest);
  });
  socket.on('error', (error) => console.error('load', error.message));
  const asked = protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${asked}\r\n`,
  );
  return socket;
}
