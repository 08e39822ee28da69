export { createClient, type ClientOptions } from './client.ts';
export type { ClientClock } from './clock.ts';
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
  Commit,
  Complaint,
  ConsumerStream,
  ConsumerTypes,
  Pk,
  Progress,
  Status,
  StreamEvents,
  StreamStatus,
} from './types.ts';
