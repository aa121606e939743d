/** Program of an earlier run of the agent that can be taken up: it runs, or its end is on the disk. */
export interface FoundSurvivor {
  /** Time of its start, in milliseconds since 1970. */
  readonly startedAt: number;
  /** Time since its start, in milliseconds. */
  readonly elapsedMs: number;
}

/** Program of an earlier run of the agent that has not begun, and cannot begin any more; or nobody knows its end. */
export type NoSurvivor = { readonly unbegun: true } | { readonly lost: string };

/** Programs that outlive their agent, each by the marker of its command. None of its methods rejects. */
export interface Survivors {
  /** Tells what became of a program of an earlier run of the agent. One that has not begun is kept from it. */
  find(marker: string): Promise<FoundSurvivor | NoSurvivor>;
  /**
   * Tells a program that its output is read at the Manager's pace: it has to wait where it is ahead. Until then, the
   * middle of long output is dropped.
   */
  attach(marker: string): Promise<void>;
  /** Removes what is kept of a program. Its result must be on the disk. */
  remove(marker: string): Promise<void>;
  /** Removes what is kept of all programs but these, and of those that run without a command. */
  sweep(markers: ReadonlySet<string>): Promise<void>;
}
