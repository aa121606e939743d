import { create } from "@bufbuild/protobuf";
import { assertEquals, assertMatch } from "@std/assert";
import {
  CommandState,
  EntryState,
  EventSchema,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { main } from "../../../lib/cli/main.ts";
import { apiError, command, FakeManager } from "../fake_manager.ts";
import { FakeTerminal } from "../fake_terminal.ts";
import { Screen } from "../screen.ts";
import {
  end,
  FOLLOWING,
  following,
  FOLLOWING_MANY,
  idsText,
  ONE,
  TWO,
  WATCHING,
} from "./following.ts";
import { without } from "./job/entries.ts";
import { jsonLines, programOf, start } from "./start.ts";

for (
  const [loss, fact, failure] of [
    ["closed", "it is closed", 0],
    ["full", "no space is left on its device", 1],
  ] as const
) {
  const LOST = `Cannot write to standard output: ${fact}`;

  for (const [args, commands] of FOLLOWING) {
    Deno.test(`${args.join(" ")} with a ${loss} stdout cancels, and tells in one line what became of it`, async () => {
      const started = await following(args, commands);
      started.terminal.stdout[loss] = true;
      started.manager.watch.output(12n, "one\n");
      await started.terminal.clock.settle();
      for (const one of commands) started.manager.watch.state(one);
      end(started, CommandState.CANCELLED);

      assertEquals(await started.code, 7);
      assertEquals(
        started.manager.cancels.map(({ commandId }) => commandId),
        commands.map(({ id }) => id),
      );
      const ends = commands.length === 1
        ? "command 12 on web-1: cancelled, SIGTERM"
        : "commands 12 13: 2 cancelled";
      assertEquals(started.terminal.stderr.text, `${LOST}; ${ends}\n`);
    });
  }

  Deno.test(`run of several with a ${loss} stdout cancels the job, and tells in one line what became of it`, async () => {
    const started = await following(
      ["run", "web-*", "--stream", "--quiet", "--", "x"],
      [ONE, TWO],
    );
    started.terminal.stdout[loss] = true;
    started.manager.watch.output(12n, "one\n");
    await started.terminal.clock.settle();
    end(started, CommandState.CANCELLED);

    assertEquals(await started.code, 7);
    assertEquals(started.manager.jobCancels.map(({ jobId }) => jobId), [17n]);
    assertEquals(
      started.terminal.stderr.text,
      `${LOST}; job j-17: 2 cancelled\n`,
    );
  });

  Deno.test(`files of several are whole with a ${loss} stdout, also what came after it`, async () => {
    const files = ["--out", "d", "--junit", "a.xml", "--summary", "a.md"];
    const started = await following(
      ["run", "web-*", "--stream", ...files, "--", "x"],
      [ONE, TWO],
    );
    const { code, manager, terminal } = started;
    terminal.stdout[loss] = true;
    manager.watch.output(12n, "one\n");
    await terminal.clock.settle();
    manager.watch.output(12n, "two\n", { offset: 4n }).output(13n, "three\n");
    end(started, CommandState.CANCELLED);

    assertEquals(await code, 7);
    assertEquals(
      ["d/web-1.stdout", "d/web-2.stdout"].map((path) =>
        terminal.outFile(path)
      ),
      ["one\ntwo\n", "three\n"],
    );
    assertMatch(terminal.outFile("d/summary.json"), /"exitCode": 7/);
    assertMatch(terminal.outFile("a.xml"), /tests="2"/);
    assertMatch(terminal.outFile("a.md"), /### j-17: 2 cancelled/);
  });

  Deno.test(`run with a ${loss} stdout exits ${failure} if the program succeeded before the cancel`, async () => {
    const started = await following(["run", "web-1", "--", "x"], [ONE]);
    started.manager.onCancel = () => {
      throw apiError("FAILED_PRECONDITION", "Cannot cancel: it has ended");
    };
    started.terminal.stdout[loss] = true;
    started.manager.watch.output(12n, "one\n");
    await started.terminal.clock.settle();
    started.manager.watch.state(ONE)
      .state(command({ state: CommandState.SUCCEEDED })).end();

    assertEquals(await started.code, failure);
    assertEquals(
      started.terminal.stderr.text,
      `${LOST}; command 12 on web-1: succeeded\n`,
    );
  });

  Deno.test(`run with a ${loss} stdout at the last words of a program exits ${failure}`, async () => {
    const started = await following(["run", "web-*", "--", "x"], [ONE]);
    started.manager.watch.output(12n, "no newline");
    await started.terminal.clock.settle();
    started.terminal.stdout[loss] = true;
    end(started, CommandState.SUCCEEDED);

    assertEquals(await started.code, failure);
    assertEquals(started.manager.cancels, []);
  });

  Deno.test(`run with a ${loss} stdout does not wait for ever for an agent that is away`, async () => {
    const started = await following(["run", "web-1", "--", "x"], [ONE]);
    started.terminal.stdout[loss] = true;
    started.manager.watch.output(12n, "one\n");
    await started.terminal.clock.advance(10_000);

    assertEquals(await started.code, 7);
    assertEquals(
      started.terminal.stderr.text,
      `error: ${LOST}; command 12: cancel requested, its end is not known yet\n`,
    );
  });

  Deno.test(`run with a ${loss} stdout exits 130 if the Manager does not take the cancel`, async () => {
    const started = await following(["run", "web-1", "--", "x"], [ONE]);
    started.manager.onCancel = () => new Promise(() => {});
    started.terminal.stdout[loss] = true;
    started.manager.watch.output(12n, "one\n");
    await started.terminal.clock.advance(10_000);

    assertEquals(await started.code, 130);
    assertEquals(
      started.terminal.stderr.text,
      `error: ${LOST}; command 12: cancel not confirmed\n`,
    );
  });

  for (const [args, commands] of WATCHING) {
    Deno.test(`${args.join(" ")} with a ${loss} stdout cancels nothing, and says what goes on`, async () => {
      const started = await following(args, commands);
      started.terminal.stdout[loss] = true;
      started.manager.watch.output(12n, "one\n");

      assertEquals(await started.code, 130);
      assertEquals(started.manager.cancels, []);
      assertEquals(
        started.terminal.stderr.text,
        `error: ${LOST}; ${idsText(commands)}: what runs goes on\n`,
      );
    });
  }

  Deno.test(`watch of an ended command with a ${loss} stdout exits ${failure} and tells how it ended`, async () => {
    const ended = command({ state: CommandState.SUCCEEDED });
    const manager = new FakeManager();
    manager.commands = [ended];
    const { terminal, code } = await start(["watch", "12"], { manager });
    terminal.stdout[loss] = true;
    manager.watch.state(ended).output(12n, "one\n");

    assertEquals(await code, failure);
    assertEquals(
      terminal.stderr.text,
      `${LOST}; command 12 on web-1: succeeded\n`,
    );
  });

  Deno.test(`run --detach with a ${loss} stdout exits ${failure} and names what was started`, async () => {
    const answer = Promise.withResolvers<void>();
    const manager = new FakeManager();
    manager.commands = [ONE, TWO];
    manager.onRun = () => answer.promise;
    const { terminal, code } = await start(
      ["run", "web-*", "--detach", "--", "x"],
      { manager },
    );
    terminal.stdout[loss] = true;
    answer.resolve();

    assertEquals(await code, failure);
    assertEquals(manager.cancels, []);
    assertEquals(
      terminal.stderr.text,
      `${LOST}; started: job j-17\n`,
    );
  });

  Deno.test(`run --json with a ${loss} stdout prints one error object`, async () => {
    const started = await following(
      ["run", "web-1", "--json", "--", "x"],
      [ONE],
    );
    started.terminal.stdout[loss] = true;
    started.manager.watch.output(12n, "one\n");
    await started.terminal.clock.settle();
    started.manager.watch.state(ONE);
    end(started, CommandState.CANCELLED);

    assertEquals(await started.code, 7);
    assertEquals(jsonLines(started.terminal.stderr.text), [{
      error: {
        code: "DISK",
        message: `${LOST}; command 12 on web-1: cancelled, SIGTERM`,
      },
    }]);
  });
}

const CLOSED = "Cannot write to standard output: it is closed";

for (const [args, commands] of FOLLOWING) {
  Deno.test(`${args.join(" ")} that prints nothing cancels once nobody reads it any more`, async () => {
    const started = await following(args, commands);
    started.terminal.stdout.closed = true;
    await started.terminal.clock.advance(1_000);
    for (const one of commands) started.manager.watch.state(one);
    end(started, CommandState.CANCELLED);

    assertEquals(await started.code, 7);
    assertEquals(
      started.manager.cancels.map(({ commandId }) => commandId),
      commands.map(({ id }) => id),
    );
    assertEquals(
      started.terminal.stderr.text,
      `${CLOSED}; command 12 on web-1: cancelled, SIGTERM\n`,
    );
  });
}

for (const args of FOLLOWING_MANY) {
  for (const json of [false, true]) {
    const words = json ? [...args.slice(0, -2), "--json", "--", "x"] : args;
    Deno.test(`${words.join(" ")} that prints nothing cancels its job once nobody reads it any more`, async () => {
      const started = await following(words, [ONE, TWO]);
      const { stderr, clock } = started.terminal;
      await clock.advance(500);
      const before = stderr.text.length;
      started.terminal.stdout.closed = true;
      await clock.advance(1_000);
      end(started, CommandState.CANCELLED);

      assertEquals(await started.code, 7);
      assertEquals(started.manager.jobCancels.map(({ jobId }) => jobId), [17n]);
      const said = stderr.text.slice(before);
      const text = `${CLOSED}; job j-17: 2 cancelled`;
      assertEquals(
        said,
        json
          ? `${JSON.stringify({ error: { code: "DISK", message: text } })}\n`
          : `${text}\n`,
      );
    });
  }
}

Deno.test("run that waits for its one agent cancels its job once nobody reads it any more", async () => {
  const manager = new FakeManager();
  manager.entries = [without("web-1", EntryState.QUEUED)];
  const { terminal, code } = await start(
    ["run", "web-1", "--queue", "1h", "--", "x"],
    { manager },
  );
  manager.onCancelJob = () => {
    manager.entries = [without("web-1", EntryState.SKIPPED)];
  };
  terminal.stdout.closed = true;
  await terminal.clock.advance(1_000);

  assertEquals(await code, 7);
  assertEquals(manager.jobCancels.map(({ jobId }) => jobId), [17n]);
  assertMatch(terminal.stderr.text, /; job j-17: 1 skipped\n$/);
});

for (const [args, commands] of WATCHING) {
  Deno.test(`${args.join(" ")} that prints nothing ends once nobody reads it any more, and cancels nothing`, async () => {
    const started = await following(args, commands);
    started.terminal.stdout.closed = true;
    await started.terminal.clock.advance(1_000);

    assertEquals(await started.code, 130);
    assertEquals(started.manager.cancels, []);
    assertEquals(
      started.terminal.stderr.text,
      `error: ${CLOSED}; ${idsText(commands)}: what runs goes on\n`,
    );
  });
}

Deno.test("the row of a job is gone before what became of it is told", async () => {
  const manager = new FakeManager();
  manager.commands = [ONE, TWO];
  const started = await start(["run", "web-*", "--", "x"], {
    manager,
    terminals: ["stderr"],
    env: { NO_COLOR: "1" },
  });
  const screen = new Screen(started.terminal);
  await started.terminal.clock.advance(500);
  const before = await screen.lines();
  started.terminal.stdout.closed = true;
  await started.terminal.clock.advance(1_000);
  end(started, CommandState.CANCELLED);
  await started.code;

  assertEquals(before, [
    "j-17: x on web-* (2 agents)",
    "running 2  ok 0   00:00",
  ]);
  assertEquals(await screen.lines(), [
    "j-17: x on web-* (2 agents)",
    `${CLOSED}; job j-17: 2 cancelled`,
    "",
  ]);
  assertEquals(started.terminal.clock.timers, 0);
});

Deno.test("a run at a terminal does not look whether somebody reads it", async () => {
  const manager = new FakeManager();
  manager.commands = [ONE];
  const { terminal, code } = await start(["run", "web-1", "--", "x"], {
    manager,
    terminals: ["stdout"],
  });
  let looks = 0;
  terminal.isOutputClosed = () => ++looks > 0;
  await terminal.clock.advance(10_000);
  manager.watch.state(ONE).state(command({ state: CommandState.SUCCEEDED }))
    .end();

  assertEquals([await code, looks], [0, 0]);
});

Deno.test("a signal while the end of cancelled commands is awaited leaves at once", async () => {
  const started = await following(["run", "web-1", "--", "x"], [ONE]);
  started.terminal.stdout.closed = true;
  started.manager.watch.output(12n, "one\n");
  await started.terminal.clock.settle();
  await started.terminal.signal("SIGTERM");
  await started.terminal.signal("SIGTERM");

  assertEquals(await started.code, 7);
  assertEquals(started.manager.cancels.length, 1);
});

for (
  const args of [
    ["--help"],
    ["run", "--help"],
    ["agent", "--help"],
    ["--version"],
    ["agents"],
    ["operations"],
    ["commands"],
    ["commands", "--json"],
    ["show", "12"],
    ["why", "12"],
    ["status"],
    ["status", "--json"],
    ["events", "--follow"],
    ["cancel", "12"],
  ]
) {
  const name = args.join(" ");
  Deno.test(`${name} ends quietly with 0 when its reader has gone, and with 1 and a line on a full device`, async () => {
    const seen: [number, string][] = [];
    for (const loss of ["closed", "full"] as const) {
      const manager = new FakeManager();
      manager.commands = [ONE];
      manager.events = [create(EventSchema, { kind: "k" })];
      const terminal = new FakeTerminal();
      terminal.stdout[loss] = true;
      const code = await main(programOf(manager), args, terminal);
      seen.push([code, terminal.stderr.text]);
    }

    assertEquals(seen, [[0, ""], [1, seen[1]?.[1] ?? ""]]);
    assertEquals(
      seen[1]?.[1].replace(/^\{.*"message":"(.*)"\}\}/, "error: $1"),
      "error: Cannot write to standard output: no space is left on its device\n",
    );
  });
}

Deno.test("a join token that cannot be printed is an error, which tells how to get another", async () => {
  const seen: [number, string][] = [];
  for (const loss of ["closed", "full"] as const) {
    for (const what of ["add", "token"]) {
      const terminal = new FakeTerminal();
      terminal.stdout[loss] = true;
      const args = ["agent", what, "web-1"];
      const code = await main(programOf(new FakeManager()), args, terminal);
      seen.push([code, terminal.stderr.text]);
    }
  }

  const text = (fact: string) =>
    `error: Cannot print the join token of "web-1": ${fact}\n` +
    "hint: piri-manager agent token web-1\n";
  const closed = text("it is closed");
  const full = text("no space is left on its device");
  assertEquals(seen, [[1, closed], [1, closed], [1, full], [1, full]]);
});
