/** Result of a run. */
export interface Report {
  readonly seed: number;
  /** Digest, equal for equal runs. */
  readonly digest: string;
  /** Rule that was broken. */
  readonly violation: string | undefined;
  readonly trace: readonly string[];
  readonly faults: readonly string[];
  readonly commands: number;
  readonly effects: number;
  /** Count of commands by their end. */
  readonly ends: Readonly<Record<string, number>>;
  /** Moments at which the failures of jobs reached their limits, by request, in milliseconds from the beginning. */
  readonly limitsAt: ReadonlyMap<string, number>;
  /** Virtual time of the run, in milliseconds. */
  readonly elapsedMs: number;
  readonly events: number;
  /** Highest length of each kind of queue. */
  readonly most: ReadonlyMap<string, number>;
}
