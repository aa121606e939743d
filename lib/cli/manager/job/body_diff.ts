import { structuredPatch } from "diff";

/** Most changed lines that are compared: beyond, two texts have little in common. */
const MAX_EDITS = 5_000;

/** Lines around a change that are shown with it. */
const CONTEXT = 2;

/**
 * Lines that differ from those of a reference: "- " is only in the reference, "+ " only in the other. Undefined if the
 * two have too little in common.
 */
export function diffLines(
  reference: readonly string[],
  other: readonly string[],
): string[] | undefined {
  const patch = structuredPatch(
    "",
    "",
    textOf(reference),
    textOf(other),
    "",
    "",
    { context: CONTEXT, maxEditLength: MAX_EDITS },
  );
  return patch?.hunks.flatMap(({ oldStart, lines }) => [
    `@ line ${oldStart}`,
    ...lines.map((line) => `${line.slice(0, 1)} ${line.slice(1)}`),
  ]);
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
