import { connect, type Socket } from 'node:net';

export interface Upgrade {
  readonly port: number;
  readonly path: string;
  /** The subprotocol; empty: none. */
  readonly protocol: string;
}

/** A socket whose every byte, from here on, is of WebSocket frames. */
export function upgraded({ port, path, protocol }: Upgrade, take: (chunk: Buffer) => void): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const asked = protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${asked}\r\n`,
  );
  return new Promise((resolve, reject) => {
    let head: Buffer | null = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      if (head === null) return take(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!head.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) return reject(new Error(head.toString()));
      const rest = head.subarray(end + 4);
      head = null;
      resolve(socket);
      if (rest.length > 0) queueMicrotask(() => take(rest)); // after the one who waits for the socket has it
    });
  });
}
