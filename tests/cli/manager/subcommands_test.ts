import { create } from "@bufbuild/protobuf";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import {
  CommandState,
  GetStatusResponseSchema,
  ProgressSchema,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { hashSecret } from "../../../lib/base/secret.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { ExitCode } from "../../../lib/cli/exit_code.ts";
import { commandJson } from "../../../lib/cli/manager/json.ts";
import { localTime } from "../../../lib/cli/time.ts";
import { agent, command, event, FakeManager } from "../fake_manager.ts";
import type { Surroundings } from "../fake_terminal.ts";
import { jsonLines, see, start } from "./start.ts";

const NOON = Date.UTC(2026, 0, 1, 12);
const START = Date.UTC(2026, 0, 1); // time of the fake clock

/** A Manager with agents in all states. */
function managerWithAgents(): FakeManager {
  const manager = new FakeManager();
  manager.agents = [
    agent({
      id: "web-1",
      connected: true,
      sinceMs: BigInt(START - 180_000),
      address: "10.0.0.1:5000",
      version: "0.1.0",
      protocol: "2",
      groups: ["web", "prod"],
      cidrs: ["10.0.0.0/8"],
      instance: "0123456789abcdef0123456789abcdef",
      facts: { os: "linux" },
    }),
    agent({ id: "名前", joined: false }),
  ];
  return manager;
}

Deno.test("agents prints a table whose columns line up, even with wide characters", async () => {
  const { code, stdout } = await see(["agents"], {
    manager: managerWithAgents(),
  });

  assertEquals(code, 0);
  const since = localTime(START - 180_000);
  assertEquals(stdout.split("\n"), [
    "NAME   STATE       SINCE                ADDRESS        VERSION  PROTOCOL  GROUPS",
    `web-1  connected   ${since}  10.0.0.1:5000  0.1.0    2         web prod`,
    "名前   not joined",
    "",
  ]);
});

Deno.test("agents on a terminal tells how long ago, and cuts lines to its width", async () => {
  const { stdout } = await see(["agents"], {
    manager: managerWithAgents(),
    terminals: ["stdout"],
    columns: 40,
  });

  assertEquals(stdout.split("\n"), [
    "NAME   STATE       SINCE      ADDRESS  …",
    "web-1  connected   3 min ago  10.0.0.1:…",
    "名前   not joined",
    "",
  ]);
});

Deno.test("agents --json prints an object a line, with null for what is absent", async () => {
  const { stdout } = await see(["agents", "--json"], {
    manager: managerWithAgents(),
  });

  assertEquals(jsonLines(stdout), [
    {
      id: "web-1",
      state: "connected",
      since: "2025-12-31T23:57:00.000Z",
      address: "10.0.0.1:5000",
      version: "0.1.0",
      protocol: "2",
      groups: ["web", "prod"],
      cidrs: ["10.0.0.0/8"],
      joined: true,
      instance: "0123456789abcdef0123456789abcdef",
      facts: { os: "linux" },
      setFacts: {},
      retired: false,
      revokedAt: null,
      installation: null,
      onTrialFrom: null,
    },
    {
      id: "名前",
      state: "disconnected",
      since: null,
      address: null,
      version: null,
      protocol: null,
      groups: [],
      cidrs: [],
      joined: false,
      instance: null,
      facts: {},
      setFacts: {},
      retired: false,
      revokedAt: null,
      installation: null,
      onTrialFrom: null,
    },
  ]);
});

Deno.test("agent add prints the token and nothing else", async () => {
  const { code, stdout, stderr, manager } = await see([
    "agent",
    "add",
    "web-1",
    "--group",
    "web",
    "--group",
    "prod",
    "--cidr",
    "10.0.0.0/8",
    "--expires",
    "1h",
  ]);

  assertEquals([code, stdout, stderr], [0, "piri1.token\n", ""]);
  const [added] = manager.additions;
  assertEquals(
    [added?.id, added?.groups, added?.cidrs, added?.expiresInMs],
    ["web-1", ["web", "prod"], ["10.0.0.0/8"], 3_600_000n],
  );
});

Deno.test("agent add with a secret sends its SHA-256 to the Manager, and prints nothing", async () => {
  const hash = hashSecret("old secret");
  const adds: [args: string[], given: Surroundings][] = [
    [["--secret-file", "s"], { files: { s: "old secret" } }],
    [["--secret-file", "s"], { files: { s: "old secret\r\n" } }],
    [["--secret-file", "-"], { stdin: "old secret\n" }],
    [["--secret-hash", encodeHex(hash)], {}],
    [["--secret-hash", encodeHex(hash).toUpperCase()], {}],
  ];
  for (const [args, given] of adds) {
    const { code, stdout, stderr, manager } = await see(
      ["agent", "add", "old-1", ...args],
      given,
    );
    assertEquals([code, stdout, stderr], [0, "", ""]);
    assertEquals(manager.additions.map(({ secretHash }) => secretHash), [hash]);
  }
  const { stdout } = await see(
    ["agent", "add", "old-1", "--secret-file", "-", "--json"],
    { stdin: "x" },
  );
  assertEquals(jsonLines(stdout), [{ id: "old-1", added: true }]);
});

Deno.test("agent add refuses text that is neither a secret nor a hash", async () => {
  const refused: [args: string[], stdin: string, why: string][] = [
    [["--secret-file", "-"], "\n", "the secret should be its only line"],
    [["--secret-file", "-"], "a\nb\n", "the secret should be its only line"],
    [["--secret-hash", "ab"], "", "a SHA-256 has 64 hexadecimal digits"],
    [["--secret-hash", "ab", "--secret-file", "-"], "x", "together"],
  ];
  for (const [args, stdin, why] of refused) {
    const { code, stderr, manager } = await see(
      ["agent", "add", "old-1", ...args],
      { stdin },
    );
    assertEquals([code, manager.additions], [2, []]);
    assertStringIncludes(stderr, why);
  }
});

Deno.test("agent token prints a new token", async () => {
  const token = await see(["agent", "token", "web-1", "--json"]);

  assertEquals(jsonLines(token.stdout), [
    { id: "web-1", token: "piri1.renewed" },
  ]);
});

Deno.test("agent remove says what was done", async () => {
  const manager = new FakeManager();
  const told = await see(["agent", "remove", "web-1"], { manager });
  manager.told = false;
  manager.commands = [
    command({ id: 12n, state: CommandState.CANCELLED, reason: "" }),
    command({ id: 13n, state: CommandState.LOST, presumed: true }),
  ];
  const away = await see(["agent", "remove", "web-1", "--force"], { manager });
  const json = await see(["agent", "remove", "web-1", "--json"], { manager });

  assertEquals(told.stdout, 'removed agent "web-1": it was told\n');
  assertEquals(
    away.stdout,
    "command 12: cancelled\ncommand 13: lost, presumably\n" +
      'removed agent "web-1": it is away, and is told when it dials\n',
  );
  assertEquals(
    jsonLines(json.stdout),
    [{
      id: "web-1",
      removed: true,
      told: false,
      commands: manager.commands.map(commandJson),
    }],
  );
  assertEquals(manager.removals.map(({ force }) => force), [
    false,
    true,
    false,
  ]);
});

Deno.test("agent remove is refused with what to do while commands are open", async () => {
  const manager = new FakeManager();
  manager.refusal = new PiriError("REFUSED", "Cannot remove: 12 is open");
  const { code, stderr } = await see(["agent", "remove", "web-1"], { manager });

  assertEquals(code, ExitCode.refused);
  assertStringIncludes(stderr, "Cannot remove: 12 is open");
  assertStringIncludes(stderr, "piri-manager agent remove web-1 --force");
});

Deno.test("agent rename says when the agent learns its name", async () => {
  const manager = new FakeManager();
  const rename = ["agent", "rename", "web-1", "shop-1"];
  const told = await see(rename, { manager });
  manager.told = false;
  const away = await see(rename, { manager });
  const json = await see([...rename, "--json"], { manager });

  assertEquals(
    told.stdout,
    'renamed agent "web-1" to "shop-1": it is connected, and learns its name\n',
  );
  assertEquals(
    away.stdout,
    'renamed agent "web-1" to "shop-1": it is away, and learns its name when it dials\n',
  );
  assertEquals(jsonLines(json.stdout), [
    { id: "shop-1", formerId: "web-1", told: false },
  ]);
  assertEquals(
    manager.renames.map(({ id, newId }) => [id, newId]),
    Array(3).fill(["web-1", "shop-1"]),
  );
});

/** A command with a value in every field. */
const FULL = command({
  id: 2n ** 60n,
  params: '{"argv":["make","all"]}',
  state: CommandState.FAILED,
  exitCode: 3,
  createdAtMs: BigInt(NOON),
  sentAtMs: BigInt(NOON + 1),
  startedAtMs: BigInt(NOON + 2),
  finishedAtMs: BigInt(NOON + 90_002),
  agentStartedAtMs: BigInt(NOON + 5),
  agentFinishedAtMs: BigInt(NOON + 6),
  stdoutBytes: 2n ** 53n,
  stderrBytes: 7n,
  outputKept: 1_007n,
  stdoutSha256: new Uint8Array([0, 255, 0, 255]),
  masked: 3,
  hashOfKept: true,
  truncated: true,
  reason: "The program ended with exit code 3",
  changed: true,
  data: '{"rows":2}',
  reaped: { signalled: 2, alive: [41] },
  requestedBy: "ann",
  timeoutMs: 60_000,
  rerunOf: 9n,
});

Deno.test("commands prints requests and their ends, newest first as the Manager has them", async () => {
  const manager = new FakeManager();
  manager.commands = [
    FULL,
    command({
      id: 11n,
      operation: "file.Fetch",
      params: '{"path":"/a"}',
      createdAtMs: BigInt(NOON),
    }),
    command({
      id: 10n,
      params: '{"shell":"a |\\n b"}',
      createdAtMs: BigInt(NOON),
    }),
  ];
  const { stdout } = await see(["commands"], { manager });

  const noon = localTime(NOON);
  const cells = stdout.trimEnd().split("\n")
    .map((line) => line.split(/ {2,}/));
  assertEquals(cells, [
    ["ID", "AGENT", "STATE", "CREATED", "TOOK", "WHAT"],
    [
      "1152921504606846976",
      "web-1",
      "failed, exit code 3, processes 41 still live",
      noon,
      "1 min 30 s",
      "make all",
    ],
    ["11", "web-1", "running", noon, 'file.Fetch {"path":"/a"}'],
    ["10", "web-1", "running", noon, "a | b"],
  ]);
});

Deno.test("commands passes its filters on", async () => {
  const { manager } = await see([
    "commands",
    "--limit",
    "5",
    "--agent",
    "web-1",
    "--state",
    "timed_out",
    "--before",
    "1152921504606846976",
  ]);

  const [request] = manager.lists;
  assertEquals(
    [request?.limit, request?.agent, request?.states, request?.beforeId],
    [5, "web-1", [CommandState.TIMED_OUT], 2n ** 60n],
  );
});

Deno.test("commands --job lists those of one job, whose id may be j-17 or 17", async () => {
  const { manager } = await see(["commands", "--job", "j-17"]);
  await see(["commands", "--job", "17"], { manager });

  assertEquals(manager.lists.map(({ jobId }) => jobId), [17n, 17n]);
});

Deno.test("commands --job refuses a job that there is not", async () => {
  const { code, stderr } = await see(["commands", "--job", "j-99"]);

  assertEquals([code === 0, stderr.includes("99")], [false, true], stderr);
});

Deno.test("show --json prints everything, ids and byte counts as strings", async () => {
  const manager = new FakeManager();
  manager.commands = [FULL];
  const { stdout } = await see(["show", "1152921504606846976", "--json"], {
    manager,
  });

  assertEquals(jsonLines(stdout), [{
    id: "1152921504606846976",
    agent: "web-1",
    operation: "command.Run",
    params: { argv: ["make", "all"] },
    state: "failed",
    exitCode: 3,
    signal: null,
    createdAt: "2026-01-01T12:00:00.000Z",
    sentAt: "2026-01-01T12:00:00.001Z",
    startedAt: "2026-01-01T12:00:00.002Z",
    finishedAt: "2026-01-01T12:01:30.002Z",
    agentStartedAt: "2026-01-01T12:00:00.005Z",
    agentFinishedAt: "2026-01-01T12:00:00.006Z",
    stdoutBytes: "9007199254740992",
    stderrBytes: "7",
    outputKept: "1007",
    stdoutSha256: "00ff00ff",
    stderrSha256: null,
    hashOfKept: true,
    masked: 3,
    truncated: true,
    presumed: false,
    reason: "The program ended with exit code 3",
    errorCode: null,
    changed: true,
    data: { rows: 2 },
    reaped: { signalled: 2, alive: [41] },
    job: "job-1",
    requestedBy: "ann",
    saidBy: null,
    cancelRequestedAt: null,
    cancelRequestedBy: null,
    cancelSaidBy: null,
    timeoutMs: 60_000,
    unreachableSince: null,
    rerunOf: "9",
    onDisconnect: "continue",
    killAfterMs: null,
    survive: false,
  }]);
});

Deno.test("show prints all known facts for a person", async () => {
  const manager = new FakeManager();
  manager.commands = [FULL];
  const { stdout } = await see(["show", "1152921504606846976"], { manager });

  assertStringIncludes(
    stdout,
    "state:           failed, exit code 3, processes 41 still live\n" +
      "reason:          The program ended with exit code 3\n",
  );
  assertStringIncludes(
    stdout,
    "9007199254740992 bytes of stdout, 7 of stderr, 9007199254739992 of them not kept",
  );
});

Deno.test("show prints a command's progress and who asked for its end, if they are known", async () => {
  const manager = new FakeManager();
  const progress = (current: number, total: number, message = "") => ({
    progress: create(ProgressSchema, { current, total, message }),
  });
  manager.commands = [
    command({ id: 1n, ...progress(0, 1) }),
    command({
      id: 2n,
      ...progress(3, 9, "copying"),
      cancelRequestedAtMs: BigInt(NOON),
      cancelRequestedBy: "ann",
    }),
    command({ id: 3n, cancelRequestedAtMs: BigInt(NOON) }),
  ];
  const shown = async (id: string) =>
    (await see(["show", id], { manager })).stdout.split("\n")
      .filter((line) => /^(progress|cancel asked):/.test(line))
      .map((line) => line.split(/: +/));

  assertEquals(await shown("1"), []);
  assertEquals(await shown("2"), [
    ["progress", "3 of 9 copying"],
    ["cancel asked", `${localTime(NOON)} by ann`],
  ]);
  assertEquals(await shown("3"), [["cancel asked", localTime(NOON)]]);
});

Deno.test("show of an unknown id exits 5, and of text that is no id 2", async () => {
  const absent = await see(["show", "99"]);
  const wrong = await see(["show", "9e9"]);

  assertEquals([absent.code, wrong.code], [5, 2]);
  assertEquals(
    wrong.stderr,
    'error: Cannot read the id "9e9": it is neither that of a command, as 17, nor that of a job, as j-17 or j-17/web-1\n',
  );
});

Deno.test("show --output prints both streams byte for byte", async () => {
  const manager = new FakeManager();
  const ended = command({ state: CommandState.SUCCEEDED });
  manager.commands = [ended];
  const { terminal, code } = await start(["show", "12", "--output"], {
    manager,
  });
  manager.watch.state(ended).output(12n, "\x1b out")
    .output(12n, "err", { stream: "stderr" }).state(ended).end();

  assertEquals(await code, 0);
  assertEquals(terminal.stdout.text, "\x1b out");
  assertEquals(terminal.stderr.text, "err");
});

Deno.test("show --output spells out control characters on a terminal, but not with --raw", async () => {
  const screens: string[] = [];
  for (const flags of [[], ["--raw"]]) {
    const manager = new FakeManager();
    const ended = command({ state: CommandState.SUCCEEDED });
    manager.commands = [ended];
    const { terminal, code } = await start(
      ["show", "12", "--output", ...flags],
      { manager, terminals: ["stdout", "stderr"] },
    );
    manager.watch.state(ended).output(12n, "\x1b out\n").state(ended).end();
    assertEquals(await code, 0);
    screens.push(terminal.screen);
  }

  assertEquals(screens, ["\\x1b out\n", "\x1b out\n"]);
});

Deno.test("show --output of a running command prints its output so far, and does not wait for its end", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(
    ["show", "12", "--output", "--json"],
    { manager },
  );
  manager.watch.state(command()).output(12n, "so far");
  await terminal.clock.advance(500);

  assertEquals(await code, 0);
  assertEquals(jsonLines(terminal.stdout.text).map(({ text }) => text), [
    "so far",
  ]);
  assertEquals(manager.watch.left, true);
});

