import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

/** The text Rowcast sends for the same change: references send the same bytes. */
export function textOf(value: number, bytes: number): string {
  return `{"type":"commit","position":"${value.toString(16).padStart(16, '0')}","changes":[[1,"update",1,{"id":1,"value":${value},"body":"${'b'.repeat(bytes)}"}]]}`;
}

/** One text frame, for everybody. */
export function frame(text: string): Buffer {
  const body = Buffer.from(text);
  const header = body.length < 126 ? Buffer.from([0x81, body.length]) : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
  return Buffer.concat([header, body]);
}

/** Which client this is, where it says so. */
export function numberOf({ url = '' }: IncomingMessage): number {
  return Number(new URL(url, 'http://localhost').searchParams.get('n'));
}

/** A WebSocket server that accepts everybody by the least of the protocol and hands over bare sockets. */
export function bareServer(opened: (socket: Socket, request: IncomingMessage) => void): Promise<number> {
  const http = createServer();
  http.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.setNoDelay(true);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    opened(socket, request);
  });
  return new Promise((resolve) =>
    http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => resolve((http.address() as AddressInfo).port)),
  );
}

export function wsServer(opened: (socket: WebSocket, request: IncomingMessage) => void): Promise<number> {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  server.on('connection', opened);
  return new Promise((resolve) =>
    http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => resolve((http.address() as AddressInfo).port)),
  );
}
