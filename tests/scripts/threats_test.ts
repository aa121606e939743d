import { assertEquals } from "@std/assert";
import { byFile, findingOf } from "../../scripts/threats/checks.ts";
import { kindOf } from "../../scripts/threats/run_named.ts";
import { without } from "../../scripts/threats/threat.ts";
import { THREATS } from "../../scripts/threats/threats.ts";

const read = (path: string) =>
  Deno.readTextFile(new URL(`../../${path}`, import.meta.url));

const PROTECTIONS = THREATS.flatMap(({ protections }) => protections);

Deno.test("each protection can be taken out of the sources at exactly one place", async () => {
  for (const protection of PROTECTIONS) {
    const text = await read(protection.file);
    assertEquals(without(protection, text) === text, false, protection.what);
  }
});

Deno.test("each test of a protection is in its file", async () => {
  for (
    const { file, name, text = name } of PROTECTIONS.flatMap((p) => p.tests)
  ) {
    assertEquals((await read(file)).includes(text), true, `${file}: ${text}`);
  }
});

Deno.test("each of the 20 threats has a protection with a test, and a row for users", async () => {
  const rows = (await read("docs/security.md"))
    .matchAll(/^\| (\d+) +\|/gm).map(([, number]) => Number(number));
  const numbers = Array.from({ length: 20 }, (_, index) => index + 1);

  assertEquals([...rows], numbers);
  assertEquals(THREATS.map(({ number }) => number), numbers);
  for (const { protections, number } of THREATS) {
    assertEquals(protections.length > 0, true, `threat ${number}`);
  }
});

Deno.test("a test counts as failed only if it came to its assertions", () => {
  const failed = "a test ... FAILED (3ms)\n\nerror: AssertionError: Values are";
  assertEquals(kindOf(failed, "a test"), "failed");
  assertEquals(kindOf("a test ... ok (3ms)\n", "a test"), "passed");
  assertEquals(
    kindOf("a test ... FAILED (3ms)\n\nerror: TypeError: x is no", "a test"),
    "broken",
  );
  assertEquals(
    kindOf("./a_test.ts (uncaught error) FAILED", "a test"),
    "broken",
  );
  assertEquals(kindOf("ok | 0 passed | 0 failed", "a test"), "broken");
});

Deno.test("a protection counts as tested only if its test passes with it and fails without it", () => {
  const test = { file: "a_test.ts", name: "a test" };
  const end = (kind: "passed" | "failed" | "broken") => ({ kind, output: "" });
  const wrong = (...[whole, without]: Parameters<typeof end>[0][]) =>
    findingOf({ what: "a lock" }, {
      test,
      whole: end(whole ?? "broken"),
      end: end(without ?? "broken"),
    }).wrong;

  assertEquals(wrong("passed", "failed"), undefined);
  assertEquals(
    wrong("passed", "passed"),
    'removed a lock: test "a test" still passes',
  );
  assertEquals(
    wrong("passed", "broken"),
    'removed a lock: test "a test" did not run to its end',
  );
  assertEquals(
    wrong("failed", "failed"),
    'test "a test" fails although nothing was removed',
  );
  assertEquals(
    wrong("broken", "failed"),
    'test "a test" did not run to its end',
  );
});

Deno.test("tests are run once, however many protections they are of", () => {
  const [one, two] = ["one", "two"].map((name) => ({ file: "a", name }));
  if (one === undefined || two === undefined) throw new Error("there are two");

  const files = byFile([one, two, one, { file: "b", name: "one" }]);

  assertEquals([...files], [["a", ["one", "two"]], ["b", ["one"]]]);
});
