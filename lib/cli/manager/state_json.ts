import type { Problem } from "../../states/problems.ts";

/** Error or warning of a state as JSON. */
export function problemJson({ place, message, chain }: Problem): {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly chain: readonly string[];
} {
  return { ...place, message, chain };
}
