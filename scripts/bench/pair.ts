/** Dials that are under way at a time, ours and raw ones. */
export const PARALLEL_DIALS = 100;

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
  open(): Promise<OpenPair | LeftOut>;
}

/** A pair that is ready: each call measures once. */
export interface OpenPair extends AsyncDisposable {
  ours(): Promise<number>;
  beside(): Promise<number>;
}

/** A pair that cannot be measured on this machine. */
export interface LeftOut {
  readonly leftOut: string;
}
