import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

/** The text Rowcast sends for the same change: references send the same bytes. */
export function textOf(value: number, bytes: number): string {
  return `{"type":"commit","position":"${value.toString(16).padStart(16, '0')}","changes":[[1,"update",1,{"id":1,"value":${value},"body":"${'b'.repeat(bytes)}"}]]}`;
}

/** A WebSocket server that accepts everybody by the least of the protocol and hands over bare sockets. */
export function bareServer(opened: (socket: Socket) => void): Promise<number> {
  const http = createServer();
  http.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.setNoDelay(true);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    opened(socket);
  });
  return new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve((http.address() as AddressInfo).port)));
}

export function wsServer(opened: (socket: WebSocket) => void): Promise<number> {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  server.on('connection', opened);
  return new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve((http.address() as AddressInfo).port)));
}
