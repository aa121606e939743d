/**
 * Tells the smoke story with executables of Linux on arm64, which qemu runs on this machine. It takes a quarter of an hour:
 * `bash .ci/full foreign`.
 *
 * @module
 */
import { join } from "@std/path";
import { arm64Libraries, whyNoArm64 } from "./arm64_libraries.ts";
import { builtFor } from "./foreign_build.ts";
import { native } from "./native.ts";
import { smokeCommands } from "./smoke_program.ts";
import type { SmokeExecutable } from "./smoke_site.ts";
import { tellSmokeStory } from "./smoke_story.ts";

const why = await whyNoArm64();
const remark = why === undefined ? "" : ` (ignored because ${why})`;

/** Longest wait for something that should come soon, in milliseconds: each start takes 10 s here, and longer on a busy machine. */
const PATIENCE_MS = 300_000;

/**
 * Mounts the libraries above those of this machine, for a program and its children alone, and runs it. The root folder stays
 * that of this machine: with -L, qemu would show another one to programs that open it.
 */
const EMULATE =
  'mount -t overlay -o lowerdir="$1:$2" overlay "$2" && shift 2 && exec qemu-aarch64-static "$@"';

/** Way to start those of arm64. */
async function emulated(): Promise<
  Record<"manager" | "agent", SmokeExecutable>
> {
  const { manager, agent } = await builtFor("linux-arm64");
  const libraries = join(await arm64Libraries(), "lib");
  const place = await Deno.realPath("/lib");
  const start = (path: string): SmokeExecutable => ({
    argv: [
      ...["unshare", "--mount", "sh", "-c", EMULATE, "sh"],
      ...[libraries, place, path],
    ],
  });
  return { manager: start(manager), agent: start(agent) };
}

for (
  const [name, managerOf, agentOf, arch] of [
    [
      "an agent of arm64 keeps its promises to a native Manager",
      native,
      emulated,
      "arm64",
    ],
    [
      "a Manager of arm64 keeps its promises with a native agent",
      emulated,
      native,
      "x64",
    ],
    [
      "a Manager and an agent of arm64 keep their promises",
      emulated,
      emulated,
      "arm64",
    ],
  ] as const
) {
  Deno.test({
    name: `${name}${remark}`,
    ignore: why !== undefined,
    async fn(t) {
      const { manager } = await managerOf();
      const { agent } = await agentOf();
      await tellSmokeStory(t, {
        manager,
        agent,
        commands: smokeCommands(),
        facts: { os: "linux", arch },
        patienceMs: PATIENCE_MS,
      });
    },
  });
}
