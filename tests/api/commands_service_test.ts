import { assertEquals } from "@std/assert";
import {
  CommandState,
  createCommand,
  createWatchResponse,
  OnDisconnect,
  OutputStream,
  RunAnswer,
} from "../../proto/gen/piri/control/v1/control_messages.ts";
import { all, OWNER, refusal, startControl } from "../support/control.ts";
import { aCommand, SmallManager } from "../support/small_manager.ts";

Deno.test("run passes every field of its request on", async () => {
  await using fleet = await startControl();

  const { job, commands } = await fleet.control.commands.run({
    agents: ["web-1", "db-*"],
    operation: "command.Run",
    params: '{"argv":["uptime"]}',
    timeoutMs: 60_000,
    requestId: "r-1",
    onDisconnect: OnDisconnect.KILL,
    killAfterMs: 0,
    requestedBy: "ada",
    survive: true,
  });

  assertEquals(job, "r-1");
  assertEquals(commands.map(({ agent }) => agent), ["web-1", "db-*"]);
  assertEquals(fleet.manager.asked, [{
    agents: ["web-1", "db-*"],
    operation: "command.Run",
    params: '{"argv":["uptime"]}',
    timeoutMs: 60_000,
    requestId: "r-1",
    onDisconnect: "kill",
    killAfterMs: 0,
    requestedBy: OWNER,
    saidBy: "ada",
    survive: true,
  }]);
});

Deno.test("run fills in optional fields", async () => {
  await using fleet = await startControl();

  await fleet.control.commands.run({
    agents: ["web-1"],
    operation: "echo.Echo",
    requestId: "r-1",
  });

  assertEquals(fleet.manager.asked, [{
    agents: ["web-1"],
    operation: "echo.Echo",
    params: "{}",
    timeoutMs: undefined,
    requestId: "r-1",
    onDisconnect: "continue",
    killAfterMs: undefined,
    requestedBy: OWNER,
    saidBy: "",
    survive: false,
  }]);
});

const good = {
  agents: ["web-1"],
  operation: "echo.Echo",
  params: "{}",
  requestId: "r-1",
};

for (
  const [change, message] of [
    [{ agents: [] }, '"agents": it is empty'],
    [{ agents: [""] }, '"agents": it is empty'],
    [{ operation: "" }, '"operation": it is empty'],
    [{ params: "[]" }, '"params": it is not a JSON object'],
    [{ requestId: "" }, '"request_id": it is empty'],
    [
      { requestId: "x".repeat(101) },
      '"request_id": it has 101 characters, and the limit is 100',
    ],
    [{ timeoutMs: 0 }, '"timeout_ms": 0 is not from 1 to 4294967295'],
    [
      { requestedBy: "x".repeat(101) },
      '"requested_by": it has 101 characters, and the limit is 100',
    ],
    [
      { onDisconnect: 9 as OnDisconnect },
      '"on_disconnect": 9 is not one of its values',
    ],
    [{ answer: 9 as RunAnswer }, '"answer": 9 is not one of its values'],
  ] as const
) {
  Deno.test(`run refuses ${message}`, async () => {
    await using fleet = await startControl();

    const refused = await refusal(
      fleet.control.commands.run({
        ...good,
        ...change,
        agents: [...("agents" in change ? change.agents : good.agents)],
      }),
    );

    assertEquals(refused, {
      connect: "InvalidArgument",
      piri: "INVALID_ARGUMENT",
      message: `Cannot accept ${message}`,
    });
    assertEquals(fleet.manager.asked, []);
  });
}

Deno.test("run answers with ids and no commands if it is asked to", async () => {
  await using fleet = await startControl();
  const { control } = fleet;

  const full = await control.commands.run(good);
  const commands = await control.commands.run({
    ...good,
    answer: RunAnswer.COMMANDS,
  });
  const ids = await control.commands.run({ ...good, answer: RunAnswer.IDS });

  const told = [full, commands, ids].map(({ commands, commandIds }) => ({
    commands: commands.map(({ id }) => id),
    commandIds,
  }));
  assertEquals(told, [
    { commands: [1n], commandIds: [] },
    { commands: [2n], commandIds: [] },
    { commands: [], commandIds: [3n] },
  ]);
  assertEquals(ids.job, full.job);
});

