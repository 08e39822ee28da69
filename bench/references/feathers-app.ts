import { feathers, type Application, type Service } from '@feathersjs/feathers';
import socketio from '@feathersjs/socketio';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';

/** Its application with one service, `hot`, whose events go to everybody over socket.io: WebSockets only, uncompressed. */
export function serving(hot: Partial<Service>): { readonly app: Application; listen(): Promise<number> } {
  const app = feathers();
  app.configure(socketio({ transports: ['websocket'], serveClient: false, perMessageDeflate: false }));
  app.use('hot', hot as Service);
  app.on('connection', (connection) => void app.channel('hot').join(connection));
  app.service('hot').publish(() => app.channel('hot'));
  return {
    app,
    async listen() {
      const server = (await app.listen(0, '127.0.0.1' as never)) as Server;
      if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
      return (server.address() as AddressInfo).port;
    },
  };
}
