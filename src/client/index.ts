export { createClient, type ClientOptions } from './client.ts';
export type { ClientClock } from './clock.ts';
export type { SocketLike, WebSocketConstructor } from './socket.ts';
export type { Fallback, SocketFactory, TokenSupplier } from './socket.ts';
export { indexedDb } from './indexed-db.ts';
export type { KeepOptions } from './keeping.ts';
export type { Kept, Kept as Snapshot, KeptView } from './kept.ts';
export { memoryStorage, type ClientStorage } from './storage.ts';
export type {
  Answer,
  AnyApp,
  AppTypes,
  BatchAnswer,
  BindingStream,
  BindingTypes,
  CallAnswer,
  Change,
  Client,
  ClientEvents,
  Commit,
  CommandTypes,
  Complaint,
  ConsumerStream,
  ConsumerTypes,
  CreateOf,
  CreateOptions,
  Current,
  DataOf,
  InputOf,
  OutputOf,
  ParamsOf,
  PendingWrite,
  Pk,
  Progress,
  Refusal,
  Status,
  StreamName,
  Streams,
  StreamEvents,
  StreamStatus,
  UpdateOf,
  ViewName,
  WriteOptions,
} from './types.ts';
export { draftOf, formOf, type Draft, type DraftStatus, type SaveOptions, type Values } from './draft.ts';
export {
  liveConnection,
  liveRow,
  liveStream,
  type Asked,
  type Bound,
  type BoundName,
  type Connection,
  type LiveStore,
  type StreamView,
} from './live-store.ts';
export { select, type OrderBy, type Selectable, type Selection, type SelectOptions } from './select.ts';