Deno.test("cancel requests the end and does not wait for it", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { code, stdout } = await see(["cancel", "12", "--grace", "30s"], {
    manager,
    env: { USER: "ann" },
  });

  assertEquals([code, stdout], [0, "12: cancel requested\n"]);
  assertEquals(
    manager.cancels.map(({ commandId, graceMs, requestedBy }) => [
      commandId,
      graceMs,
      requestedBy,
    ]),
    [[12n, 30_000, "ann"]],
  );
});

Deno.test("cancel of a legacy agent's command succeeds, and tells that the agent does not confirm it", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  manager.unconfirmed = true;
  const text = await see(["cancel", "12"], { manager });
  const json = await see(["cancel", "12", "--json"], { manager });

  assertEquals([text.code, text.stdout], [0, "12: cancel requested\n"]);
  assertEquals(
    text.stderr,
    "cancel of command 12: it was sent, but legacy agents do not confirm a cancel\n",
  );
  assertEquals([json.code, json.stderr], [0, ""]);
  assertEquals(
    jsonLines(json.stdout).map(({ id, unconfirmed }) => [
      id,
      unconfirmed,
    ]),
    [["12", true]],
  );
});

Deno.test("watch requests each command once, and Ctrl-C leaves them running", async () => {
  const manager = new FakeManager();
  manager.commands = [command(), command({ id: 13n, agent: "web-2" })];
  const { terminal, code } = await start(["watch", "12", "13", "12"], {
    manager,
  });
  const asked = manager.watch.request.commands.map(({ commandId }) =>
    commandId
  );
  await terminal.interrupt();

  assertEquals(await code, 130);
  assertEquals(asked, [12n, 13n]);
  assertEquals(manager.cancels.length, 0);
  assertEquals(
    terminal.stderr.text,
    "error: Stopped watching commands 12 13: what runs goes on\n" +
      "hint: piri-manager watch 12 13\n",
  );
});

