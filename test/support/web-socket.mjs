// Node 20 has no WebSocket of its own; users there pass `ws`. For tests of the platform's it stands in.
import { WebSocket } from 'ws';

globalThis.WebSocket ??= WebSocket;
