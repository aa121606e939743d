import type { Clock } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import type { Random } from "../base/random.ts";
import type { Store } from "../store/store.ts";
import type { Events } from "./events/events.ts";
import type { LocalFleet } from "./fleet.ts";

/** Dependencies that all parts of one Manager share. */
export interface ManagerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly counters: Counters;
  readonly fleet: LocalFleet;
}
