import type { Clock } from "../../base/clock.ts";
import type { Store } from "../../store/store.ts";
import type { Commands } from "../commands.ts";
import type { Events } from "../events.ts";
import type { Fleet } from "../fleet.ts";

/** Parts that all jobs of a Manager share. */
export interface JobParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly events: Events;
  readonly commands: Pick<Commands, "entries" | "fitness" | "cancel">;
  /** True for an agent that was connected when the Manager stopped, and is expected back at any moment. */
  readonly isExpected: (agent: string) => boolean;
}
