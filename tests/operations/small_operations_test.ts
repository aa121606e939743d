import { assertEquals, assertLess } from "@std/assert";
import { echo } from "../../lib/operations/echo.ts";
import { testSleep } from "../../lib/operations/test_sleep.ts";
import { testSpin } from "../../lib/operations/test_spin.ts";
import { finish, newContext, textOf } from "./support.ts";

Deno.test("echo prints its text and changes nothing", async () => {
  const { stdout, outcome } = await finish(
    echo.run({ text: "hällo" }, newContext()),
  );
  assertEquals(textOf(stdout), "hällo\n");
  assertEquals(outcome, {
    success: true,
    changed: false,
    data: { text: "hällo" },
  });
});

Deno.test("echo prints a long text in pieces", async () => {
  const text = "x".repeat(200_000);
  const { stdout } = await finish(echo.run({ text }, newContext()));
  assertEquals(stdout.length, 200_001);
});

Deno.test("a sleep tells its progress", async () => {
  const { progress, outcome } = await finish(
    testSleep.run({ seconds: 1.2 }, newContext()),
  );
  assertEquals(progress.map(({ current }) => current), [0, 1, 2]);
  assertEquals(outcome.success, true);
});

Deno.test("a sleep ends when it is asked to stop", async () => {
  const context = newContext();
  const start = performance.now();
  setTimeout(context.stopNow, 50);
  const { outcome } = await finish(testSleep.run({ seconds: 60 }, context));
  assertEquals(outcome.success, false);
  assertLess(performance.now() - start, 30_000);
});

Deno.test("a spin checks if it is asked to stop", async () => {
  let looks = 0;
  const { outcome } = await finish(
    testSpin.run({ seconds: 60 }, {
      ...newContext(),
      stopRequested: () => ++looks > 1_000,
    }),
  );
  assertEquals(outcome.message, "Stopped early");
});
