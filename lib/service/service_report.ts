import type { RunningFacts } from "./running_note.ts";
import type { ServiceHost, ServiceState, Step } from "./service_host.ts";
import type { Installation } from "./slots.ts";

/** Changes that were made, and what the user should know. */
export interface ServiceReport {
  readonly manager: ServiceHost["kind"];
  readonly steps: readonly Step[];
  /** Lines about what comes next. */
  readonly hints: readonly string[];
}

/** Last switch of a program to another version. */
export interface UpdateFacts {
  readonly from: string;
  readonly to: string;
  /** `back` until the version before has taken that up, and `failed` from then on. */
  readonly state: "trial" | "back" | "failed" | "confirmed";
  /** Count of starts on trial. */
  readonly starts: number;
  /** End of the trial, in milliseconds since 1970. */
  readonly deadline: number;
  /** Time for which the version has to work, in milliseconds. */
  readonly confirmMs: number;
  /** Length of the trial, in milliseconds. */
  readonly trialMs: number;
  /** Reason of a way back; empty if there is none. */
  readonly reason: string;
  /** Words about why it is not confirmed, or cannot go back; may be empty. */
  readonly detail: string;
}

/** Service as `status` shows it. */
export interface FullStatus extends ServiceState {
  readonly manager: ServiceHost["kind"];
  readonly scope: ServiceHost["scope"];
  readonly installation: Installation | undefined;
  readonly stateDir: string;
  /** Version of the executable that the service starts; undefined if it cannot be told. */
  readonly versionOnDisk: string | undefined;
  readonly process: RunningFacts | undefined;
  /** Last switch to another version; undefined if there was none, or it is not known. */
  readonly update: UpdateFacts | undefined;
  readonly logLine: string;
}
