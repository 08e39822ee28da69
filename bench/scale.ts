/**
 * How much of everything a run does. A full run of all workloads has 25 minutes, so one has about 90 s: let a pass do less,
 * never make fewer of them. A smoke of all has one minute on two cores, so one has about 3 s.
 */
export interface Scale {
  /** Whether what is compared with may be installed now. */
  readonly installs: boolean;
  readonly passes: number;
  readonly sockets: number;
  /** Messages times sockets, per pass. */
  readonly deliveries: number;
  /** Rows to capture, per pass. */
  readonly rows: number;
  /** Writes, per pass. */
  readonly writes: number;
  /** Writes that clients ask for, per pass. */
  readonly asked: number;
  /** Single commits whose way is timed, per pass. */
  readonly commits: number;
  /** Commits that happen while clients are away. */
  readonly missed: number;
  /** Clients that come back after a drop. */
  readonly storm: number;
  /** Bytes that are sent to clients that do not read. */
  readonly pour: number;
  /** Commits: more than a window keeps. */
  readonly kept: number;
  /** Connections that ask for a few views and hear nothing. */
  readonly idle: number;
  /** Groups with one member each. */
  readonly groups: number;
  /** Milliseconds after which nobody gets what was read for somebody else. */
  readonly apart: number;
  /** Rows that a page holds. */
  readonly held: number;
  /** Views that a page asks for and leaves. */
  readonly rounds: number;
  /** How long frames are watched in Chromium; 0: they are not. */
  readonly seconds: number;
  /** The folder of another checkout to measure against, where a workload knows how. */
  readonly against?: string;
}

export const FULL: Scale = {
  installs: true,
  passes: 7,
  sockets: 1_000,
  deliveries: 200_000,
  rows: 100_000,
  writes: 4_000,
  asked: 20_000,
  commits: 100,
  missed: 10_000,
  storm: 5_000,
  pour: 16_777_216,
  kept: 110_000,
  idle: 2_000,
  groups: 100_000,
  apart: 5_200,
  held: 10_000,
  rounds: 1_000,
  seconds: 10,
};

/** Shows that everything runs. Its figures mean nothing. */
export const SMOKE: Scale = {
  installs: false,
  passes: 1,
  sockets: 50,
  deliveries: 2_000,
  rows: 2_000,
  writes: 200,
  asked: 500,
  commits: 10,
  missed: 200,
  storm: 100,
  pour: 8_388_608,
  kept: 2_000,
  idle: 100,
  groups: 2_000,
  apart: 0,
  held: 1_000,
  rounds: 50,
  seconds: 0,
};
