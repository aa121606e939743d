import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { freePort } from "../../scripts/local/free_port.ts";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { CiJob } from "../support/brief.ts";
import { startFleet } from "../support/fleet.ts";
import { program } from "../support/program.ts";
import { NEEDS_SIGNALS, NEEDS_UNIX_SOCKETS, story } from "../support/story.ts";

story(
  "run --serve reaches the agents of a Manager that is elsewhere, and keeps no key on a disk",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const job = await CiJob.of(fleet, executables);
    const path = fleet.folder.at("go");

    await using step = job.spawn(
      ...["run", "--serve", "web-1", "--exit-code", "--"],
      ...program("waitForFile", path),
    );
    await step.printed(/ready\n/);
    const files = job.files();
    await fleet.folder.write("go", "");
    const { code, stdout, stderr } = await step.end();

    assertEquals([code, stdout], [ExitCode.ok, "ready\ndone\n"]);
    assertMatch(stderr, /1 of 1 agents connected after [0-9.]+ s\n$/);
    // The control API is there while it runs, and no key, no secret and no database.
    assert(files.length > 0);
    assertEquals(
      files.filter((text) => /PRIVATE KEY|piristate|\.db|\.key/.test(text)),
      [],
    );
    assertEquals(job.files(), []);

    // The Manager at home goes on, and gives the next id.
    await fleet.startManager();
    await fleet.connected("web-1");
    await fleet.manager("run", "web-1", "--", ...program("printAndExit"));
    const [next] = await fleet.json("commands");
    assertEquals(next?.["id"], "2");
  },
  { ignored: NEEDS_UNIX_SOCKETS },
);

story(
  "run --serve starts nothing when too few agents come in time, and says who is away",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2", "web-3"],
    });
    const job = await CiJob.of(fleet, executables);
    await fleet.agent("web-2").stop();
    await fleet.agent("web-3").stop();

    await using all = job.spawn(
      ...["run", "--serve", "--within", "8s", "web-1", "web-2", "web-3"],
      ...["--", "true"],
    );
    const missing = await all.end();

    assertEquals(missing.code, ExitCode.unavailable);
    assertStringIncludes(
      missing.stderr,
      "error: Cannot run: 1 of 3 agents is connected after 8 s, and 3 have to be; nothing was started; away: web-[2-3]\n",
    );
    assertEquals(job.files(), []);
    await fleet.startManager();
    await fleet.connected("web-1");
    assertEquals(await fleet.json("commands"), []);
  },
  { ignored: NEEDS_UNIX_SOCKETS },
);

story(
  "run --serve knows groups and facts of agents that never came, and reports them",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2", "db-1"],
      groups: { "web-1": ["web"], "web-2": ["web"] },
    });
    const job = await CiJob.of(fleet, executables);
    await fleet.agent("web-2").stop();

    await using step = job.spawn(
      ...["run", "--serve", "--wait-for", "50%"],
      ...[`@web & os=${Deno.build.os} & hostname!=nothing`, "--"],
      ...program("printAndExit", "hello"),
    );
    const { code, stdout, stderr } = await step.end();

    assertEquals(code, ExitCode.unavailable);
    assertMatch(stderr, /1 of 2 agents connected/);
    assertMatch(stderr, /web-2: unreachable/);
    assertStringIncludes(stdout, "hello");
  },
  { ignored: NEEDS_UNIX_SOCKETS },
);

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  story(
    `${signal} cancels the job of run --serve, and nothing is left of its Manager`,
    async (executables) => {
      await using fleet = await startFleet(executables, { agents: ["web-1"] });
      const job = await CiJob.of(fleet, executables);

      await using step = job.spawn(
        ...["run", "--serve", "web-1", "--"],
        ...program("waitForFile", fleet.folder.at("never")),
      );
      await step.printed(/ready\n/);
      step.signal(signal);
      const { code, stderr } = await step.end();

      assertEquals(code, ExitCode.cancelled);
      assertMatch(stderr, /web-1: cancelled/);
      assertEquals(job.files(), []);
    },
    { ignored: NEEDS_SIGNALS },
  );
}

story(
  "run --serve on a state folder starts a Manager there, or uses the one that runs",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const hello = program("printAndExit", "hello");

    const used = await fleet.manager("run", "--serve", "web-1", "--", ...hello);
    await fleet.serving.stop();
    const own = await fleet.manager("run", "--serve", "web-1", "--", ...hello);
    await fleet.startManager();
    const history = await fleet.json("commands");

    assertEquals([used.code, own.code], [ExitCode.ok, ExitCode.ok]);
    assertStringIncludes(
      used.stderr,
      `a Manager already runs on "${fleet.dir}": it is used\n`,
    );
    assertStringIncludes(own.stderr, "1 of 1 agents connected");
    assertEquals(own.stdout, used.stdout);
    assertEquals(history.map(({ id }) => id), ["2", "1"]);
  },
  { ignored: NEEDS_UNIX_SOCKETS },
);

story(
  "an agent whose first address is dead takes commands by its second one",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const agent = fleet.agent("web-1");
    await agent.stop();
    await agent.configure({
      addresses: [`127.0.0.1:${freePort()}`, `127.0.0.1:${fleet.port}`],
    });
    const job = await CiJob.of(fleet, executables);
    agent.start();

    await using step = job.spawn(
      ...["run", "--serve", "web-1", "--"],
      ...program("printAndExit", "hello"),
    );
    const { code, stdout } = await step.end();

    assertEquals([code, stdout.trim()], [ExitCode.ok, "hello"]);
  },
  { ignored: NEEDS_UNIX_SOCKETS },
);

story(
  "a state text that was cut short is refused before anything starts, and is not repeated",
  async (executables) => {
    await using fleet = await startFleet(executables);
    const job = await CiJob.of(fleet, executables);
    const text = "piristate1-c2VjcmV0LXBhcnQ-00000000";

    await using step = job.with(text).spawn(
      ...["run", "--serve", "web-1", "--", "true"],
    );
    const { code, stderr } = await step.end();

    assertEquals(code, ExitCode.usage);
    assertEquals(
      stderr,
      "error: Cannot read the state text: its checksum is wrong, so it was cut short or changed\n",
    );
    assertEquals(job.files(), []);
  },
  { ignored: NEEDS_UNIX_SOCKETS },
);
