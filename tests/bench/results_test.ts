import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { chartSvg } from "../../bench/chart.ts";
import { compareTable } from "../../bench/compare.ts";
import { pageWith, rowsOf } from "../../bench/page.ts";
import type { Pair } from "../../bench/pair.ts";
import { pairs } from "../../bench/pairs.ts";
import {
  merged,
  readResults,
  resultOf,
  type Results,
  resultsText,
} from "../../bench/results.ts";
import { goalText, isMet, markdownTable, type Row } from "../../bench/table.ts";

const ROOT = new URL("../../", import.meta.url);

function aPair(name: string, goal: Pair["goal"]): Pair {
  return {
    name,
    unit: "x/s",
    goal,
    ours: `our ${name}`,
    beside: `their ${name}`,
    open: () => Promise.resolve({ leftOut: "" }),
  };
}

/** Row of a pair, beside a tool or alone. */
function rowOf(
  name: string,
  { ratio, unit, tool }: { ratio: number; unit: string; tool?: string },
): Row {
  const pair = { ...aPair(name, { most: 1 }), unit };
  return {
    pair: tool === undefined
      ? pair
      : { ...pair, instead: { tool, task: name } },
    result: resultOf({ name, unit }, [[ratio, 1]]),
  };
}

/** Results of pairs with these names and ratios. */
function results(machine: string, ratios: Record<string, number>): Results {
  return {
    machine,
    commit: "c",
    deno: "d",
    results: Object.entries(ratios)
      .map(([name, ratio]) => resultOf({ name, unit: "x/s" }, [[ratio, 1]])),
  };
}

function ratiosOf({ results }: Results): Record<string, number> {
  return Object.fromEntries(results.map(({ name, ratio }) => [name, ratio]));
}

Deno.test("a result has the medians, their ratio, and the spread of the ratios", () => {
  const result = resultOf({ name: "a", unit: "x/s" }, [
    [10, 20],
    [12, 20],
    [11, 22],
  ]);

  assertEquals(result, {
    name: "a",
    ours: 11,
    beside: 20,
    unit: "x/s",
    ratio: 0.55,
    spread: 0.2,
    rounds: [[10, 20], [12, 20], [11, 22]],
  });
});

Deno.test("some new rows replace only the same rows, in the order of the table", () => {
  const now = merged(
    results("m", { a: 1, b: 2, gone: 3 }),
    results("m", { c: 4, b: 5 }),
    ["c", "a", "b"],
  );

  assertEquals(ratiosOf(now), { c: 4, a: 1, b: 5 });
  assertEquals(now.results.map(({ name }) => name), ["c", "a", "b"]);
});

Deno.test("rows of another machine, or another Deno, are dropped", () => {
  const now = results("m", { b: 2 });
  const names = ["a", "b"];

  assertEquals(
    ratiosOf(merged(results("n", { a: 1, b: 1 }), now, names)),
    { b: 2 },
  );
  assertEquals(
    ratiosOf(merged({ ...results("m", { a: 1 }), deno: "e" }, now, names)),
    { b: 2 },
  );
  assertEquals(ratiosOf(merged(undefined, now, names)), { b: 2 });
});

Deno.test("results survive being written and read; other files are no results", () => {
  const written = results("m", { a: 1 });

  assertEquals(readResults(resultsText(written)), written);
  assertEquals(readResults(`{"results": 3}`), undefined);
  assertEquals(readResults("not JSON"), undefined);
});

Deno.test("each round is a line of the file", () => {
  assertEquals(
    resultsText({
      ...results("m", {}),
      results: [resultOf({ name: "a", unit: "x/s" }, [[1.5, 2], [3, 4]])],
    }),
    `\
{
  "machine": "m",
  "commit": "c",
  "deno": "d",
  "results": [
    {
      "name": "a",
      "ours": 2.25,
      "beside": 3,
      "unit": "x/s",
      "ratio": 0.75,
      "spread": 0,
      "rounds": [
        [1.5, 2],
        [3, 4]
      ]
    }
  ]
}
`,
  );
});

Deno.test("the table tells whether a goal is met", () => {
  const pair = aPair("a", { least: 0.5 });
  const result = resultOf(pair, [[1, 4]]);

  assertEquals(
    markdownTable([{ pair, result }]),
    `\
| name | ours | beside | unit | ratio | spread | goal   |        |
| ---- | ---- | ------ | ---- | ----- | ------ | ------ | ------ |
| a    | 1    | 4      | x/s  | 0.25  | 0 %    | >= 0.5 | missed |`,
  );
  assertEquals(goalText({ most: 1 / 15 }), "<= 1/15");
  assertEquals(goalText({ most: 1 / 7 }), "<= 1/7");
  assertEquals(goalText({ least: 0.25 }), ">= 0.25");
  assertEquals(goalText({ most: 2 }), "<= 2");
  assertEquals(isMet({ least: 0.5 }, 0.5), true);
  assertEquals(isMet({ most: 1.2 }, 1.2), true);
  assertEquals(isMet({ most: 1.2 }, 1.21), false);
});

