import { assertEquals, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { editYaml } from "../support/fleet_agent.ts";
import { until } from "../support/live_program.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

const WEBS = ["web-1", "web-2", "web-3"];

story(
  "run on a pattern names every agent after a restart, and exits 0 only if all did it",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: WEBS });
    await fleet.serving.stop();
    await fleet.startManager();
    const codes: number[] = [];
    const told = /j-\d+: 3 ok in /;
    for (let runs = 0; runs < 3; runs++) {
      const { code, stderr } = await fleet.manager(
        ...["run", "web-*", "--", ...program("printAndExit", "up", "0")],
      );
      codes.push(code);
      assertEquals(told.test(stderr), true, stderr);
    }
    await fleet.agent("web-3").stop();
    await fleet.disconnected("web-3");
    const away = await fleet.manager(
      ...["run", "web-*", "--", ...program("printAndExit", "up", "0")],
    );
    const connected = await fleet.manager(
      ...["run", "web-*", "--connected", "--"],
      ...program("printAndExit", "up", "0"),
    );

    assertEquals(codes, [0, 0, 0]);
    assertEquals(away.code, ExitCode.unavailable);
    assertEquals(away.stdout, "web-[1-2] (2 agents, ok)\n  up\n");
    assertStringIncludes(away.stderr, "2 ok, 1 unreachable");
    assertStringIncludes(away.stderr, "unreachable: web-3");
    assertEquals(connected.code, ExitCode.ok);
    assertStringIncludes(connected.stderr, "1 agent");
  },
);

story(
  "each end of a job has its exit code",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: WEBS });
    // One agent has an operation that the others lack: they refuse it.
    const { configPath } = fleet.agent("web-1");
    await editYaml(configPath, { allowTestOperations: true });
    await fleet.agent("web-1").stop();
    await fleet.disconnected("web-1");
    fleet.agent("web-1").start();
    await fleet.connected("web-1");
    const run = async (...args: string[]) =>
      (await fleet.manager("run", ...args)).code;
    const sleep = program("sleep", "60");
    const fail = program("printAndExit", "no", "3");

    const ended = {
      ok: await run("web-*", "--", ...program("printAndExit", "up", "0")),
      failed: await run("web-*", "--", ...fail),
      usage: await run("web-[3-1]", "--", ...fail),
      refused: await run("web-*", "--op", "test.Sleep", "seconds:=0"),
      unknown: await run("web-*", "--op", "no.Such"),
      notFound: await run("db-*", "--", ...fail),
      timedOut: await run("web-*", "--timeout", "300ms", "--", ...sleep),
      deadline: await run("web-*", "--deadline", "1s", "--", ...sleep),
      stopped: await run(
        ...["web-*", "--batch", "1", "--max-failures", "1", "--", ...fail],
      ),
    };
    const running = fleet.spawn("run", "web-*", "--", ...sleep);
    await until(
      "all are running",
      async () => (await jobs(fleet))[0]?.counts["running"] === 3,
    );
    const [newest] = await jobs(fleet);
    await fleet.manager("job", "cancel", newest?.id ?? "");
    const cancelled = (await running.end()).code;
    await fleet.agent("web-3").stop();
    await fleet.disconnected("web-3");
    const unreachable = await run("web-[2-3]", "--connected", "--", ...fail);
    const away = await run("web-3", "--", ...fail);

    assertEquals({ ...ended, cancelled, unreachable, away }, {
      ok: 0,
      failed: 1,
      usage: 2,
      refused: 4,
      unknown: 5,
      notFound: 5,
      timedOut: 6,
      deadline: 6,
      stopped: 9,
      cancelled: 7,
      unreachable: 1,
      away: 3,
    });
  },
);

story(
  "a job waits for agents that are away, outlives a restart, and is repeated on those that failed",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: WEBS });
    await fleet.agent("web-3").stop();
    await fleet.disconnected("web-3");
    const [id = ""] = (await fleet.manager(
      ...["run", "web-*", "--queue", "5m", "--detach", "--"],
      ...program("printAndExit", "up", "0"),
    )).stdout.split("\n");
    await until("two have done it", async () => {
      const [job] = await fleet.json<Job>("show", id);
      return job?.counts.succeeded === 2 && job.counts.queued === 1;
    });
    await fleet.serving.stop();
    await fleet.startManager();
    fleet.agent("web-3").start();
    const watched = await fleet.manager("watch", id);
    const again = await fleet.manager("job", "rerun", id, "--failed");
    const set = await fleet.manager("targets", `@ok(${id})`);

    assertEquals(watched.code, ExitCode.ok, watched.stderr);
    assertEquals(watched.stdout, "web-[1-3] (3 agents, ok)\n  up\n");
    assertEquals(again.code, ExitCode.notFound, again.stderr);
    assertEquals(set.stdout, "web-[1-3]\n");
  },
);

/** Job as `--json` prints it. */
interface Job {
  readonly id: string;
  readonly counts: Readonly<Record<string, number>>;
}

function jobs(fleet: { json: <T>(...args: string[]) => Promise<T[]> }) {
  return fleet.json<Job>("job", "list");
}