Deno.test("watch sends every event in its own form, and then ends", async () => {
  const manager = new SmallManager();
  const bytes = new Uint8Array([0, 255]);
  manager.commands.watch = async function* (from) {
    manager.asked.push(from);
    yield await Promise.resolve(
      { kind: "command", command: aCommand({ id: 4n }) } as const,
    );
    yield {
      kind: "output",
      commandId: 4n,
      stream: "stderr",
      offset: 2n ** 40n,
      bytes,
      cut: 3n,
    };
    yield {
      kind: "progress",
      commandId: 4n,
      current: 1,
      total: 2,
      message: "half",
    };
    yield { kind: "cutOff", commandId: 4n, reason: "too slow" };
    yield {
      kind: "storage",
      failure: { since: 1, lastAt: 2, reason: "full" },
    };
    yield { kind: "storage", failure: undefined };
  };
  await using fleet = await startControl({ manager });

  const seen = await all(fleet.control.commands.watch({
    commands: [{ commandId: 4n, stdoutOffset: 5n, stderrOffset: 6n }],
  }));

  assertEquals(manager.asked, [
    [{ id: 4n, stdoutOffset: 5n, stderrOffset: 6n }],
  ]);
  assertEquals(seen, [
    createWatchResponse({
      commandId: 4n,
      event: {
        case: "command",
        value: createCommand({
          id: 4n,
          agent: "web-1",
          operation: "echo.Echo",
          params: "{}",
          job: "job-1",
          state: CommandState.QUEUED,
          createdAtMs: 1_000n,
          onDisconnect: OnDisconnect.CONTINUE,
          outputKept: 0n,
        }),
      },
    }),
    createWatchResponse({
      commandId: 4n,
      event: {
        case: "output",
        value: {
          stream: OutputStream.STDERR,
          offset: 2n ** 40n,
          bytes,
          cut: 3n,
        },
      },
    }),
    createWatchResponse({
      commandId: 4n,
      event: {
        case: "progress",
        value: { current: 1, total: 2, message: "half" },
      },
    }),
    createWatchResponse({
      commandId: 4n,
      event: { case: "cutOff", value: { reason: "too slow" } },
    }),
    createWatchResponse({
      event: {
        case: "storage",
        value: { failure: { sinceMs: 1n, lastMs: 2n, reason: "full" } },
      },
    }),
    createWatchResponse({ event: { case: "storage", value: {} } }),
  ]);
});

Deno.test("large output keeps its place among other events, with and without a cut, at any length", async () => {
  const manager = new SmallManager();
  const told = [1, 4_095, 4_096, 0, 70_000, 65_536].flatMap((size, index) =>
    [0n, 7n].map((cut) => ({
      kind: "output" as const,
      commandId: 2n ** 40n,
      stream: index % 2 === 0 ? "stdout" as const : "stderr" as const,
      offset: BigInt(index) * 100_000n,
      bytes: new Uint8Array(size).map((_, at) => (at + index) % 251),
      cut,
      ...index === 0 ? {} : { at: 1_000.5 + index },
    }))
  );
  manager.commands.watch = async function* () {
    for (const event of told) {
      yield await Promise.resolve(event);
      yield {
        kind: "progress",
        commandId: 1n,
        current: 1,
        total: 2,
        message: "",
      };
    }
  };
  await using fleet = await startControl({ manager });

  const seen = await all(
    fleet.control.commands.watch({ commands: [{ commandId: 4n }] }),
  );

  assertEquals(
    seen.map(({ event }) => event.case),
    told.flatMap(() => ["output", "progress"] as const),
  );
  assertEquals(
    seen.filter(({ event }) => event.case === "output"),
    told.map(({ commandId, stream, offset, bytes, cut, at }) =>
      createWatchResponse({
        commandId,
        event: {
          case: "output",
          value: {
            stream: stream === "stdout"
              ? OutputStream.STDOUT
              : OutputStream.STDERR,
            offset,
            bytes,
            cut,
            ...at === undefined ? {} : { atMs: BigInt(Math.trunc(at)) },
          },
        },
      })
    ),
  );
});

