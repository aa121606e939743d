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
const ALL = "ABCDEFG";

/** All but E: results on a disk that is lost, or set back, can no longer be recorded. */
const LOST_DISK = "ABCDF";

/** All but B: "never arrived" may be true of the copy and not of the original (docs/reliability.md). */
const COPIED = "ACDEF";

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
];

function configuration(
  name: string,
  invariants: string,
  { requests = 1, cancels = 0, stops = 0, dials = 3, ...faults }: Partial<
    Omit<Bounds, "faults"> & Faults
  >,
): Configuration {
  return {
    name,
    invariants,
    bounds: {
      requests,
      cancels,
      stops,
      dials,
      faults: { ...NO_FAULTS, ...faults },
    },
  };
}
