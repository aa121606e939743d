import { assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

story(
  "a Manager is backed up while it works, and goes on from the backup with its agents",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const backup = fleet.folder.at("backup");
    const enough = fleet.folder.at("enough");
    const busy = fleet.spawn(
      ...["run", "web-1", "--", ...program("countUntilFile", enough)],
    );
    await busy.printed(/^100$/m);
    const early = await fleet.manager("run", "web-1", "--", "echo", "early");
    const long = await fleet.manager(
      ...["run", "web-1", "--", ...program("floodStdout", "400000")],
    );

    const { code, stdout, stderr } = await fleet.manager("backup", backup);

    assertEquals([code, stderr], [ExitCode.ok, ""]);
    assertMatch(stdout, /^.*backup: [0-9]+ files, /);
    await fleet.manager("run", "web-1", "--", "echo", "late");
    await Deno.writeTextFile(enough, "");
    await busy.end();
    await fleet.serving.kill();
    await Deno.rename(fleet.dir, fleet.folder.at("old"));
    await Deno.rename(backup, fleet.dir);
    await fleet.startManager();
    await fleet.connected("web-1");

    assertEquals([early.code, early.stdout], [ExitCode.ok, "early\n"]);
    const shown = await fleet.manager("show", "2", "--output");
    assertEquals([shown.code, shown.stdout], [ExitCode.ok, "early\n"]);
    // Long output is in files beside the database.
    const longShown = await fleet.manager("show", "3", "--output");
    assertEquals([long.code, longShown.code], [ExitCode.ok, ExitCode.ok]);
    assertEquals(longShown.stdout, long.stdout);
    const files = [...Deno.readDirSync(`${fleet.dir}/manager.db-output`)];
    assertEquals([files.length, long.stdout.length > 200_000], [1, true]);
    // What came after the backup is not known any more, and its ids are not given again.
    const commands = await fleet.json("commands");
    assertEquals(commands.map(({ id }) => id), ["3", "2", "1"]);
    const after = await fleet.manager("run", "web-1", "--", "echo", "after");
    assertEquals([after.code, after.stdout], [ExitCode.ok, "after\n"]);
    const [newest] = await fleet.json("commands");
    assertEquals(Number(newest?.["id"]) > 4, true);
  },
);
