import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type CpuProfile,
  type Flame,
  flameOf,
  flameSvg,
} from "../../bench/flame_graph.ts";

function node(id: number, functionName: string, children: number[] = []) {
  const url = functionName.startsWith("(") ? "" : "file:///a/lib/part.ts";
  return { id, callFrame: { functionName, url, lineNumber: 1 }, children };
}

/** A root that calls `one`, which calls `two<T>` from two places, and waits. */
const PROFILE: CpuProfile = {
  nodes: [
    node(1, "(root)", [2, 5]),
    node(2, "one", [3, 4]),
    node(3, "two<T>"),
    node(4, "two<T>"),
    node(5, "(idle)"),
  ],
  samples: [3, 5, 4, 2, 3],
  timeDeltas: [100, 1_000, 200, 50, 150],
};

/** As nested lists of name and time. */
function plain({ name, us, calls }: Flame): unknown {
  return [name, us, ...[...calls.values()].map(plain)];
}

Deno.test("a flame has the time of each function under its callers, without what was no work", () => {
  assertEquals(plain(flameOf(PROFILE)), [
    "all",
    500,
    ["one part.ts", 500, ["two<T> part.ts", 450]],
  ]);
});

Deno.test("only the last of a profile counts where that is asked for", () => {
  assertEquals(plain(flameOf(PROFILE, 199)), [
    "all",
    200,
    ["one part.ts", 200, ["two<T> part.ts", 150]],
  ]);
});

Deno.test("a flame's picture names each function with its share, safe to embed", () => {
  const svg = flameSvg(flameOf(PROFILE), "a & b");

  assertStringIncludes(svg, "<title>a &amp; b</title>");
  assertStringIncludes(svg, "<title>two&lt;T&gt; part.ts: 90.0 %</title>");
  assertStringIncludes(svg, 'width="1079.5"');
});
