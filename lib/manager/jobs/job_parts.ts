import type { JobRecord } from "../../store/job_records.ts";
import type { Commands } from "../commands.ts";
import type { Fleet } from "../fleet.ts";
import type { ManagerParts } from "../manager_parts.ts";

/** Parts that all jobs of a Manager share. */
export interface JobParts
  extends Pick<ManagerParts, "store" | "clock" | "events"> {
  readonly fleet: Fleet;
  readonly commands: Pick<Commands, "entries" | "fitness" | "cancelOfJob">;
  /** True for an agent that was connected when the Manager stopped, and is expected back at any moment. */
  readonly isExpected: (agent: string) => boolean;
  /**
   * True if an entry that has not started may have run all the same: its job is older than this run of the Manager, whose
   * database may come from a backup, and its agent has not said hello since.
   */
  readonly isUnsure: (job: bigint, agent: string) => boolean;
  /** Tells why an entry is not sent to its agent: the operator who asked for it may not do it any more. Undefined if it may. */
  readonly refusal: (job: JobRecord, agent: string) => string | undefined;
}
