import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { startFleet } from "../support/fleet.ts";
import { NEEDS_PROC, story } from "../support/story.ts";

story(
  "commands use the secret that every story watches, and it is left nowhere",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });

    assertEquals(await fleet.useCanary(), 2);

    const [first] = await fleet.json("show", "1");
    const shown = await fleet.manager("show", "1", "--output");
    const missing = await fleet.manager("show", "2");
    assertEquals(first?.["state"], "failed");
    assertStringIncludes(shown.stdout, "***\n******");
    assertStringIncludes(missing.stdout, "canary-program");
  },
  { ignored: NEEDS_PROC },
);

story(
  "a secret that a program gets as an argument is found in what a story leaves",
  async (executables) => {
    const fleet = await startFleet(executables, { agents: ["web-1"] });
    await fleet.manager("run", "web-1", "--", "printf", "%s", fleet.canary);

    const error = await assertRejects(() => fleet[Symbol.asyncDispose]());

    assertStringIncludes(String(error), "manager.db");
    assertStringIncludes(String(error), "the canary, form 1");
    await assertRejects(() => Deno.stat(fleet.dir), Deno.errors.NotFound);
  },
  { ignored: NEEDS_PROC },
);
