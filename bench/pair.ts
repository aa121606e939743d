/** Number of dials that are under way at a time, ours and raw ones. */
export const PARALLEL_DIALS = 100;

/** Argument by which simulated agents prove keys. */
export const PROVING = "keys";

/** Extent of a measurement: all that the table promises, or a run of a minute or two. */
export type Size = "full" | "quick";

/** Tool that people use today. */
export interface Instead {
  readonly tool: string;
  /** Task of the tool, in a few words. */
  readonly task: string;
}

/** Two things that are measured beside each other. */
export interface Pair {
  readonly name: string;
  readonly unit: string;
  /** Wanted ratio of ours to beside. */
  readonly goal: { readonly least: number } | { readonly most: number };
  /** Both sides in words, for the table. */
  readonly ours: string;
  readonly beside: string;
  /** Tool beside which it is measured; absent for the runtime, and for Piri itself. */
  readonly instead?: Instead;
  /** Prepares everything that is not measured, or tells why the pair cannot be measured. */
  open(size: Size): Promise<OpenPair | LeftOut>;
}

/** A pair that is ready: each call measures once. */
export interface OpenPair extends AsyncDisposable {
  ours(): Promise<number>;
  beside(): Promise<number>;
  /** Other observations after all rounds, one a line, for people. */
  notes?(): readonly string[];
}

/** A pair that cannot be measured on this machine, or not in the available time. */
export interface LeftOut {
  readonly leftOut: string;
}

/** A pair that takes too long for a quick run. */
export const NOT_QUICK: LeftOut = { leftOut: "too long for --quick" };
