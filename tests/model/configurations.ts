import type { Bounds } from "./bounds.ts";
import type { Faults } from "./state.ts";

/** Bounds of a search, and the invariants that hold within them. */
export interface Configuration {
  readonly name: string;
  readonly bounds: Bounds;
  /** Letters of these invariants. */
  readonly invariants: string;
}

const NO_FAULTS: Faults = {
  managerCrashes: 0,
  restores: 0,
  agentCrashes: 0,
  journalLosses: 0,
  cuts: 0,
  copies: 0,
  strays: 0,
  standstills: 0,
};

/** Invariants that hold while nobody loses a disk. */
const ALL = "ABCDEFGH";

/** All but E: results on a disk that is lost, or set back, can no longer be recorded. */
const LOST_DISK = "ABCDFH";

/** All but B: "never arrived" may be true of the copy and not of the original (docs/reliability.md). */
const COPIED = "ACDEFH";

/** The short form. Each search takes about a second, and each rule is needed in one of them. */
export const QUICK: readonly Configuration[] = [
  configuration("links break", ALL, { cuts: 2, cancels: 1 }),
  configuration("both are killed", ALL, {
    managerCrashes: 1,
    agentCrashes: 1,
    cuts: 1,
  }),
  configuration("the Manager is restored", LOST_DISK, {
    restores: 1,
    cancels: 1,
  }),
  configuration("the Manager is restored, two requests", LOST_DISK, {
    restores: 1,
    requests: 2,
    dials: 2,
  }),
  configuration("a journal is lost", LOST_DISK, {
    agentCrashes: 1,
    journalLosses: 1,
    cuts: 1,
  }),
  configuration("a host is copied", COPIED, { copies: 1, dials: 4 }),
  configuration("ids come from elsewhere", ALL, { strays: 2, cuts: 1 }),
  configuration("an agent stands still", ALL, { standstills: 1, stops: 2 }),
  configuration("jobs, both are killed", ALL, {
    entries: [0],
    managerCrashes: 1,
    agentCrashes: 1,
  }),
  configuration("jobs, the Manager is restored", LOST_DISK, {
    entries: [0],
    restores: 1,
    dials: 2,
  }),
  configuration("jobs, the Manager is restored, an entry ends", LOST_DISK, {
    entries: [0],
    restores: 1,
    cancels: 1,
    dials: 2,
  }),
  configuration("jobs, the Manager is restored and killed", LOST_DISK, {
    requests: 2,
    entries: [1],
    restores: 1,
    managerCrashes: 1,
  }),
  configuration("jobs, the Manager is restored, a journal is lost", LOST_DISK, {
    entries: [0],
    restores: 1,
    agentCrashes: 1,
    journalLosses: 1,
    dials: 2,
  }),
];

/** The long form, with as many faults together as can be searched to the end in minutes. */
export const FULL: readonly Configuration[] = [
  configuration("links break, two requests", ALL, {
    cuts: 2,
    requests: 2,
    cancels: 1,
    dials: 4,
  }),
  configuration("both are killed, two requests", ALL, {
    managerCrashes: 1,
    agentCrashes: 1,
    cuts: 1,
    requests: 2,
  }),
  configuration("both are killed, links break twice", ALL, {
    managerCrashes: 1,
    agentCrashes: 1,
    cuts: 2,
    cancels: 1,
    dials: 4,
  }),
  configuration(
    "the Manager is killed and restored, the agent is killed",
    LOST_DISK,
    {
      managerCrashes: 1,
      restores: 1,
      agentCrashes: 1,
      cuts: 1,
      cancels: 1,
      dials: 4,
    },
  ),
  configuration(
    "the Manager is restored, links break, two requests",
    LOST_DISK,
    {
      restores: 1,
      cuts: 1,
      requests: 2,
      cancels: 1,
    },
  ),
  configuration(
    "the Manager is restored, the agent is killed, two requests",
    LOST_DISK,
    {
      restores: 1,
      agentCrashes: 1,
      requests: 2,
      cancels: 1,
    },
  ),
  configuration("the Manager is restored twice", LOST_DISK, {
    restores: 2,
    cuts: 1,
    requests: 2,
    cancels: 1,
  }),
  configuration("a journal is lost, two requests", LOST_DISK, {
    agentCrashes: 1,
    journalLosses: 1,
    cuts: 1,
    requests: 2,
  }),
  configuration("a journal is lost, the Manager is killed", LOST_DISK, {
    agentCrashes: 2,
    journalLosses: 1,
    managerCrashes: 1,
    cuts: 1,
    dials: 4,
  }),
  configuration("a host is copied, links break", COPIED, {
    copies: 1,
    cuts: 1,
    dials: 5,
  }),
  configuration("a host is copied, the agents are killed", COPIED, {
    copies: 1,
    agentCrashes: 1,
    dials: 5,
  }),
  configuration("a host is copied, the Manager is killed", COPIED, {
    copies: 1,
    managerCrashes: 1,
    dials: 5,
  }),
  configuration("a host is copied, two requests", COPIED, {
    copies: 1,
    requests: 2,
    dials: 4,
  }),
  configuration("an agent stands still, links break", ALL, {
    standstills: 1,
    cuts: 1,
    stops: 2,
  }),
  configuration("an agent stands still, both are killed", ALL, {
    standstills: 1,
    managerCrashes: 1,
    agentCrashes: 1,
    stops: 1,
  }),
  configuration("an agent stands still, two requests", ALL, {
    standstills: 1,
    cuts: 1,
    requests: 2,
    stops: 1,
  }),
  configuration("ids come from elsewhere, two requests", ALL, {
    strays: 2,
    cuts: 1,
    requests: 2,
  }),
  configuration("jobs, links break, two requests", ALL, {
    cuts: 2,
    requests: 2,
    entries: [1],
    cancels: 1,
    stops: 1,
  }),
  configuration("jobs, both are killed, two entries", ALL, {
    managerCrashes: 1,
    agentCrashes: 1,
    cuts: 1,
    requests: 2,
    entries: [0, 1],
    dials: 2,
  }),
  configuration("jobs, the Manager is restored and killed twice", LOST_DISK, {
    entries: [0],
    restores: 1,
    managerCrashes: 2,
    agentCrashes: 1,
    cuts: 1,
    cancels: 1,
    dials: 4,
  }),
  configuration(
    "jobs, the Manager is restored twice, two requests",
    LOST_DISK,
    {
      requests: 2,
      entries: [1],
      restores: 2,
      cancels: 1,
    },
  ),
  configuration(
    "jobs, the Manager is restored, two journals are lost",
    LOST_DISK,
    {
      entries: [0],
      restores: 1,
      agentCrashes: 2,
      journalLosses: 2,
      cuts: 1,
    },
  ),
  configuration("jobs, a host is copied, the Manager is killed", COPIED, {
    entries: [0],
    copies: 1,
    managerCrashes: 1,
    dials: 4,
  }),
  configuration("jobs, a journal is lost, the Manager is killed", LOST_DISK, {
    requests: 2,
    entries: [0, 1],
    agentCrashes: 1,
    journalLosses: 1,
    managerCrashes: 1,
  }),
];

function configuration(
  name: string,
  invariants: string,
  { requests = 1, entries = [], cancels = 0, stops = 0, dials = 3, ...faults }:
    Partial<
      Omit<Bounds, "faults"> & Faults
    >,
): Configuration {
  return {
    name,
    invariants,
    bounds: {
      requests,
      entries,
      cancels,
      stops,
      dials,
      faults: { ...NO_FAULTS, ...faults },
    },
  };
}
