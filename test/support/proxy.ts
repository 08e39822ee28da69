import { once } from 'node:events';
import { createServer, request as ask, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';

/**
 * What stands between a page and its server. `open`: everything passes. `refuses`: no upgrade does. `swallows`: upgrades are answered, and then
 * nothing comes through. `away`: whoever comes is cut off.
 */
export type Passing = 'open' | 'refuses' | 'swallows' | 'away';

export class Proxy implements AsyncDisposable {
  readonly port: number;
  passing: Passing = 'open';
  /** Upgrades that were asked for, and streams of events. */
  upgrades = 0;
  streams = 0;
  readonly #http: Server;
  readonly #swallowing = new WebSocketServer({ noServer: true, handleProtocols: () => 'rowcast.1' });
  readonly #sockets = new Set<Duplex>();
  #wake: (() => void)[] = [];

  private constructor(http: Server, target: number) {
    this.#http = http;
    this.port = (http.address() as AddressInfo).port;
    http.on('connection', (socket: Duplex) => this.#hold(socket));
    http.on('request', (request, response) => {
      if (this.passing === 'away') return void response.destroy();
      const { method, url, headers } = request;
      const onward = ask({ port: target, host: '127.0.0.1', method, path: url, headers, agent: false });
      onward.on('error', () => response.destroy());
      onward.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
        answer.on('error', () => response.destroy());
        answer.pipe(response);
      });
      response.on('close', () => onward.destroy());
      request.pipe(onward);
      if (headers.accept === 'text/event-stream') this.#count('streams');
    });
    http.on('upgrade', (request, socket: Duplex, head) => {
      socket.on('error', () => undefined);
      if (this.passing === 'away') socket.destroy();
      else if (this.passing === 'refuses') socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      else if (this.passing === 'swallows') this.#swallowing.handleUpgrade(request, socket, head, (opened) => opened.pause());
      else {
        const onward = connect(target, '127.0.0.1');
        onward.on('error', () => socket.destroy());
        const lines = request.rawHeaders.flatMap((name, at) => (at % 2 ? [] : [`${name}: ${request.rawHeaders[at + 1]}`]));
        onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
        onward.write(head);
        socket.pipe(onward).pipe(socket);
        socket.on('close', () => onward.destroy());
      }
      this.#count('upgrades');
    });
  }

  /** @param target the port that it stands before. */
  static async open(target: number): Promise<Proxy> {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new Proxy(http, target);
  }

  /** Resolves when so many have been asked for. */
  async asked(what: 'upgrades' | 'streams', times: number): Promise<void> {
    while (this[what] < times) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** Cuts every line that is there. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #hold(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #count(what: 'upgrades' | 'streams'): void {
    this[what]++;
    for (const wake of this.#wake.splice(0)) wake();
  }
}
