import type { Instead } from "./pair.ts";
import type { Row } from "./table.ts";

const WIDTH = 760;
const ROW = 34;
const TOP = 44;
/** Left edge of the bars, and the width of the longest. */
const BARS = { from: 300, width: 230 };

/** Colours of GitHub's two themes. The background is that of the page. */
const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 12px; fill: #59636e; }
.faster { fill: #1a7f37; }
.slower { fill: #9a6700; }
.tool { stroke: #59636e; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .small { fill: #9198a1; }
  .faster { fill: #3fb950; }
  .slower { fill: #d29922; }
  .tool { stroke: #9198a1; }
}`;

/** Picture of the time that the same work takes, beside the tools that people use. The time of each tool is 1. */
export function chartSvg(rows: readonly Row[]): string {
  const bars = rows.flatMap(({ pair: { instead }, result }) =>
    instead === undefined ? [] : [{ ...instead, time: timeOf(result) }]
  );
  const longest = Math.max(1, ...bars.map(({ time }) => time));
  const scale = BARS.width / longest;
  const height = TOP + ROW * bars.length + 10;
  const one = BARS.from + scale;
  const title =
    "Time that Piri takes for the same work. The dashed line is the time of the tool";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"><title>${title}</title>
<style>${STYLE}
</style>
<text class="small" x="8" y="20">${title}.</text>
${
    bars.map((bar, index) => barText(bar, { y: TOP + ROW * index, scale }))
      .join("\n")
  }
<line class="tool" x1="${round(one)}" x2="${round(one)}" y1="${TOP - 10}" y2="${
    height - 8
  }"/>
</svg>
`;
}

function barText(
  { tool, task, time }: Instead & { readonly time: number },
  { y, scale }: { readonly y: number; readonly scale: number },
): string {
  const width = Math.max(1, time * scale);
  const kind = time <= 1 ? "faster" : "slower";
  const end = BARS.from + Math.max(width, scale) + 10;
  return [
    `<text x="8" y="${y + 13}">${task}</text>`,
    `<rect class="${kind}" x="${BARS.from}" y="${y}" width="${
      round(width)
    }" height="18" rx="2"/>`,
    `<text class="small" x="${round(end)}" y="${y + 13}">${
      comparison(time)
    } ${tool}</text>`,
  ].join("");
}

/** Time of Piri, if that of the tool is 1. */
function timeOf({ unit, ratio }: Row["result"]): number {
  return unit.endsWith("/s") ? 1 / ratio : ratio;
}

function comparison(time: number): string {
  const [much, word] = time <= 1 ? [1 / time, "faster"] : [time, "slower"];
  if (much < 1.05) return "as fast as";
  const times = much < 10 ? much.toFixed(1) : String(Math.round(much));
  return `${times} times ${word} than`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