Deno.test("operations prints each with its parameters", async () => {
  const manager = new FakeManager();
  manager.operations = [{
    name: "file.Fetch",
    description: "Fetches a file.",
    parameters: [
      { name: "source", type: "string", required: true, description: "From." },
      { name: "mode", type: "string", required: false, description: "Mode." },
    ],
  }];
  const text = await see(["operations"], { manager });
  const json = await see(["operations", "--json"], { manager });

  assertEquals(
    text.stdout,
    "file.Fetch: Fetches a file.\n" +
      "  source  string  From.\n" +
      "  [mode]  string  Mode.\n",
  );
  assertEquals(jsonLines(json.stdout)[0]?.["name"], "file.Fetch");
});

Deno.test("events prints past events, and --follow continues until Ctrl-C", async () => {
  const manager = new FakeManager();
  manager.events = [
    event({ agent: "web-1", commandId: 3n, message: "from\n10.0.0.1" }),
  ];
  const { terminal, code } = await start(
    ["events", "--follow", "--tail", "5"],
    { manager },
  );
  await terminal.interrupt();

  assertEquals(await code, 0);
  assertEquals(
    terminal.stdout.text,
    `${localTime(START)}  agent_connected  web-1  command 3  from 10.0.0.1\n`,
  );
  assertEquals(
    manager.eventRequests.map(({ tail, follow }) => [tail, follow]),
    [
      [5, true],
    ],
  );
});

