export { createClient, type ClientOptions } from './client.ts';
export type { SocketLike, WebSocketConstructor } from './socket.ts';
export type {
  Answer,
  AnyApp,
  AppTypes,
  BindingStream,
  BindingTypes,
  Change,
  Client,
  ClientEvents,
  Complaint,
  ConsumerStream,
  ConsumerTypes,
  Pk,
  Status,
  StreamEvents,
} from './types.ts';
