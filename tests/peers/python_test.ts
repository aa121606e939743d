import { createHash } from "node:crypto";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { say } from "../../scripts/build/main.ts";
import { fromSource } from "../support/executables.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { until } from "../support/live_program.ts";
import { oddSeconds, untilProcesses } from "../support/processes.ts";
import { floodBytes, program } from "../support/program.ts";
import { findPython, PythonAgent } from "./python_agent.ts";
import { RecordTap } from "./record_tap.ts";

// Tests are registered before any of them runs, so the Python must be known by then.
const python = await findPython();

if ("missing" in python) {
  say(`Stories of the agent in Python are ignored: ${python.missing}`);
}

/** Registers a story of the agent in Python, which is called py-1. */
function pythonStory(
  name: string,
  body: (fleet: Fleet, agent: PythonAgent) => Promise<void>,
): void {
  const ignore = "missing" in python;
  Deno.test({
    name: ignore ? `${name} (ignored because ${python.missing})` : name,
    ignore,
    async fn() {
      if ("missing" in python) throw new TypeError(python.missing);
      await using fleet = await startFleet(fromSource);
      await using agent = await PythonAgent.join(fleet, "py-1", python);
      await body(fleet, agent);
    },
  });
}

pythonStory(
  "an agent in Python joins, runs programs and reports their ends",
  async (fleet, agent) => {
    await agent.start();
    const argv = program("printBoth", "out\n", "err\n");
    const good = await fleet.manager("run", "py-1", "--", ...argv);
    assertEquals([good.code, good.stdout], [ExitCode.ok, "out\n"]);
    assertStringIncludes(good.stderr, "err\n");

    const bad = program("printAndExit", "so far", "3");
    const failed = await fleet.manager("run", "py-1", "--", ...bad);
    assertEquals([failed.code, failed.stdout], [ExitCode.failed, "so far\n"]);
    const [told] = await fleet.json("show", "2");
    assertEquals(told?.["exitCode"], 3);

    const ended = await fleet.manager(
      ...["run", "py-1", "--", ...program("endBySignal", "SIGTERM")],
    );
    assertStringIncludes(ended.stderr, "SIGTERM");
    const known = await fleet.known("py-1");
    assertEquals([known?.protocol, known?.version], ["2", "python-example"]);
  },
);

pythonStory(
  "output of an agent in Python arrives whole in any amount",
  async (fleet, agent) => {
    await agent.start();
    const size = 10 * 1_048_576;
    const { code, stdoutBytes } = await fleet.manager(
      ...["run", "--raw", "py-1", "--"],
      ...program("floodStdout", String(size)),
    );
    assertEquals(code, ExitCode.ok);
    const [told] = await fleet.json("show", "1");
    assertEquals(stdoutBytes.length, size);
    assert(stdoutBytes.every((byte, at) => byte === expected[at]));
    const hash = createHash("sha256").update(expected).digest("hex");
    assertEquals([told?.["stdoutSha256"], told?.["hashOfKept"]], [hash, false]);
  },
);

const expected = floodBytes(10 * 1_048_576);

pythonStory(
  "an operation that an agent in Python lacks or cannot start fails alone",
  async (fleet, agent) => {
    await agent.start();
    const none = await fleet.manager("run", "py-1", "--op", "who.Knows");
    assertStringIncludes(none.stderr, "it has no such operation");
    const missing = await fleet.manager("run", "py-1", "--", "/no/such/thing");
    assertEquals(missing.code, ExitCode.failed);
    assertStringIncludes(missing.stderr, "/no/such/thing");
    const echoed = await fleet.manager(
      ...["run", "py-1", "--op", "echo.Echo", "text=still here"],
    );
    assertEquals(echoed.stdout, "still here\n");
  },
);

pythonStory(
  "a command of an agent in Python ends when it is cancelled or times out",
  async (fleet, agent) => {
    await agent.start();
    const seconds = oddSeconds();
    const running = fleet.spawn(
      ...["run", "py-1", "--", ...program("sleep", seconds)],
    );
    await running.printed(/ready/);
    await fleet.manager("cancel", "1");
    const { code } = await running.end();
    assert(code !== ExitCode.ok);
    await fleet.state("1", ({ state }) => state === "cancelled");
    await untilProcesses(seconds, 0);

    await fleet.manager(
      ...["run", "--timeout", "1s", "py-1", "--", ...program("sleep", seconds)],
    );
    await fleet.state("2", ({ state }) => state === "timed_out");
    await untilProcesses(seconds, 0);
  },
);