Deno.test("watch refuses an empty list, invalid ids, and one command twice", async () => {
  await using fleet = await startControl();
  const { commands } = fleet.control;

  const refused = await Promise.all(
    [
      [],
      [{ commandId: 0n }],
      [{ commandId: 4n }, { commandId: 4n, stdoutOffset: 1n }],
    ].map((from) => refusal(all(commands.watch({ commands: from })))),
  );

  assertEquals(refused.map(({ message }) => message), [
    'Cannot accept "commands": it is empty',
    'Cannot accept "command_id": 0 is not an id',
    'Cannot accept "commands": one of them is there twice',
  ]);
  assertEquals(refused.map(({ piri }) => piri), [
    "INVALID_ARGUMENT",
    "INVALID_ARGUMENT",
    "INVALID_ARGUMENT",
  ]);
});

Deno.test("watch of an unknown command is NOT_FOUND", async () => {
  await using fleet = await startControl();

  const refused = await refusal(
    all(fleet.control.commands.watch({ commands: [{ commandId: 4n }] })),
  );

  assertEquals([refused.connect, refused.piri], ["NotFound", "NOT_FOUND"]);
});

Deno.test("cancel passes on the grace, even of 0, and the requester, and answers with the command", async () => {
  await using fleet = await startControl();
  fleet.manager.recorded.push(aCommand({ id: 4n, state: "running" }));
  const { commands } = fleet.control;

  await commands.cancel({ commandId: 4n });
  const { command } = await commands.cancel({
    commandId: 4n,
    graceMs: 0,
    requestedBy: "ann",
  });

  assertEquals(command?.state, CommandState.RUNNING);
  assertEquals(fleet.manager.asked, [
    { id: 4n, graceMs: undefined, requestedBy: OWNER, saidBy: "" },
    { id: 4n, graceMs: 0, requestedBy: OWNER, saidBy: "ann" },
  ]);
});

Deno.test("cancel tells if the agent confirms it", async () => {
  await using fleet = await startControl();
  fleet.manager.recorded.push(aCommand({ id: 4n, state: "running" }));
  const { commands } = fleet.control;

  const first = await commands.cancel({ commandId: 4n });
  fleet.manager.unconfirmed = true;
  const second = await commands.cancel({ commandId: 4n });

  assertEquals([first.unconfirmed, second.unconfirmed], [false, true]);
  assertEquals(second.command?.id, 4n);
});

Deno.test("a rerun passes on the requester, and answers with the new command", async () => {
  await using fleet = await startControl();

  const { command } = await fleet.control.commands.rerun({
    commandId: 4n,
    requestId: "r-1",
    requestedBy: "ada",
  });

  assertEquals([command?.id, command?.rerunOf], [5n, 4n]);
  assertEquals(fleet.manager.asked, [
    { id: 4n, requestId: "r-1", requestedBy: OWNER, saidBy: "ada" },
  ]);
});

Deno.test("giving up passes on the requester, and answers with the command", async () => {
  await using fleet = await startControl();
  fleet.manager.recorded.push(aCommand({ id: 4n, state: "lost" }));

  const { command } = await fleet.control.commands.giveUp({
    commandId: 4n,
    requestedBy: "ada",
  });

  assertEquals(command?.state, CommandState.LOST);
  assertEquals(fleet.manager.asked, [{
    id: 4n,
    requestedBy: OWNER,
    saidBy: "ada",
  }]);
});

