import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { floodBytes, program } from "../support/program.ts";
import { story } from "../support/story.ts";

story(
  "20 MB of output arrive intact, and are kept intact",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const argv = program("floodStdout", "20000000");

    const { code, stdoutBytes } = await fleet.manager(
      "run",
      "web-1",
      "--",
      ...argv,
    );
    const shown = await fleet.manager("show", "1", "--output");
    const [told] = await fleet.json("show", "1");

    assertEquals(code, ExitCode.ok);
    const expected = hashOf(floodBytes(20_000_000));
    assertEquals(
      [told?.["stdoutSha256"], told?.["stderrSha256"], told?.["hashOfKept"]],
      [expected, hashOf(new Uint8Array()), false],
    );
    assertEquals(hashOf(stdoutBytes), expected);
    assertEquals(hashOf(shown.stdoutBytes), expected);
  },
);

story(
  "the last lines of a noisy program are shown later, and the size of what is not kept",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1"],
      managerConfig: { outputBytesPerCommand: "1MiB" },
    });
    const argv = program("countAndFail", "400000", "FATAL: the real reason");

    const live = await fleet.manager("run", "web-1", "--", ...argv);
    const shown = await fleet.manager("show", "1", "--output");
    const [{ stdoutBytes, stderrBytes, outputKept } = {}] = await fleet.json(
      "show",
      "1",
    );
    const facts = await fleet.manager("show", "1");
    const why = await fleet.manager("why", "1");

    assertEquals(live.stdoutBytes.length, Number(stdoutBytes));
    assertEquals(shown.stdout.startsWith("1\n2\n3\n"), true);
    assertEquals(shown.stdout.slice(-14), "399999\n400000\n");
    const missing = Number(stdoutBytes) + Number(stderrBytes) -
      Number(outputKept);
    assertEquals(shown.stdoutBytes.length, Number(stdoutBytes) - missing);
    assertStringIncludes(shown.stderr, "FATAL: the real reason\n");
    assertStringIncludes(
      shown.stderr,
      `web-1: [${missing} bytes of stdout were not kept, from byte 262144 on]\n`,
    );
    assertStringIncludes(facts.stdout, `, ${missing} of them not kept\n`);
    assertStringIncludes(why.stdout, ` printed, ${missing} of them not kept\n`);
  },
);

story(
  "stdout and stderr stay apart, live and later",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const argv = program("printBoth", "to stdout", "to stderr");

    const live = await fleet.manager("run", "web-1", "--", ...argv);
    const shown = await fleet.manager("show", "1", "--output");

    assertEquals(live.stdout, "to stdout");
    assertEquals(live.stderr, "to stderr");
    assertEquals(shown.stdout, "to stdout");
    assertEquals(shown.stderr, "to stderr");
  },
);

story(
  "run --json prints an object for each event",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const argv = program("printBoth", "grüße", "oh");

    const events = await fleet.json("run", "web-1", "--", ...argv);

    const pieces = events.filter(({ event }) => event === "output");
    const output = pieces.map(({ at: _at, ...piece }) => piece);
    const [result, summary] = events.slice(-2);
    const kinds = new Set(events.map(({ event }) => event));
    assertEquals(
      [...kinds.difference(new Set(["progress"]))],
      ["output", "result", "summary"],
    );
    assertEquals(
      output.toSorted((one, other) =>
        String(other["stream"]).localeCompare(String(one["stream"]))
      ),
      [
        {
          event: "output",
          id: "1",
          agent: "web-1",
          stream: "stdout",
          offset: "0",
          text: "grüße",
        },
        {
          event: "output",
          id: "1",
          agent: "web-1",
          stream: "stderr",
          offset: "0",
          text: "oh",
        },
      ],
    );
    // The last hour: a time that the Manager took.
    const arrivals = pieces.map(({ at }) =>
      Date.now() - Date.parse(String(at))
    );
    assertEquals(
      arrivals.filter((ago) => ago >= 0 && ago < 3_600_000).length,
      2,
    );
    const promised = {
      event: "result",
      id: "1",
      agent: "web-1",
      operation: "command.Run",
      params: { argv },
      state: "succeeded",
      exitCode: 0,
      signal: null,
      stdoutBytes: "7",
      stderrBytes: "2",
      truncated: false,
      presumed: false,
      reason: null,
    };
    // There may be more fields; the promised ones must be there.
    assertEquals({ ...result, ...promised }, result);
    const times = [
      "createdAt",
      "startedAt",
      "finishedAt",
      "agentStartedAt",
      "agentFinishedAt",
    ].map((name) => String(result?.[name]));
    assertEquals(times.map((time) => new Date(time).toISOString()), times);
    assertEquals(summary, {
      event: "summary",
      states: {
        queued: 0,
        sent: 0,
        running: 0,
        succeeded: 1,
        failed: 0,
        cancelled: 0,
        timed_out: 0,
        refused: 0,
        lost: 0,
      },
      exitCode: 0,
    });
  },
);

