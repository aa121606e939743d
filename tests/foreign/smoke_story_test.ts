import { compiled, fromSource } from "../support/executables.ts";
import { smokeCommands } from "./smoke_program.ts";
import { tellSmokeStory } from "./smoke_story.ts";

const arch = Deno.build.arch === "x86_64" ? "x64" : "arm64";
const why = Deno.build.os === "linux"
  ? undefined
  : "it looks for processes in /proc";
const remark = why === undefined ? "" : ` (ignored because ${why})`;

// Executables of other systems are told the same story, which must not fail by itself.
Deno.test({
  name: `executables of this system keep their promises${remark}`,
  ignore: why !== undefined,
  async fn(t) {
    const executables = await compiled();
    const { manager, agent } = "unavailable" in executables
      ? fromSource
      : executables;
    await tellSmokeStory(t, {
      manager: { argv: manager },
      agent: { argv: agent },
      commands: smokeCommands(),
      facts: { os: "linux", arch },
      patienceMs: 60_000,
    });
  },
});
