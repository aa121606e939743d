import { assertEquals } from "@std/assert";
import { stepOperations } from "../../../lib/steps/registry.ts";
import { sheetOf } from "../runs.ts";
import { ACCOUNTS, HASH } from "./cases/accounts.ts";
import { FILES } from "./cases/files.ts";
import { HOST } from "./cases/host.ts";
import { KERNEL } from "./cases/kernel.ts";
import { PROGRAMS } from "./cases/programs.ts";
import { inRealRoot, obstacleToRoots, type RootRun } from "./real_root.ts";
import type { RootCase } from "./root_case.ts";

const obstacle = obstacleToRoots();
const CASES = [...ACCOUNTS, ...FILES, ...HOST, ...KERNEL, ...PROGRAMS];

for (const each of CASES) {
  const why = obstacle ?? lackOf(each);
  Deno.test({
    name: `${each.name}, in a real root${why === undefined ? "" : ` (${why})`}`,
    ignore: why !== undefined,
    fn: async () => {
      const sheet = sheetOf(...each.steps);

      const report = await inRealRoot(sheet, each);

      const { planned, applied, plannedAgain, appliedAgain } = report;
      assertEquals(report.writtenByPlan, []);
      assertEquals(verdictsOf(planned), verdictsIn(each), toldBy(planned));
      assertEquals(
        verdictsOf(applied),
        verdictsIn({ ...each, unknown: [] }),
        toldBy(applied),
      );
      assertEquals(
        changesOf(applied, each),
        changesOf(planned, each),
      );
      assertEquals(
        report.writtenByApply.filter((path) => !each.besides?.test(path)),
        [...each.written].sort(),
      );
      assertEquals(missingIn(report.writtenByApply, applied, each), []);
      assertEquals(report.seen, each.seen ?? "");
      for (const run of [plannedAgain, appliedAgain]) {
        assertEquals(verdictsOf(run), each.steps.map(() => "ok"), toldBy(run));
      }
      assertEquals(report.movedAgain, []);
      assertEquals(
        JSON.stringify({ ...report, seen: undefined }).includes(HASH),
        false,
      );
    },
  });
}

Deno.test("the cases of real roots have 25 operations at least", () => {
  const operations = new Set(
    CASES.flatMap(({ steps }) => steps.map(({ operation }) => operation)),
  );

  assertEquals(operations.size >= 25, true, `${operations.size}`);
});

/** Program that a case needs and that is not here. */
function lackOf({ needs }: RootCase): string | undefined {
  if (needs === undefined) return undefined;
  const { success } = new Deno.Command("which", {
    args: [needs],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : `this host has no ${needs}`;
}

function verdictsOf({ steps }: RootRun): unknown[] {
  return steps.map(({ verdict }) => verdict);
}

/** Everything that a run says about what went wrong. */
function toldBy({ message, steps, output }: RootRun): string {
  const errors = steps.flatMap(({ error }) => error?.message ?? []);
  return [message, ...errors, output].join("\n");
}

/** Changes of all steps that the plan can tell. */
function changesOf({ steps }: RootRun, { unknown = [] }: RootCase): unknown[] {
  return steps.map(({ changes }, place) =>
    unknown.includes(place) ? [] : changes
  );
}

function verdictsIn({ steps, unchanged = [], unknown = [] }: RootCase) {
  return steps.map((_, index) =>
    unchanged.includes(index)
      ? "ok"
      : unknown.includes(index)
      ? "unknown"
      : "change"
  );
}

/** Paths of steps that changed something by their records, of which the upper layer has nothing. */
function missingIn(
  written: readonly string[],
  { steps }: RootRun,
  { steps: wanted, links = {} }: RootCase,
): string[] {
  return steps.flatMap(({ step, operation, verdict }) => {
    if (verdict !== "change") return [];
    const { touches } = stepOperations.find(({ name }) => name === operation) ??
      {};
    const paths = (touches?.(wanted[step]?.params ?? {}) ?? [])
      .map((path) => links[path] ?? path);
    const isWritten = paths.some((path) =>
      written.some((line) => `${line}/`.startsWith(`${path}/`, 2))
    );
    return isWritten ? [] : paths;
  });
}