Deno.test("events of an agent that does not exist is an error with the nearest name, unless it has some", async () => {
  const manager = new FakeManager();
  manager.agents = [agent({ id: "web-1" })];
  const args = ["events", "--agent", "wbe-1"];
  const none = await see(args, { manager });
  const other = await see(["events", "--agent", "web-1"], { manager });
  manager.events = [event({ agent: "wbe-1", message: "was removed" })];
  const some = await see(args, { manager });

  assertEquals([none.code, other.code, some.code], [5, 0, 0]);
  assertEquals(
    none.stderr,
    'error: Cannot show events of "wbe-1": there is no agent of that name\n' +
      'hint: did you mean "web-1"?\n',
  );
  assertEquals([other.stderr, some.stderr], ["", ""]);
});

Deno.test("events --follow of an agent that does not exist says so, and follows", async () => {
  const manager = new FakeManager();
  manager.agents = [agent({ id: "web-1" })];
  manager.events = [event({ message: "hello" })];
  const { terminal, code } = await start(
    ["events", "--follow", "--agent", "wbe-1"],
    { manager },
  );
  await terminal.interrupt();

  assertEquals(await code, 0);
  assertMatch(terminal.stdout.text, /hello\n$/);
  assertEquals(
    terminal.stderr.text,
    'there is no agent "wbe-1" yet (did you mean "web-1"?)\n',
  );
});

