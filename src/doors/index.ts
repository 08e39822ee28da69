export { admit, type DoorConnection, type Visitor } from './admit.ts';
export { channels1 } from './channels1.ts';
export { inProcess, type InProcessSocket } from './in-process.ts';
export { events, framed, plain, type Packing } from './packing.ts';
export { rowcast1 } from './rowcast1.ts';
export { EventDoor } from './sse.ts';
export type { UpgradingServer } from './upgrades.ts';
export { WebSocketDoor } from './ws.ts';