story(
  "run --json prints output that is no text in base64",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const argv = program("floodStdout", "4");

    const events = await fleet.json("run", "web-1", "--", ...argv);

    const output = events.filter(({ event }) => event === "output");
    assertEquals(output.map(({ base64, text }) => [base64, text]), [
      [floodBytes(4).toBase64(), undefined],
    ]);
  },
);

story("an error is one object on stderr with --json", async (executables) => {
  await using fleet = await startFleet(executables);

  const { code, stdout, stderr } = await fleet.manager(
    "--json",
    "run",
    "web-1",
    "--",
    "true",
  );

  assertEquals(code, ExitCode.notFound);
  assertEquals(stdout, "");
  assertEquals(JSON.parse(stderr)["error"]["code"], "NOT_FOUND");
});

story(
  "lines of several agents stay whole, each with its agent's name",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2", "db-1"],
    });
    const argv = program("printLines", "line", "200");

    const { code, stdout } = await fleet.manager(
      ...["run", "web-*", "--stream", "--", ...argv],
    );

    assertEquals(code, ExitCode.ok);
    const lines = stdout.split("\n");
    const count = [...Array(200).keys()];
    for (const agent of ["web-1", "web-2"]) {
      assertEquals(
        lines.filter((line) => line.startsWith(`${agent}: `)),
        count.map((i) => `${agent}: line ${i + 1}`),
      );
    }
    assertEquals(lines.length, 2 * 200 + 1);
  },
);

story(
  "all output of several agents is told live, however early it comes, and of a job that has ended",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
    });
    const shell = ["--shell", "echo a; sleep 0.1; echo b"];
    const lines = ["web-1: a", "web-1: b", "web-2: a", "web-2: b"];
    const linesOf = (text: string) => text.trimEnd().split("\n").sort();

    for (let i = 0; i < 5; i++) {
      const live = await fleet.manager("run", "web-*", "--stream", ...shell);
      const json = await fleet.manager("run", "web-*", "--json", ...shell);

      assertEquals(linesOf(live.stdout), lines);
      const cuts = linesOf(json.stdout).map((line) => JSON.parse(line))
        .filter(({ event }) => event === "cut");
      assertEquals(cuts, []);
    }
    const later = await fleet.manager("job", "watch", "j-1", "--stream");
    assertEquals(linesOf(later.stdout), lines);
  },
);

story(
  "run exits with the worst code of several agents, and names those that failed",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
      groups: { "web-1": ["web"] },
    });
    await fleet.folder.write("m/files/groups/web/app.conf", "x");
    const path = fleet.folder.at("app.conf");

    const { code, stderr } = await fleet.manager(
      "run",
      "web-1",
      "web-2",
      "--op",
      "file.Fetch",
      "source=app.conf",
      `path=${path}`,
    );

    assertEquals(code, ExitCode.failed);
    assertMatch(
      stderr,
      /^j-1: .*\n(web-1: ok\n|web-2: failed: .*\n){2}j-1: 1 ok, 1 failed in .*\n {2}failed: web-2\n/,
    );
  },
);

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