Deno.test("ratios are compared with the committed ones, in the direction of their goals", () => {
  const rows = results("other", { fast: 0.6, small: 3, same: 1, fresh: 1 })
    .results.map((result) => ({
      pair: aPair(
        result.name,
        result.name === "small" ? { most: 2 } : { least: 0.5 },
      ),
      result,
    }));

  assertEquals(
    compareTable(results("m", { fast: 0.5, small: 2, same: 1 }), rows),
    `\
| name  | goal   | committed | now | spread | change      |        |
| ----- | ------ | --------- | --- | ------ | ----------- | ------ |
| fast  | >= 0.5 | 0.5       | 0.6 | 0 %    | 20 % better | met    |
| small | <= 2   | 2         | 3   | 0 %    | 33 % worse  | missed |
| same  | >= 0.5 | 1         | 1   | 0 %    | none        | met    |
| fresh | >= 0.5 | none      | 1   | 0 %    |             | met    |`,
  );
});

const MARKS = [
  "<!-- deno-fmt-ignore-start -->\n",
  "<!-- deno-fmt-ignore-end -->\n",
];

Deno.test("new results replace those in the page, and the rest of it stays", () => {
  const [begin, end] = MARKS;
  const page = pageWith(
    `# Title\n\n${begin}\nold\n\n${end}\nMore\n`,
    results("m", { a: 1, b: 1 }),
    [
      aPair("a", { least: 0.5 }),
      aPair("not measured", { least: 1 }),
      { ...aPair("b", { most: 2 }), instead: { tool: "ssh", task: "Run" } },
    ],
  );

  assertEquals(
    page,
    `# Title

${begin}
### Beside the tools that people use

| name | ours | beside | unit | ratio | spread | goal |     |
| ---- | ---- | ------ | ---- | ----- | ------ | ---- | --- |
| b    | 1    | 1      | x/s  | 1     | 0 %    | <= 2 | met |

- b: our b; beside it their b

### Beside the bare runtime, and beside itself

| name | ours | beside | unit | ratio | spread | goal   |     |
| ---- | ---- | ------ | ---- | ----- | ------ | ------ | --- |
| a    | 1    | 1      | x/s  | 1     | 0 %    | >= 0.5 | met |

- a: our a; beside it their a

Measured on m, with Deno d, at commit c.

${end}
More
`,
  );
});

Deno.test("the chart has the time beside each tool, whether a row is of a rate or of a time", () => {
  const rows = [
    rowOf("seconds", { ratio: 0.25, unit: "s", tool: "ssh" }),
    rowOf("rate", { ratio: 0.5, unit: "MB/s", tool: "scp" }),
    rowOf("even", { ratio: 1.02, unit: "ms", tool: "clush" }),
    rowOf("alone", { ratio: 3, unit: "s" }),
  ];
  const svg = chartSvg(rows);
  const widths = [...svg.matchAll(/<rect class="(\w+)".* width="([\d.]+)"/g)]
    .map(([, kind, width]) => [kind, width]);

  // The longest bar is 230 wide.
  assertEquals(widths, [
    ["faster", "28.8"],
    ["slower", "230"],
    ["slower", "117.3"],
  ]);
  assertStringIncludes(svg, ">4.0 times faster than ssh<");
  assertStringIncludes(svg, ">2.0 times slower than scp<");
  assertStringIncludes(svg, ">as fast as clush<");
  assertEquals(svg.includes("alone"), false);
});

Deno.test("a page without a place for the results is refused", () => {
  const [begin, end] = MARKS;
  for (const page of ["", begin, `${end}${begin}`]) {
    assertThrows(
      () => pageWith(page ?? "", results("m", {}), []),
      PiriError,
      "Cannot find the place of the results",
    );
  }
});

Deno.test("the page has the committed results, as the bench writes them", async () => {
  const text = await Deno.readTextFile(new URL("bench/results.json", ROOT));
  const page = await Deno.readTextFile(new URL("docs/performance.md", ROOT));
  const committed = readResults(text);

  assertEquals(committed === undefined, false);
  assertEquals(resultsText(committed ?? results("", {})), text);
  assertEquals(
    pageWith(page, committed ?? results("", {}), pairs),
    page,
    "deno task bench --page writes it again",
  );
  const chart = await Deno.readTextFile(
    new URL("docs/performance.svg", ROOT),
  );
  assertEquals(
    chartSvg(rowsOf(committed ?? results("", {}), pairs)),
    chart,
    "deno task bench --page writes it again",
  );
});

Deno.test("the committed results have each name once, and only names of pairs", async () => {
  const text = await Deno.readTextFile(new URL("bench/results.json", ROOT));
  const names = readResults(text)?.results.map(({ name }) => name) ?? [];
  const known = pairs.map(({ name }) => name);

  assertEquals(new Set(known).size, known.length);
  assertEquals(names, known.filter((name) => names.includes(name)));
});
