import { feathers, type Application } from '@feathersjs/feathers';
import socketio from '@feathersjs/socketio';
import type {} from '@feathersjs/transport-commons'; // it gives an application its channels
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Its application with one service, `hot`, whose events go to everybody over socket.io: WebSockets only, uncompressed. */
export function serving(hot: object): { readonly app: Application; listen(): Promise<number> } {
  const app = feathers();
  app.configure(socketio({ transports: ['websocket'], serveClient: false, perMessageDeflate: false }));
  app.use('hot', hot as never);
  app.on('connection', (connection) => void app.channel('hot').join(connection));
  app.service('hot').publish(() => app.channel('hot'));
  return {
    app,
    async listen() {
      const http = createServer();
      await app.setup(http);
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      return (http.address() as AddressInfo).port;
    },
  };
}
