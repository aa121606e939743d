import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

/** Output of `why --json`. */
interface Why {
  readonly command: { readonly state: string; readonly presumed: boolean };
  readonly timeline: readonly {
    readonly kind: string;
    readonly text: string;
  }[];
}

async function why(fleet: Fleet, id: string): Promise<Why> {
  const [told] = await fleet.json<Why>("why", id);
  if (told === undefined) throw new Error(`nothing was told of ${id}`);
  return told;
}

function kindsOf({ timeline }: Why): string[] {
  return timeline.map(({ kind }) => kind);
}

story(
  "why explains an ended command and its rerun",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    await fleet.manager("run", "web-1", "--", ...program("printAndExit", "hi"));

    const again = await fleet.manager("rerun", "1");
    const first = await why(fleet, "1");
    const { stdout } = await fleet.manager("why", "2");

    assertEquals([again.code, again.stdout], [ExitCode.ok, "hi\n"]);
    const kinds = kindsOf(first).filter((kind) => kind !== "written");
    assertEquals(kinds, [
      "asked",
      "sent",
      "running",
      "output",
      "ended",
      "acknowledged",
      "command_rerun",
    ]);
    assertStringIncludes(stdout, "command 2 on web-1, succeeded");
    assertStringIncludes(stdout, "as a repetition of command 1");
  },
);

story(
  "a command whose agent stays away is given up, and its late result still counts",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const go = fleet.folder.at("go");
    const running = fleet.spawn(
      "run",
      "web-1",
      "--",
      ...program("waitForFile", go),
    );
    await running.printed(/ready\n/);
    await fleet.agent("web-1").kill();
    await fleet.disconnected("web-1");
    const away = await why(fleet, "1");

    const givenUp = await fleet.manager("give-up", "1");
    const { code } = await running.end();
    const presumed = await why(fleet, "1");
    const repeated = await fleet.manager("give-up", "1");
    fleet.agent("web-1").start();
    await fleet.state("1", ({ presumed }) => presumed === false);
    const known = await why(fleet, "1");

    assertEquals(kindsOf(away).at(-1), "unreachable");
    assertEquals([givenUp.code, code], [ExitCode.ok, ExitCode.lost]);
    assertEquals(repeated.code, ExitCode.failed);
    assertEquals(presumed.command, {
      ...presumed.command,
      state: "lost",
      presumed: true,
    });
    assert(kindsOf(presumed).includes("replaceable"));
    assert(kindsOf(known).includes("command_found"));
    assertStringIncludes(
      known.timeline.map(({ text }) => text).join("\n"),
      "result recorded: lost: the agent ended while the command ran",
    );
  },
);
