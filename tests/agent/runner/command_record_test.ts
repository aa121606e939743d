import { assert, assertEquals } from "@std/assert";
import { Dialects } from "../../../lib/wire/dialect.ts";
import { OnDisconnect } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { heardLog } from "../../support/heard_log.ts";
import { MANAGER, MemoryAgent } from "../../support/memory_agent.ts";
import type { Init } from "../../support/scripted_peer.ts";

const SECRETS = ["s3cret-arg", "s3cret-env", "s3cret-stdin", "s3cret-line"];

const RUN = {
  commandId: 17n,
  type: "command.Run",
  data: JSON.stringify({
    argv: ["/bin/deploy", SECRETS[0]],
    env: { TOKEN: SECRETS[1] },
    stdin: SECRETS[2],
  }),
  requestedBy: "root (sudo: anna)",
} satisfies Init<"command">;

/** The Manager of these tests, over a new connection. */
const AGAIN = {
  managerId: MANAGER,
  dialect: Dialects.current,
  mayBegin: () => true,
  hasCancelOf: () => false,
};

/** Texts of the log from a level on, as people read them. */
function texts(
  { records }: Awaited<ReturnType<typeof heardLog>>,
  ...levels: readonly string[]
): string[] {
  return records
    .filter(({ level, category }) =>
      levels.includes(level) && category.at(-1) === "commands"
    )
    .map(({ message }) => message.join(""));
}

/** Events of the record, with what they add. */
function events(agent: MemoryAgent): unknown[] {
  return agent.audit.lines.map(({ at: _, ...line }) => {
    switch (line.event) {
      case "ended":
        return [line.event, line.end];
      case "refused":
      case "cancelled":
        return [line.event, line.why];
      default:
        return [line.event];
    }
  });
}

Deno.test("the log has one line when a command is accepted, starts, is cancelled and ends", async () => {
  await using log = await heardLog();
  await using agent = await MemoryAgent.start();
  await agent.accepted(RUN);
  await agent.clock.advance(1_500);
  agent.runner.cancel({ commandId: 17n }, MANAGER);
  agent.runner.cancel({ commandId: 17n, graceMs: 0 }, MANAGER);
  agent.workers.newest.ends({ success: false, signal: "SIGTERM" });
  await agent.clock.settle();

  const what = "command.Run /bin/deploy, requested by root (sudo: anna)";
  assertEquals(texts(log, "info", "warning", "error"), [
    `Command 17 accepted: ${what}`,
    `Command 17 started: ${what}`,
    `Command 17 is cancelled: ${what}: the Manager asks for it`,
    `Command 17 ended: ${what}: cancelled, SIGTERM, after 1500 ms`,
  ]);
});

Deno.test("the record has a line for each step, with who asked and how it ended", async () => {
  await using agent = await MemoryAgent.start();
  await agent.accepted(RUN);
  await agent.clock.advance(20);
  agent.workers.newest.ends({ success: false, exitCode: 3 });
  await agent.clock.settle();

  const command = {
    id: 17n,
    nonce: 7n,
    managerId: MANAGER,
    operation: "command.Run",
    program: "/bin/deploy",
    requestedBy: "root (sudo: anna)",
  };
  const { operation: _, program: _p, requestedBy: _r, ...key } = command;
  const at = agent.clock.now();
  assertEquals(agent.audit.lines, [
    { at: at - 20, event: "accepted", command },
    { at: at - 20, event: "started", command: key },
    {
      at,
      event: "ended",
      command,
      end: { state: "failed", exitCode: 3, tookMs: 20 },
    },
  ]);
});

for (
  const [kind, data] of [
    ["a program", RUN.data],
    ["a line for the shell", JSON.stringify({ shell: `A=${SECRETS[3]} run` })],
  ] as const
) {
  Deno.test(`arguments, environment and input of ${kind} are neither in the record nor in the log`, async () => {
    await using log = await heardLog();
    await using agent = await MemoryAgent.start();
    await agent.accepted({ ...RUN, data });
    agent.workers.newest.ends();
    await agent.clock.settle();

    const told = [
      JSON.stringify(
        agent.audit.lines,
        (_, value) => typeof value === "bigint" ? String(value) : value,
      ),
      JSON.stringify(
        log.records.filter(({ level }) => level !== "debug"),
      ),
    ].join("");
    assertEquals(SECRETS.filter((secret) => told.includes(secret)), []);
  });
}

Deno.test("the log has the arguments at the level debug, and never environment or input", async () => {
  await using log = await heardLog();
  await using agent = await MemoryAgent.start();
  await agent.accepted(RUN);
  agent.workers.newest.ends();
  await agent.clock.settle();

  assertEquals(texts(log, "debug", "trace"), [
    'Command 17 has these arguments: ["s3cret-arg"]',
  ]);
  const all = JSON.stringify(log.records);
  assert(!all.includes("s3cret-env") && !all.includes("s3cret-stdin"));
});

Deno.test("a command that is refused is in the log and the record, with the reason", async () => {
  await using log = await heardLog();
  await using agent = await MemoryAgent.start();
  agent.runner.refuse("the agent stops");
  await agent.refused(RUN);

  const why = "Cannot accept command 17: the agent stops";
  assertEquals(texts(log, "info"), [
    `Command 17 refused: command.Run /bin/deploy, requested by root (sudo: anna): ${why}`,
  ]);
  assertEquals(events(agent), [["refused", why]]);
});

