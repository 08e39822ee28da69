/** What one connection may do. Every limit has a default; `endpoint(path, { limits })` sets others. */
export interface Limits {
  /** Bytes of one frame that comes in. Default 65,536. A bigger one closes the socket. */
  readonly frameBytes: number;
  /** Levels of nesting in a frame. Default 32. */
  readonly depth: number;
  /** Keys in a frame, all objects together. Default 2,048. */
  readonly keys: number;
  /** Writes in a batch. Default 100. */
  readonly batch: number;
  /** Frames taken per second, on average. Default 50; a socket that sends faster is read more slowly, nothing is lost. */
  readonly framesPerSecond: number;
  /** Frames taken at once before that average counts. Default 100. */
  readonly burst: number;
  /** Frames that wait while others are worked on before the socket is not read any more. Default 16. */
  readonly inFlight: number;
  /** Subscriptions at a time. Default 100. */
  readonly subscriptions: number;
  /** Milliseconds a hook of the app may take before it counts as a no; those of a batch, all together. Default 5,000. */
  readonly hookMs: number;
  /** Connections to the endpoint at a time, handshakes under way among them. Default 20,000; one more is refused with 503. */
  readonly connections: number;
  /** Seconds after which a connection is closed and comes back: 86,400, a day. */
  readonly ageSeconds: number;
  /** Frames refused in a row before the socket is closed. Default 100. */
  readonly badFrames: number;
  /** Seconds in which a connection that is behind takes nothing of what waits for it before it is closed. Default 30. */
  readonly stuckSeconds: number;
}

export const LIMITS: Limits = {
  frameBytes: 65_536,
  depth: 32,
  keys: 2_048,
  batch: 100,
  framesPerSecond: 50,
  burst: 100,
  inFlight: 16,
  subscriptions: 100,
  hookMs: 5_000,
  connections: 20_000,
  ageSeconds: 86_400,
  badFrames: 100,
  stuckSeconds: 30,
};