Deno.test("events of an agent that may not be looked up ends with the Manager's error", async () => {
  for (const flags of [[], ["--follow"]]) {
    const manager = new FakeManager();
    manager.listRefusal = new PiriError("REFUSED", "Cannot list agents: no");
    const { code, stderr } = await see(
      ["events", "--agent", "web-1", ...flags],
      { manager },
    );

    assertEquals([code, stderr], [4, "error: Cannot list agents: no\n"]);
  }
});

Deno.test("events asks for the wanted agents and kinds, and those after a cursor", async () => {
  const manager = new FakeManager();
  manager.agents = [agent({ id: "web-1" }), agent({ id: "web-2" })];
  await see([
    ...["events", "--agent", "web-1", "--agent", "web-2"],
    ...["--kind", "command_*", "--after", "5/run/1"],
  ], { manager });

  assertEquals(
    manager.eventRequests.map(({ agents, kinds, after }) => [
      agents,
      kinds,
      after,
    ]),
    [[["web-1", "web-2"], ["command_*"], "5/run/1"]],
  );
});

Deno.test("an event of a command's record names its command once, and has no id in JSON", async () => {
  const manager = new FakeManager();
  manager.events = [event({
    id: 0n,
    kind: "command_succeeded",
    agent: "web-1",
    commandId: 3n,
    message: 'command 3 (echo.Echo) on "web-1" succeeded',
    cursor: "5/command_succeeded/3",
  })];
  const text = await see(["events"], { manager });
  assertEquals(
    text.stdout,
    `${
      localTime(START)
    }  command_succeeded  web-1  command 3 (echo.Echo) on "web-1" succeeded\n`,
  );
  const json = await see(["events", "--json"], { manager });
  const [first] = jsonLines(json.stdout);
  assertEquals(first?.["id"], null);
  assertEquals(first?.["cursor"], "5/command_succeeded/3");
});

