import { assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import { complaintOf, search } from "./search.ts";
import { simulate } from "./simulation.ts";

/** Count of agents: enough that some do well while others do not. */
const AGENTS = 20;

Deno.test("a fleet without faults does all that it is told", async () => {
  const report = await simulate(1, { agents: 20, calm: true });
  const { cancelled = 0, failed = 0, succeeded = 0, timed_out: timedOut = 0 } =
    report.ends;
  assertEquals(report.violation, undefined);
  assertGreater(succeeded, 0);
  assertEquals(cancelled + failed + succeeded + timedOut, report.commands);
});

Deno.test("seeds 1 to 50 of faults break no rule", async () => {
  const broken = await search({ from: 1, seeds: 50, agents: AGENTS });
  assertEquals(complaintOf(broken), "");
});

Deno.test("seeds 51 to 100 of faults break no rule", async () => {
  const broken = await search({ from: 51, seeds: 50, agents: AGENTS });
  assertEquals(complaintOf(broken), "");
});

Deno.test("seeds 101 to 150 of faults break no rule", async () => {
  const broken = await search({ from: 101, seeds: 50, agents: AGENTS });
  assertEquals(complaintOf(broken), "");
});

Deno.test("seeds 151 to 200 of faults break no rule", async () => {
  const broken = await search({ from: 151, seeds: 50, agents: AGENTS });
  assertEquals(complaintOf(broken), "");
});

Deno.test("a run is the same with and without its trace, and another seed is another run", async () => {
  const bare = await simulate(9, { agents: AGENTS });
  const traced = await simulate(9, { agents: AGENTS, trace: true });
  const other = await simulate(10, { agents: AGENTS });
  assertEquals(traced.digest, bare.digest);
  assertNotEquals(other.digest, bare.digest);
});
