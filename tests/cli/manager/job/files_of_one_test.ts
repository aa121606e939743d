import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { PiriError } from "../../../../lib/base/errors.ts";
import { main } from "../../../../lib/cli/main.ts";
import {
  CommandState,
  EntryState,
  JobState,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { apiError, command, FakeManager, job } from "../../fake_manager.ts";
import { FakeTerminal } from "../../fake_terminal.ts";
import { jsonLines, programOf, see, start } from "../start.ts";
import { inOrder, without } from "./entries.ts";
import { schemaErrors } from "./json_schema.ts";

const FILES = ["--junit", "a.xml", "--summary", "a.md", "--out", "d"];

const RUN = ["run", "web-1", ...FILES, "--", "x"];

/** A Manager whose job of one agent has no command. */
function endedAs(state: EntryState, reason = "so it is"): FakeManager {
  const manager = new FakeManager();
  manager.entries = inOrder([without("web-1", state, reason)]);
  return manager;
}

function summaryOf(terminal: FakeTerminal) {
  return JSON.parse(terminal.outFile("d/summary.json"));
}

for (
  const [state, kind, label, exit] of [
    [EntryState.UNREACHABLE, "error", "unreachable", 3],
    [EntryState.EXPIRED, "error", "expired", 3],
    [EntryState.REFUSED, "error", "refused", 4],
    [EntryState.SKIPPED, "skipped", "skipped", 7],
    [EntryState.SUPERSEDED, "skipped", "superseded", 7],
    [EntryState.LOST, "error", "lost", 8],
  ] as const
) {
  Deno.test(`files of one agent that got no command say that it is ${label}, and why`, async () => {
    const { code, terminal } = await see(RUN, { manager: endedAs(state) });

    assertEquals(code, exit);
    assertStringIncludes(
      terminal.outFile("a.xml"),
      `<${kind} message="${label}: so it is"/>`,
    );
    assertStringIncludes(terminal.outFile("a.md"), `### j-17: 1 ${label}`);
    assertStringIncludes(terminal.outFile("a.md"), "so it is");
    const { exitCode, entries } = summaryOf(terminal);
    assertEquals(
      [exitCode, entries[0].state, entries[0].reason],
      [exit, label, "so it is"],
    );
  });

  Deno.test(`run --json on one agent that is ${label} ends as that of several does`, async () => {
    const one = await see(["run", "web-1", "--json", "--", "x"], {
      manager: endedAs(state),
    });
    const many = await start(["run", "web-*", "--json", "--", "x"], {
      manager: endedAs(state),
    });
    many.manager.commands = [command({ state: CommandState.FAILED })];
    many.manager.watch.end();
    await many.code;
    const events = jsonLines(one.stdout);

    assertEquals(await schemaErrors("event", events), []);
    assertEquals(events.map(({ event }) => event), ["result", "summary"]);
    assertEquals(
      events[0],
      jsonLines(many.terminal.stdout.text)
        .find(({ event }) => event === "result"),
    );
    assertEquals([events[1]?.["exitCode"], one.code], [exit, exit]);
    assertEquals(Object.keys(jsonLines(one.stderr)[0] ?? {}), ["error"]);
  });
}

Deno.test("job watch of one agent that got no command writes its files, too", async () => {
  const manager = endedAs(EntryState.REFUSED);
  manager.jobs = [
    job({ state: JobState.FAILED, targets: { expressions: ["web-1"] } }),
  ];
  const { code, terminal } = await see(["job", "watch", "j-17", ...FILES], {
    manager,
  });

  assertEquals([code, summaryOf(terminal).exitCode], [4, 4]);
  assertMatch(terminal.outFile("a.xml"), /<error message="refused: so it is"/);
});

Deno.test("--exit-code of one agent that got no command is 255 in its files and events, too", async () => {
  const { code, stdout, terminal } = await see(
    ["run", "web-1", "--exit-code", "--json", "--out", "d", "--", "x"],
    { manager: endedAs(EntryState.UNREACHABLE) },
  );

  assertEquals(code, 255);
  assertEquals(jsonLines(stdout).at(-1)?.["exitCode"], 255);
  assertEquals(summaryOf(terminal).exitCode, 255);
});

Deno.test("files and events of one agent that nobody waits for say how far it came", async () => {
  const manager = endedAs(EntryState.QUEUED, "");
  const { terminal, code } = await start(
    ["run", "web-1", "--queue", "1h", "--json", ...FILES, "--", "x"],
    { manager },
  );
  await terminal.signal("SIGTERM");
  await terminal.signal("SIGTERM");
  const exit = await code;
  const events = jsonLines(terminal.stdout.text);

  assertEquals([exit, summaryOf(terminal).exitCode], [7, 7]);
  assertEquals(events.at(-1)?.["event"], "summary");
  assertEquals(await schemaErrors("event", events), []);
  assertStringIncludes(terminal.outFile("a.xml"), '<error message="queued"/>');
});

Deno.test("files of one agent whose command nobody waits for say that it runs", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(RUN, { manager });
  manager.watch.state(command());
  await terminal.signal("SIGTERM");
  await terminal.signal("SIGTERM");

  assertEquals(await code, 7);
  assertStringIncludes(terminal.outFile("a.xml"), '<error message="running"/>');
  assertEquals(summaryOf(terminal).entries[0].state, "running");
});