Deno.test("events --json prints an object a line", async () => {
  const manager = new FakeManager();
  manager.events = [event({ message: "hello", cursor: "1/agent_connected/1" })];
  const { stdout } = await see(["events", "--json"], { manager });

  assertEquals(jsonLines(stdout), [{
    id: "1",
    cursor: "1/agent_connected/1",
    at: "2026-01-01T00:00:00.000Z",
    kind: "agent_connected",
    agent: null,
    command: null,
    message: "hello",
  }]);
});

Deno.test("status prints the Manager's state, for people and for programs", async () => {
  const manager = new FakeManager();
  manager.status = create(GetStatusResponseSchema, {
    version: "0.1.0",
    managerId: "m-1",
    startedAtMs: BigInt(NOON),
    listen: "0.0.0.0:7051",
    advertise: "mgr:7051",
    agentsConnected: 2,
    agentsKnown: 3,
    commandsOpen: 1,
    commandsTotal: 99n,
    outputBytes: 1_536n,
    databaseBytes: 1_073_741_824n,
    retention: {
      days: 30,
      outputBytes: 1_073_741_824n,
      outputBytesPerCommand: 67_108_864n,
    },
    certificateExpiresAtMs: BigInt(NOON),
    counters: { "frames.refused": 2n, "frames.late": 0n },
  });
  const text = await see(["status"], { manager });
  const json = await see(["status", "--json"], { manager });

  assertStringIncludes(
    text.stdout,
    "agents:            2 of 3 connected\n" +
      "commands:          1 open, 99 in all\n" +
      "output:            1.5 KiB\n" +
      "database:          1.0 GiB\n" +
      "keeps:             30 days, 1.0 GiB of output, 64.0 MiB of a command\n",
  );
  assertStringIncludes(text.stdout, "frames.refused:    2\n");
  const [value] = jsonLines(json.stdout);
  assertEquals(
    [value?.["startedAt"], value?.["commandsTotal"], value?.["counters"]],
    [
      "2026-01-01T12:00:00.000Z",
      "99",
      { "frames.refused": "2", "frames.late": "0" },
    ],
  );
});

