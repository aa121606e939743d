import type { Clock } from "../../base/clock.ts";
import type { Host } from "../host/host.ts";
import type { StepOperation } from "../step_operation.ts";
import type { SecretSource } from "../secrets/secret_source.ts";
import type { Owed } from "./owed.ts";
import type { RunRecord } from "./records.ts";

/** Receiver of what a run tells. */
export interface RunSink {
  /** Takes a record. The run goes on once it was taken. */
  record(record: RunRecord): Promise<void>;
  /** Tells how many steps are done, and the next one. */
  progress(done: number, all: number, step: string): void;
}

/** Means of a run. */
export interface RunMeans {
  readonly operations: readonly StepOperation[];
  readonly host: Host;
  /** Debts of this host; for a plan too, which does not change them. */
  readonly owed: Owed;
  readonly sink: RunSink;
  /** Secrets that steps name; without it, a sheet may have none. */
  readonly secrets?: SecretSource | undefined;
  readonly clock: Clock;
  /** Aborted to end the run between two steps, and the programs of a step. */
  readonly signal: AbortSignal;
}
