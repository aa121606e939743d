import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { checkSurvival } from "../../../lib/manager/command/survival.ts";
import { KEYLESS_FEATURES } from "../../../lib/wire/features.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const RUN = { operation: "command.Run", params: '{"argv":["true"]}' };

function secretsOf(...names: string[]) {
  return { namesOf: () => names };
}

Deno.test("checkSurvival() lets a program without secrets outlive its agent, and nothing else", () => {
  checkSurvival({ ...RUN, survive: true }, secretsOf());
  checkSurvival({ ...RUN, survive: true }, undefined);
  checkSurvival({ operation: "file.Fetch", params: "{}" }, secretsOf("token"));

  const other = assertThrows(
    () =>
      checkSurvival(
        { ...RUN, operation: "file.Fetch", survive: true },
        undefined,
      ),
    PiriError,
    'Cannot let "file.Fetch" outlive the agent: only a program',
  );
  const secret = assertThrows(
    () => checkSurvival({ ...RUN, survive: true }, secretsOf("token")),
    PiriError,
    'Cannot let a program with the secret "token" outlive the agent',
  );
  assertEquals([other.code, secret.code], Array(2).fill("INVALID_ARGUMENT"));
});

Deno.test("an agent that cannot let programs outlive it gets none that must", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.knows("web-2");
  await core.admitted("web-1", {
    features: KEYLESS_FEATURES.filter((feature) => feature !== "survive"),
  });
  const agent = await core.admitted("web-2");

  const error = await assertRejects(
    () => core.run("web-1", { ...RUN, survive: true }),
    PiriError,
  );
  await core.run("web-2", { ...RUN, survive: true });
  const command = await agent.hears("command");

  assertEquals(error.code, "REFUSED");
  assertMatch(error.message, /cannot let a program outlive the agent/);
  assertEquals(command.survive, true);
});