Deno.test("status --prometheus prints the numbers as Prometheus reads them, and is not for JSON", async () => {
  const manager = new FakeManager();
  const { code, stdout } = await see(["status", "--prometheus"], { manager });
  const both = await see(["status", "--prometheus", "--json"], { manager });

  assertEquals(code, 0);
  assertMatch(
    stdout,
    /^# HELP piri_build_info .*\n# TYPE piri_build_info gauge\n/,
  );
  assertEquals(stdout.endsWith("\n") && !stdout.endsWith("\n\n"), true);
  assertEquals(both.code, 2);
  assertStringIncludes(both.stderr, "Cannot print both");
});

Deno.test("status and agents say that the Manager cannot write its database", async () => {
  const manager = new FakeManager();
  manager.agents = [agent()];
  const well = await see(["status", "--json"], { manager });
  manager.status = create(GetStatusResponseSchema, {
    writeFailure: {
      sinceMs: BigInt(NOON),
      lastMs: BigInt(NOON + 60_000),
      reason: "database or disk is full",
    },
  });
  const text = await see(["status"], { manager });
  const json = await see(["status", "--json"], { manager });
  const list = await see(["agents"], { manager });
  const listJson = await see(["agents", "--json"], { manager });

  assertEquals(jsonLines(well.stdout)[0]?.["writeFailure"], null);
  assertStringIncludes(
    text.stdout,
    `cannot write:      since ${localTime(NOON)}, last tried ${
      localTime(NOON + 60_000)
    }: database or disk is full\n`,
  );
  assertEquals(jsonLines(json.stdout)[0]?.["writeFailure"], {
    since: "2026-01-01T12:00:00.000Z",
    last: "2026-01-01T12:01:00.000Z",
    reason: "database or disk is full",
  });
  assertEquals(
    list.stderr,
    `the Manager cannot write its database since ${
      localTime(NOON)
    }: database or disk is full; agents that report something are sent away until it can\n`,
  );
  assertEquals(listJson.stderr, "");
});

Deno.test("init prints the files that it has made in the folder of --dir", async () => {
  const { stdout } = await see(["init", "--dir", "/srv/piri"]);
  const json = await see(["init", "--advertise", "mgr:7051", "--json"]);

  assertEquals(
    stdout,
    "/srv/piri/config.yaml\n" +
      "listens on 0.0.0.0:7051, agents use host:7051\n" +
      "authority: SHA-256 AB:CD\n",
  );
  assertEquals(jsonLines(json.stdout)[0]?.["advertise"], "mgr:7051");
});

Deno.test("serve reports when it is ready, and ends with 0 once it was asked to and is idle", async () => {
  const { manager, terminal, code } = await start([
    "serve",
    "--guard",
    "--log-level",
    "debug",
  ]);
  const [served] = manager.served;
  const before = served?.signal.aborted;
  await terminal.signal("SIGTERM");
  const after = served?.signal.aborted;
  served?.rest();

  assertEquals(await code, 0);
  assertEquals([before, after], [false, true]);
  assertEquals(
    terminal.stdout.text,
    "ready: agents at 0.0.0.0:7051, control at /run/control.sock\n",
  );
  assertEquals(served?.options, {
    dir: "/var/lib/piri-manager",
    log: { level: "debug" },
    guard: true,
    control: undefined,
  });
  assertEquals(terminal.isListening, false);
});

Deno.test("serve does not wait when it is asked twice to stop", async () => {
  const { terminal, code } = await start(["serve"]);
  await terminal.interrupt();
  await terminal.interrupt();

  assertEquals(await code, 7);
});
