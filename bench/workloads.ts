import type { Result } from './measure.ts';
import type { Scale } from './scale.ts';

export interface Workload {
  /** In one sentence. */
  readonly about: string;
  /** Only one that is run is loaded: what another one needs may be missing. */
  readonly load: () => Promise<(scale: Scale) => Promise<readonly Result[]>>;
}

/** All there are, in the order they run and are shown in. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  fanout: {
    about:
      'One row that changes, everybody in its group: the server’s CPU for each delivery, at one message per turn of the event loop and at 16.',
    load: async () => (await import('./workloads/fanout.ts')).fanout,
  },
  peers: {
    about:
      'One row of Postgres that everybody watches: from the write to the last client, beside Feathers, Zero and what one builds oneself.',
    load: async () => (await import('./workloads/peers.ts')).peers,
  },
  wide: {
    about: 'The same, of a row of 1 KB and of 10 KB.',
    load: async () => (await import('./workloads/fanout.ts')).wide,
  },
  siblings: {
    about:
      'One row of a SQLite file to as many sockets, by one process and by two that share what one of them reads: the CPU of all of them.',
    load: async () => (await import('./workloads/siblings.ts')).siblings,
  },
  groups: {
    about:
      'Each socket in ten groups, no two in the same ten; rows that go from group to group; and each in a group of its own and in everybody’s.',
    load: async () => (await import('./workloads/groups.ts')).groups,
  },
  sparse: {
    about: 'Each client on rows of its own, and many groups of which one is touched: what a commit costs must not depend on the others.',
    load: async () => (await import('./workloads/sparse.ts')).sparse,
  },
  crowd: {
    about: 'A small group’s messages while a large group is flooded.',
    load: async () => (await import('./workloads/crowd.ts')).crowd,
  },
  latency: {
    about: 'From a commit’s acknowledgement to the app, to its arrival at the first and at the last of many clients.',
    load: async () => (await import('./workloads/latency.ts')).latency,
  },
  capture: {
    about: 'A backlog of committed changes, read from the database’s own log and decoded.',
    load: async () => (await import('./workloads/capture.ts')).capture,
  },
  broker: {
    about: 'A ledger outside the process: changes in batches from who leads through the broker to who follows, and the way of one alone.',
    load: async () => (await import('./workloads/broker.ts')).broker,
  },
  writes: {
    about: 'The app’s own writes, its table bound and followed, against the same table unbound in the same database.',
    load: async () => (await import('./workloads/writes.ts')).writes,
  },
  journal: {
    about: 'SQLite: an app that writes as fast as it can until the last row is in the ledger, beside what the engine alone takes for it.',
    load: async () => (await import('./workloads/journal.ts')).journal,
  },
  bulk: {
    about: 'Transactions of one row to a hundred thousand: the CPU of a row, the longest stall of the event loop, and memory.',
    load: async () => (await import('./workloads/bulk.ts')).bulk,
  },
  inbound: {
    about:
      'What clients ask to have written, from their frames to the answers: without a database, on SQLite and on Postgres; and messages.',
    load: async () => (await import('./workloads/inbound.ts')).inbound,
  },
  resume: {
    about:
      'Clients that come back and have missed some commits: the server’s CPU for each, beyond that of a connection that asks for nothing.',
    load: async () => (await import('./workloads/resume.ts')).resume,
  },
  storm: {
    about: 'Many clients whose connections drop at once and who come back at once.',
    load: async () => (await import('./workloads/storm.ts')).storm,
  },
  'first-rows': {
    about: 'Connected clients that all ask at once for the rows of a view.',
    load: async () => (await import('./workloads/first-rows.ts')).firstRows,
  },
  stalled: {
    about: 'Some of many clients stop reading: what each of them costs, and what the others notice of it.',
    load: async () => (await import('./workloads/stalled.ts')).stalled,
  },
  memory: {
    about: 'What an idle connection takes, and a group with one member, and the window when it is full.',
    load: async () => (await import('./workloads/memory.ts')).memory,
  },
  start: {
    about: 'A small app on SQLite: how long until it serves, and what its process takes then.',
    load: async () => (await import('./workloads/start.ts')).start,
  },
  installed: {
    about: 'What `npm install` brings.',
    load: async () => (await import('./workloads/installed.ts')).installed,
  },
  client: {
    about: 'What a page does with what it is told: rows that change, and views that come and go.',
    load: async () => (await import('./workloads/client.ts')).client,
  },
};