pythonStory(
  "an agent in Python fetches a file of the Manager in pieces",
  async (fleet, agent) => {
    const content = floodBytes(200_001);
    await Deno.mkdir(`${fleet.dir}/files/all`, { recursive: true });
    await Deno.writeFile(`${fleet.dir}/files/all/big`, content);
    await Deno.chmod(`${fleet.dir}/files/all/big`, 0o750);
    await agent.start();
    const path = fleet.folder.at("fetched");
    const { code } = await fleet.manager(
      ...["run", "py-1", "--op", "file.Fetch", "source=big", `path=${path}`],
    );
    assertEquals(code, ExitCode.ok);
    assertEquals(await Deno.readFile(path), content);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o750);
    const none = await fleet.manager(
      ...["run", "py-1", "--op", "file.Fetch", "source=none", `path=${path}`],
    );
    assertEquals(none.code, ExitCode.failed);
    assertStringIncludes(none.stderr, "NOT_FOUND");
  },
);

pythonStory(
  "a command of an agent in Python outlives its connection, and loses no byte",
  async (fleet, agent) => {
    await using link = new RecordTap(fleet.port);
    await agent.dials(`127.0.0.1:${link.port}`);
    await agent.start();
    const enough = fleet.folder.at("enough");
    const running = fleet.spawn(
      ...["run", "py-1", "--", ...program("countUntilFile", enough)],
    );
    await running.printed(/^100$/m);
    link.cut();
    const last = Number(running.stdout.trimEnd().split("\n").at(-1));
    await until(
      "it goes on",
      () => Promise.resolve(running.stdout.includes(`\n${last + 1_000}\n`)),
    );
    await Deno.writeTextFile(enough, "");
    const { code, stdout } = await running.end();
    assertEquals(code, ExitCode.ok);
    const count = stdout.split("\n").length - 1;
    const lines = Array.from({ length: count }, (_, at) => `${at + 1}\n`);
    assertEquals(stdout, lines.join(""));
  },
);

pythonStory(
  "a result that an agent in Python could not deliver is delivered after kill -9",
  async (fleet, agent) => {
    await using link = new RecordTap(fleet.port);
    await agent.dials(`127.0.0.1:${link.port}`);
    const first = await agent.start();
    const file = fleet.folder.at("file");
    const [id = ""] = (await fleet.manager(
      ...["run", "--detach", "py-1", "--", ...program("waitForFile", file)],
    )).stdout.split("\n");
    await fleet.state(id, ({ state }) => state === "running");
    const { port } = link;
    await link[Symbol.asyncDispose]();
    await fleet.disconnected("py-1");
    await Deno.writeTextFile(file, "");
    // The journal is on the disk before the agent is killed.
    await until("its result is kept", () => isFinished(agent));
    await first.kill();
    assert(port > 0);
    await agent.dials(`127.0.0.1:${fleet.port}`);
    await agent.start();
    await fleet.state(id, ({ state }) => state === "succeeded");
    const shown = await fleet.manager("show", id, "--output");
    assertEquals(shown.stdout, "ready\ndone\n");
  },
);

pythonStory(
  "commands running when an agent in Python was killed are lost, and ended when it is back",
  async (fleet, agent) => {
    const first = await agent.start();
    const seconds = oddSeconds();
    const running = fleet.spawn(
      ...["run", "py-1", "--", ...program("sleep", seconds)],
    );
    await running.printed(/ready/);
    await first.kill();
    await agent.start();
    const { code } = await running.end();
    assert(code !== ExitCode.ok);
    await fleet.state("1", ({ state }) => state === "lost");
    await untilProcesses(seconds, 0);
    const again = await fleet.manager(
      ...["run", "py-1", "--op", "echo.Echo", "text=back"],
    );
    assertEquals(again.stdout, "back\n");
  },
);

/** True if the agent's journal has a result. */
async function isFinished(agent: PythonAgent): Promise<boolean> {
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(`${agent.dir}/journal.db`);
  try {
    const query = "SELECT count(*) AS n FROM command WHERE result IS NOT NULL";
    return db.prepare(query).get()?.["n"] === 1;
  } finally {
    db.close();
  }
}
