/** Dials that are under way at a time, ours and raw ones. */
export const PARALLEL_DIALS = 100;

/** How much is measured: all that the table promises, or as much as a minute or two allow. */
export type Size = "full" | "quick";

/** Something that is measured beside something else. */
export interface Pair {
  readonly name: string;
  readonly unit: string;
  /** What the ratio ours/beside is to be. */
  readonly goal: { readonly least: number } | { readonly most: number };
  /** Both sides in words, for the table. */
  readonly ours: string;
  readonly beside: string;
  /** Makes everything ready that is not to be measured, or says why it cannot be. */
  open(size: Size): Promise<OpenPair | LeftOut>;
}

/** A pair that is ready: each call measures once. */
export interface OpenPair extends AsyncDisposable {
  ours(): Promise<number>;
  beside(): Promise<number>;
  /** What else was seen, once all rounds are over: a line each, for people. */
  notes?(): readonly string[];
}

/** A pair that cannot be measured on this machine, or not in the time that there is. */
export interface LeftOut {
  readonly leftOut: string;
}

/** What takes too long for a quick run. */
export const NOT_QUICK: LeftOut = { leftOut: "too long for --quick" };