for (
  const [name, args] of [
    ["run", RUN],
    ["job watch", ["job", "watch", "j-17", ...FILES]],
  ] as const
) {
  Deno.test(`${name} writes the output of one agent as it comes into the folder of --out, and its end at the end`, async () => {
    const manager = new FakeManager();
    manager.commands = [command()];
    manager.jobs = [job({ targets: { expressions: ["web-1"] } })];
    const { terminal, code } = await start(args, { manager });
    const early: string[] = [];
    const look = async () => {
      await terminal.clock.settle();
      early.push(terminal.outFile("d/web-1.stdout"));
    };
    manager.watch.state(command()).output(12n, "one\n");
    await look();
    manager.watch.output(12n, "two\n", { offset: 4n });
    await look();
    const isEnded = terminal.outFiles.has("d/web-1.stderr");
    manager.watch.state(command({ state: CommandState.SUCCEEDED })).end();

    assertEquals([await code, early, isEnded], [
      0,
      ["one\n", "one\ntwo\n"],
      false,
    ]);
    assertEquals(terminal.stdout.text, "one\ntwo\n");
    assertEquals(terminal.outFile("d/web-1.stderr"), "");
    assertEquals(summaryOf(terminal).entries[0].state, "succeeded");
  });
}

Deno.test("files of one agent have all output once if the connection breaks off", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(RUN, { manager });
  manager.watch.state(command()).output(12n, "one\n").fail();
  await terminal.clock.advance(5_000);
  manager.watch.state(command()).output(12n, "one\ntwo\n")
    .state(command({ state: CommandState.SUCCEEDED })).end();

  assertEquals(await code, 0);
  assertEquals(terminal.outFile("d/web-1.stdout"), "one\ntwo\n");
});

Deno.test("a file of one agent that cannot be written ends the run with its error", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(RUN, { manager });
  manager.watch.state(command());
  await terminal.clock.settle();
  terminal.diskError = new PiriError("DISK", 'Cannot write "d": it is full');
  manager.watch.output(12n, "hi\n");

  assertEquals(await code, 1);
  assertMatch(terminal.stderr.text, /error: Cannot write "d": it is full\n$/);
});

Deno.test("files of one agent are whole if nobody reads its output any more", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(RUN, { manager });
  manager.watch.state(command()).output(12n, "one\n");
  await terminal.clock.settle();
  terminal.stdout.closed = true;
  manager.watch.output(12n, "two\n", { offset: 4n });
  await terminal.clock.settle();
  manager.watch.state(command({ state: CommandState.CANCELLED })).end();

  assertEquals(await code, 7);
  assertEquals(terminal.outFile("d/web-1.stdout"), "one\ntwo\n");
  assertMatch(terminal.outFile("a.xml"), /<failure message="cancelled/);
});

for (const agents of ["web-1", "web-*"]) {
  Deno.test(`a run on ${agents} that is refused before there is a job leaves no empty file`, async () => {
    const manager = new FakeManager();
    manager.onRun = () => {
      throw apiError("INVALID_ARGUMENT", "Cannot run: it is unknown");
    };
    const { code, terminal } = await see(["run", agents, ...RUN.slice(2)], {
      manager,
    });

    assertEquals([code, [...terminal.outFiles.keys()]], [2, []]);
  });
}

Deno.test("a run without a Manager leaves no empty file", async () => {
  const manager = new FakeManager();
  manager.down = true;
  const { code, terminal } = await see(RUN, { manager });

  assertEquals([code, [...terminal.outFiles.keys()]], [3, []]);
});

Deno.test("a run that is refused before there is a job leaves an earlier report as it is", async () => {
  const manager = new FakeManager();
  manager.onRun = () => {
    throw apiError("INVALID_ARGUMENT", "Cannot run: it is unknown");
  };
  const terminal = new FakeTerminal();
  await terminal.files.write("a.xml", "earlier");
  const code = await main(programOf(manager), RUN, terminal);

  assertEquals([code, terminal.outFile("a.xml")], [2, "earlier"]);
});
