import type { JobRecord } from "../../store/job_records.ts";
import { shareOf } from "./limits.ts";
import type { Tally } from "./tally.ts";

/** Limit of failures of a job. */
export class FailureLimit {
  readonly #limit: number;
  readonly #tally: Tally;

  constructor(
    { limits: { maxFailures }, total }: JobRecord,
    tally: Tally,
  ) {
    this.#limit = maxFailures === undefined
      ? Infinity
      : shareOf(maxFailures, total);
    this.#tally = tally;
  }

  /** Failures until nothing more starts. */
  get left(): number {
    return this.#limit - this.#tally.failures;
  }

  /** Fact for which nothing more starts; undefined below the limit. */
  get fact(): string | undefined {
    if (this.left > 0) return undefined;
    const { failures } = this.#tally;
    return failures === 1
      ? "1 agent has not done it, which is its limit"
      : `${failures} agents have not done it, which reaches its limit of ${this.#limit}`;
  }
}
