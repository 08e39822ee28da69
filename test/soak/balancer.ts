import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * What stands before the nodes: each connection goes to the next of those that are in and say that they are ready, or of all that are in where none
 * does. Connections to one that is taken out stay.
 */
export class Balancer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #ports: number[] = [];
  #unready: ReadonlySet<number> = new Set();
  #next = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (client) => this.#pass(client));
  }

  static async open(): Promise<Balancer> {
    const balancer = new Balancer(createServer({ noDelay: true }));
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  add(port: number): void {
    this.#ports.push(port);
  }

  remove(port: number): void {
    this.#ports.splice(this.#ports.indexOf(port), 1);
  }

  unready(ports: ReadonlySet<number>): void {
    this.#unready = ports;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(client: Socket): void {
    const ready = this.#ports.filter((port) => !this.#unready.has(port));
    const among = ready.length > 0 ? ready : this.#ports;
    const port = among[this.#next++ % among.length];
    if (port === undefined) return void client.destroy();
    const node = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const [one, other] of [
      [client, node],
      [node, client],
    ] as const) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