Deno.test("a rerun needs an id and a request id, giving up an id, and names have a limit", async () => {
  await using fleet = await startControl();
  const { commands } = fleet.control;
  const requestedBy = "x".repeat(101);

  const refused = await Promise.all([
    refusal(commands.rerun({ requestId: "r-1" })),
    refusal(commands.rerun({ commandId: 4n })),
    refusal(commands.rerun({ commandId: 4n, requestId: "r-1", requestedBy })),
    refusal(commands.giveUp({})),
    refusal(commands.giveUp({ commandId: 4n, requestedBy })),
    refusal(commands.getTimeline({})),
  ]);

  assertEquals(refused.map(({ message }) => message), [
    'Cannot accept "command_id": 0 is not an id',
    'Cannot accept "request_id": it is empty',
    'Cannot accept "requested_by": it has 101 characters, and the limit is 100',
    'Cannot accept "command_id": 0 is not an id',
    'Cannot accept "requested_by": it has 101 characters, and the limit is 100',
    'Cannot accept "command_id": 0 is not an id',
  ]);
  assertEquals(fleet.manager.asked, []);
});

Deno.test("a timeline has its command, its own time, and no time for present facts", async () => {
  await using fleet = await startControl();
  const { recorded, entries } = fleet.manager;
  recorded.push(aCommand({ id: 4n }));
  entries.push(
    { at: 7.5, kind: "sent", text: "sent", evidence: "database" },
    { at: null, kind: "connected", text: "it is", evidence: "connection" },
  );

  const told = await fleet.control.commands.getTimeline({ commandId: 4n });

  assertEquals([told.command?.id, told.atMs], [4n, 9_000n]);
  assertEquals(
    told.entries,
    [
      { atMs: 7n, kind: "sent", text: "sent", evidence: "database" },
      { kind: "connected", text: "it is", evidence: "connection" },
    ],
  );
});

Deno.test("one command is found by its id", async () => {
  await using fleet = await startControl();
  fleet.manager.recorded.push(aCommand({ id: 4n, agent: "db-9" }));
  const { commands } = fleet.control;

  const { command } = await commands.getCommand({ commandId: 4n });
  const missing = await refusal(commands.getCommand({ commandId: 5n }));
  const none = await refusal(commands.getCommand({}));

  assertEquals(command?.agent, "db-9");
  assertEquals(missing.piri, "NOT_FOUND");
  assertEquals(none.piri, "INVALID_ARGUMENT");
});

Deno.test("a list has 100 commands of any kind, or those that a filter selects", async () => {
  await using fleet = await startControl();
  const { commands } = fleet.control;

  await commands.listCommands({});
  await commands.listCommands({
    limit: 1_000,
    beforeId: 7n,
    agent: "web-1",
    states: [CommandState.LOST, CommandState.TIMED_OUT],
  });
  await commands.listCommands({ jobId: 17n });

  assertEquals(fleet.manager.asked, [
    { limit: 100 },
    {
      limit: 1_000,
      beforeId: 7n,
      agent: "web-1",
      states: ["lost", "timed_out"],
    },
    { limit: 100, job: "j-17" },
  ]);
});

Deno.test("a list of too many commands, of none, or in an unknown state is refused", async () => {
  await using fleet = await startControl();
  const { commands } = fleet.control;

  const refused = await Promise.all([
    refusal(commands.listCommands({ limit: 1_001 })),
    refusal(commands.listCommands({ limit: 0 })),
    refusal(commands.listCommands({ states: [CommandState.UNSPECIFIED] })),
    refusal(commands.listCommands({ beforeId: 0n })),
    refusal(commands.listCommands({ jobId: 0n })),
  ]);

  assertEquals(refused.map(({ message }) => message), [
    'Cannot accept "limit": 1001 is not from 1 to 1000',
    'Cannot accept "limit": 0 is not from 1 to 1000',
    'Cannot accept "states": 0 is not a state',
    'Cannot accept "before_id": 0 is not an id',
    'Cannot accept "job_id": 0 is not an id',
  ]);
});

Deno.test("operations are listed with their parameters", async () => {
  await using fleet = await startControl();

  const { operations } = await fleet.control.commands.listOperations({});

  assertEquals(
    operations.map(({ name, parameters }) => [name, parameters[0]?.required]),
    [["echo.Echo", true]],
  );
});
