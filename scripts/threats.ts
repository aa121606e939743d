/**
 * Takes each protection of docs/security.md out in a copy of the sources, and demands that its tests fail. With --row N,
 * does so for one threat alone.
 *
 * @module
 */
import { PiriError } from "../lib/base/errors.ts";
import { main, say } from "./build/main.ts";
import { Checks, type Finding } from "./threats/checks.ts";
import { SourceCopy } from "./threats/copy.ts";
import { THREATS } from "./threats/threats.ts";

/** Copies of the sources, and so protections that are looked at side by side. */
const COPIES = 2;

/** Prints a line for each test of a protection. Returns the number of those that ended otherwise than they must. */
function tell(what: string, findings: readonly Finding[]): number {
  for (const { test, wrong, output } of findings) {
    if (wrong === undefined) {
      say(`   removed ${what}: test "${test.name}" failed, as it must`);
    } else {
      say(output);
      say(`   WRONG: ${wrong}`);
    }
  }
  return findings.filter(({ wrong }) => wrong !== undefined).length;
}

await main(async () => {
  const row = Deno.args[0] === "--row" ? Number(Deno.args[1]) : undefined;
  const threats = THREATS.filter(({ number }) => number === (row ?? number));
  await using stack = new AsyncDisposableStack();
  const copies: SourceCopy[] = [];
  for (let made = 0; made < COPIES; made++) {
    copies.push(stack.use(await SourceCopy.make()));
  }
  const protections = threats.flatMap(({ protections }) => protections);
  const checks = new Checks(copies, protections);
  // All at once, since each waits for a copy; they are told in the order of the threats.
  const found = new Map(
    protections.map((protection) => [protection, checks.check(protection)]),
  );
  // A failure is thrown below, where the copies are not in use any more.
  const ended = Promise.allSettled(found.values());
  stack.defer(async () => {
    await ended;
  });
  let wrong = 0;
  for (const { number, who, protections, open } of threats) {
    say(`${number} ${who}`);
    for (const protection of protections) {
      wrong += tell(protection.what, await found.get(protection) ?? []);
    }
    for (const part of open) say(`   not tested: ${part}`);
  }
  if (wrong === 0 && threats.length > 0) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot rely on the tests of threats: ${wrong} of them ended otherwise than they must`,
  );
});
