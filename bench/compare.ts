import type { Pair } from "./pair.ts";
import type { Results } from "./results.ts";
import { goalText, isMet, type Row, tableText } from "./table.ts";

/** Table of the new results beside the committed ones. It has ratios only, since they depend least on the machine. */
export function compareTable(
  committed: Results | undefined,
  rows: readonly Row[],
): string {
  const former = new Map(
    committed?.results.map(({ name, ratio }) => [name, ratio]),
  );
  return tableText([
    ["name", "goal", "committed", "now", "spread", "change", ""],
    ...rows.map(({ pair, result: { name, ratio, spread } }) => {
      const before = former.get(name);
      return [
        name,
        goalText(pair.goal),
        before === undefined ? "none" : String(before),
        String(ratio),
        `${Math.round(spread * 100)} %`,
        before === undefined ? "" : changeText(pair.goal, before, ratio),
        isMet(pair.goal, ratio) ? "met" : "missed",
      ];
    }),
  ]);
}

/** Change of a ratio for better or worse, in the direction of its goal. */
function changeText(goal: Pair["goal"], before: number, now: number): string {
  const gain = "least" in goal ? now / before : before / now;
  const percent = Math.round((gain - 1) * 100);
  if (percent === 0) return "none";
  return percent > 0 ? `${percent} % better` : `${-percent} % worse`;
}