Deno.test("a command that a full disk refuses is in the record as refused", async () => {
  await using agent = await MemoryAgent.start();
  agent.disk.capacity = 0;
  await agent.refused(RUN);

  assertEquals(agent.audit.lines.map(({ event }) => event), ["refused"]);
});

for (
  const [reason, ask] of [
    ["its time is over", (agent: MemoryAgent) => agent.clock.advance(1_000)],
    ["the agent stops", (agent: MemoryAgent) => {
      void agent.runner.stop();
      return agent.clock.settle();
    }],
  ] as const
) {
  Deno.test(`an early end because ${reason} is recorded with this reason`, async () => {
    await using agent = await MemoryAgent.start();
    await agent.accepted({ ...RUN, timeoutMs: 1_000 });
    await ask(agent);
    agent.workers.newest.ends({ success: false });
    await agent.clock.settle();

    assertEquals(events(agent).slice(0, 3), [
      ["accepted"],
      ["started"],
      ["cancelled", reason],
    ]);
  });
}

for (
  const [end, act, steps] of [
    [
      "cancelled",
      (agent: MemoryAgent) => agent.runner.release(AGAIN, [17n]),
      [
        ["cancelled", "the Manager asks for it"],
        ["ended", { state: "cancelled" }],
      ],
    ],
    [
      "too long without a link",
      async (agent: MemoryAgent) => {
        await agent.clock.advance(1_000);
        agent.runner.release(AGAIN, []);
      },
      [
        ["cancelled", "the Manager is out of reach"],
        ["ended", { state: "cancelled" }],
      ],
    ],
    [
      "of another Manager",
      (agent: MemoryAgent) =>
        agent.runner.release({ ...AGAIN, managerId: "other" }, []),
      [[
        "refused",
        "Cannot accept command 17: the agent has another Manager now",
      ]],
    ],
    [
      "waiting when the agent stops",
      (agent: MemoryAgent) => agent.runner.stop(),
      [["refused", "Cannot accept command 17: the agent stops"]],
    ],
  ] as const
) {
  Deno.test(`a command that is ${end} before it begins is recorded without a start`, async () => {
    await using agent = await MemoryAgent.start();
    agent.mayBegin = false;
    await agent.accepted({
      ...RUN,
      onDisconnect: OnDisconnect.KILL,
      killAfterMs: 1_000,
    });
    await act(agent);
    await agent.clock.settle();

    assertEquals(events(agent), [["accepted"], ...steps]);
  });
}

Deno.test("a command that waits and begins is recorded with its start", async () => {
  await using agent = await MemoryAgent.start();
  agent.mayBegin = false;
  await agent.accepted(RUN);
  const before = events(agent);
  agent.runner.release(AGAIN, []);
  await agent.clock.settle();

  assertEquals([before, events(agent)], [
    [["accepted"]],
    [["accepted"], ["started"]],
  ]);
});

Deno.test("commands of a killed agent are recorded by the next one, with who asked", async () => {
  await using log = await heardLog();
  await using agent = await MemoryAgent.start();
  await agent.accepted(RUN);
  await using next = await agent.restarted();
  next.receipt = { signalled: 2, alive: [] };
  await next.runner.settlePast();

  assertEquals(events(next), [["ended", { state: "lost" }]]);
  assertEquals(texts(log, "warning"), [
    "Command 17 ended: command.Run /bin/deploy, requested by root (sudo: anna): " +
    "lost, the agent ended while it ran, 2 processes ended",
  ]);
});

Deno.test("a command of a killed agent that cannot be read does not keep the next one from starting", async () => {
  await using agent = await MemoryAgent.start();
  const entry = await agent.journal.accept({
    id: 5n,
    nonce: 7n,
    managerId: MANAGER,
    command: new Uint8Array([0xff, 0xff]),
  });
  await entry.started();
  await using next = await agent.restarted();
  await next.runner.settlePast();

  assertEquals(
    next.audit.lines.flatMap((line) =>
      "command" in line ? line.command.id : []
    ),
    [5n],
  );
});

Deno.test("a command of a legacy Manager is recorded in the words of this agent, by an operator", async () => {
  await using log = await heardLog();
  await using agent = await MemoryAgent.start();
  await agent.accepted({
    commandId: 2n,
    nonce: 0n,
    type: "command.Run",
    data: '{"[args]":[["/bin/ls","-l"]],"shell":false}',
  }, "");

  assertEquals(
    texts(log, "info")[0],
    "Command 2 accepted: command.Run /bin/ls, requested by an operator",
  );
});

for (
  const data of ["", "[", "null", "[]", '{"argv":"ls"}', "[".repeat(5_000)]
) {
  Deno.test(`parameters such as ${data.slice(0, 15) || "none"} name no program, and harm nothing`, async () => {
    await using agent = await MemoryAgent.start();
    await agent.accepted({ ...RUN, data });

    const [first] = agent.audit.lines;
    assert(first?.event === "accepted");
    assertEquals(first.command.program, "");
  });
}
