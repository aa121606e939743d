/**
 * Takes each protection of docs/security.md out in a copy of the sources, and demands that its tests fail. With --row N,
 * does so for one threat alone.
 *
 * @module
 */
import { PiriError } from "../lib/base/errors.ts";
import { main, say } from "./build/main.ts";
import { ROOT, SourceCopy } from "./threats/copy.ts";
import { runNamed, type TestEnd } from "./threats/run_named.ts";
import type { NamedTest, Protection, Threat } from "./threats/threat.ts";
import { THREATS } from "./threats/threats.ts";

/** Words for a test that did not end as it must. */
const WRONG: Readonly<Record<TestEnd["kind"], string>> = {
  passed: "still passes",
  failed: "fails although nothing was removed",
  broken: "did not run to its end",
};

/** Checks one test with and without a protection. Returns a sentence if it ends otherwise than it must. */
async function check(
  copy: SourceCopy,
  protection: Protection,
  test: NamedTest,
): Promise<string | undefined> {
  await using _without = await copy.takeOut(protection);
  // On two cores, both take no longer than one.
  const [whole, end] = await Promise.all([
    runNamed(ROOT, test),
    runNamed(copy.path, test),
  ]);
  if (whole.kind !== "passed") {
    say(whole.output);
    return `test "${test.name}" ${WRONG[whole.kind]}`;
  }
  if (end.kind === "failed") return undefined;
  say(end.output);
  return `removed ${protection.what}: test "${test.name}" ${WRONG[end.kind]}`;
}

/** Checks a threat, and prints a line for each of its tests. Returns the number of those that ended otherwise. */
async function checkThreat(
  copy: SourceCopy,
  { number, who, protections, open }: Threat,
): Promise<number> {
  let wrong = 0;
  say(`${number} ${who}`);
  for (const protection of protections) {
    for (const test of protection.tests) {
      const finding = await check(copy, protection, test);
      if (finding !== undefined) wrong++;
      say(
        finding === undefined
          ? `   removed ${protection.what}: test "${test.name}" failed, as it must`
          : `   WRONG: ${finding}`,
      );
    }
  }
  for (const part of open) say(`   not tested: ${part}`);
  return wrong;
}

await main(async () => {
  const row = Deno.args[0] === "--row" ? Number(Deno.args[1]) : undefined;
  const threats = THREATS.filter(({ number }) => number === (row ?? number));
  await using copy = await SourceCopy.make();
  let wrong = 0;
  for (const threat of threats) wrong += await checkThreat(copy, threat);
  if (wrong === 0 && threats.length > 0) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot rely on the tests of threats: ${wrong} of them ended otherwise than they must`,
  );
});
