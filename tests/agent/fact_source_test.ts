import { assertEquals } from "@std/assert";
import { FactSource, helloFacts } from "../../lib/agent/fact_source.ts";
import { standardSurroundings } from "../../lib/operations/surroundings.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("each hello has new facts, and earlier ones while a slow program runs", async () => {
  const clock = new FakeClock();
  const collected: PromiseWithResolvers<Record<string, string>>[] = [];
  const source = new FactSource(() => {
    const next = Promise.withResolvers<Record<string, string>>();
    collected.push(next);
    return next.promise;
  }, clock);

  const first = source.now();
  collected[0]?.resolve({ n: "1" });
  assertEquals(await first, { n: "1" });

  const second = source.now();
  collected[1]?.resolve({ n: "2" });
  assertEquals(await second, { n: "2" });

  const third = source.now();
  await clock.advance(500);
  assertEquals(await third, { n: "2" });
  assertEquals(collected.length, 3);
  const fourth = source.now();
  assertEquals(collected.length, 3);
  collected[2]?.resolve({ n: "3" });
  assertEquals(await fourth, { n: "3" });
});

Deno.test("a hello tells the operations of the agent besides the facts of its host", async () => {
  const { operations, os } = await helloFacts({
    allowTestOperations: false,
    surroundings: standardSurroundings(),
  });

  assertEquals(operations?.split(" ").includes("agent.Facts"), true);
  assertEquals(operations?.includes("test."), false);
  assertEquals(os, Deno.build.os);
});
