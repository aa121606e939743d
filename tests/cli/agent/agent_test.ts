import { assertEquals, assertStringIncludes } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { agentProgram } from "../../../lib/cli/agent/program.ts";
import type {
  AgentServices,
  CheckedPolicy,
  CheckStep,
  HostCommand,
  HostRecord,
  PolicyServices,
  RecordVerdict,
} from "../../../lib/cli/agent/services.ts";
import type { Life } from "../../../lib/cli/life.ts";
import { localTime } from "../../../lib/cli/time.ts";
import { main } from "../../../lib/cli/main.ts";
import { FakeService } from "../fake_service.ts";
import { FakeWindows } from "../fake_windows.ts";
import { FakeTerminal, type Surroundings } from "../fake_terminal.ts";
import { BUILD } from "../manager/start.ts";

/** Services that note all calls, and answer as a test says. */
class FakeAgent implements AgentServices {
  /** Folders that the guard was asked about. */
  readonly guarded: string[] = [];
  guardSays = "";

  customOperations(): Promise<void> {
    return Promise.resolve();
  }

  guard({ dir }: { readonly dir: string }): Promise<string> {
    this.guarded.push(dir);
    return Promise.resolve(this.guardSays);
  }

  readonly asked: unknown[] = [];
  steps: CheckStep[] = [];
  record: HostRecord = { commands: [], troubles: [] };
  refusal: PiriError | undefined;
  signal: AbortSignal | undefined;
  reloads = 0;
  /** Set if the host has joined by any token. */
  joined: { name: string; address: string } | undefined;
  readonly serviceActs = new FakeService();
  readonly windows = new FakeWindows();
  readonly asWindowsService = this.windows.start;
  service = () => Promise.resolve(this.serviceActs);

  joinedBy() {
    return Promise.resolve(this.joined);
  }

  join(
    { waits: _waits, ...options }: Parameters<AgentServices["join"]>[0],
  ): Promise<{ name: string; address: string }> {
    this.asked.push(options);
    return this.refusal === undefined
      ? Promise.resolve({ name: "web-1", address: "mgr:7051" })
      : Promise.reject(this.refusal);
  }

  async run(options: unknown, life: Life): Promise<void> {
    const { signal, onReload, onRestart, serviceManager } = life;
    if (this.refusal !== undefined) throw this.refusal;
    this.asked.push(options);
    this.signal = signal;
    onReload(() => this.reloads++);
    serviceManager?.ready();
    const isRestart = await new Promise<boolean>((resolve) => {
      onRestart(() => resolve(true));
      signal.addEventListener("abort", () => resolve(false));
    });
    serviceManager?.stopping(isRestart);
  }

  commands(options: unknown): Promise<HostRecord> {
    this.asked.push(options);
    return Promise.resolve(this.record);
  }

  verdict: RecordVerdict = { lines: 3, first: 2, findings: [], notes: [] };

  verifyCommands(): Promise<RecordVerdict> {
    return Promise.resolve(this.verdict);
  }

  checked: CheckedPolicy = {
    path: "/var/lib/piri-agent/policy.yaml",
    mode: "all",
    edition: "full",
    sha256: "",
    error: "",
    rules: 0,
    signers: [],
    require: [],
    unlimitedBy: ["mode: all allows every program"],
  };
  decision = { rule: "allow 1", refusal: "", signatures: 0 };
  readonly policy: PolicyServices = {
    check: () => Promise.resolve(this.checked),
    test: (_dir, asked) => {
      this.asked.push(asked);
      return Promise.resolve(this.decision);
    },
    reload: () =>
      this.refusal === undefined
        ? Promise.resolve(17)
        : Promise.reject(this.refusal),
  };

  async *check(): AsyncGenerator<CheckStep> {
    yield* await Promise.resolve(this.steps);
  }
}

interface Seen {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly agent: FakeAgent;
}

/** Runs a subcommand of the agent to its end. */
async function see(
  args: readonly string[],
  { agent = new FakeAgent(), ...surroundings }:
    & Surroundings
    & { agent?: FakeAgent } = {},
): Promise<Seen> {
  const terminal = new FakeTerminal(surroundings);
  const code = await main(programOf(agent), args, terminal);
  return {
    code,
    stdout: terminal.stdout.text,
    stderr: terminal.stderr.text,
    agent,
  };
}

function programOf(services: AgentServices) {
  return agentProgram({
    build: BUILD,
    defaultDir: () => "/var/lib/piri-agent",
    services,
  });
}

Deno.test("join takes its token as an argument, from a file and from stdin", async () => {
  const agent = new FakeAgent();
  const options = { agent, files: { t: "filed\n" }, stdin: "piped\n" };
  const { code, stdout } = await see(["join", "typed"], options);
  await see(["join", "--token-file", "t"], options);
  await see(["join", "-", "--dir", "/srv", "--name", "web-1"], options);

  assertEquals(
    [code, stdout],
    [0, "joined as web-1, the Manager is at mgr:7051\n"],
  );
  assertEquals(agent.asked, [
    { dir: "/var/lib/piri-agent", token: "typed", name: "", replace: false },
    { dir: "/var/lib/piri-agent", token: "filed", name: "", replace: false },
    { dir: "/srv", token: "piped", name: "web-1", replace: false },
  ]);
});

Deno.test("join --json prints what the host is now", async () => {
  const { stdout } = await see(["join", "typed", "--json"]);

  assertEquals(JSON.parse(stdout), { id: "web-1", address: "mgr:7051" });
});

Deno.test("join takes exactly one token", async () => {
  const codes: number[] = [];
  for (
    const args of [["join"], ["join", "a", "--token-file", "b"], ["join", "-"]]
  ) {
    codes.push((await see(args, { stdin: " \n" })).code);
  }

  assertEquals(codes, [2, 2, 2]);
});

Deno.test("join takes its token from a variable, and --token-file - from stdin", async () => {
  const agent = new FakeAgent();
  const options = { agent, stdin: "piped\n", env: { PIRI_JOIN_TOKEN: "var" } };
  await see(["join"], options);
  await see(["join", "--token-file", "-", "--replace"], options);

  assertEquals(agent.asked, [
    { dir: "/var/lib/piri-agent", token: "var", name: "", replace: false },
    { dir: "/var/lib/piri-agent", token: "piped", name: "", replace: true },
  ]);
});

Deno.test("join --service copies, joins, installs, starts and waits, in this order", async () => {
  const agent = new FakeAgent();
  const { code, stdout, stderr } = await see(["join", "typed", "--service"], {
    agent,
  });

  assertEquals(
    [code, stdout, stderr],
    [
      0,
      "joined as web-1, the Manager is at mgr:7051\nit runs as a service and is connected\n",
      "done  copied\ndone  did install\nok    left the rest\ndone  did start\nok    left the rest\nafter start\n",
    ],
  );
  const dir = "/var/lib/piri-agent";
  assertEquals(agent.asked, [
    { dir, token: "typed", name: "", replace: false },
  ]);
  assertEquals(agent.serviceActs.asked, [
    "copy",
    { install: { dir, isCopied: true } },
    { start: {} },
    { wait: dir, ms: 30_000 },
  ]);
});

Deno.test("join --service of a host that has joined by this token leaves its identity alone", async () => {
  const agent = new FakeAgent();
  agent.joined = { name: "web-1", address: "mgr:7051" };
  const { code } = await see(["join", "typed", "--service"], { agent });

  assertEquals([code, agent.asked], [0, []]);
});

Deno.test("join --service --replace stops the agent that runs before it joins", async () => {
  const agent = new FakeAgent();
  await see(["join", "typed", "--service", "--replace"], { agent });

  assertEquals(agent.serviceActs.asked.slice(0, 3), [
    "copy",
    { status: "/var/lib/piri-agent" },
    { stop: {} },
  ]);
});

Deno.test("join --service exits 3 if the service is not connected in time", async () => {
  const agent = new FakeAgent();
  agent.serviceActs.unconnected = new PiriError("UNAVAILABLE", "Cannot: why");
  const { code, stdout } = await see(["join", "typed", "--service"], { agent });

  assertEquals([code, stdout], [3, ""]);
});

Deno.test("a refused join exits 4 and never repeats the token", async () => {
  const agent = new FakeAgent();
  agent.refusal = new PiriError("AUTH_FAILED", "Cannot join: wrong token");
  const { code, stdout, stderr } = await see(["join", "secret"], { agent });

  assertEquals([code, stdout], [4, ""]);
  assertEquals(stderr, "error: Cannot join: wrong token\n");
});

Deno.test("join from a missing file exits 5", async () => {
  assertEquals((await see(["join", "--token-file", "x"])).code, 5);
});

Deno.test("run ends with 0 when the system asks it to", async () => {
  const agent = new FakeAgent();
  const terminal = new FakeTerminal();
  const code = main(
    programOf(agent),
    ["run", "--log-format", "json"],
    terminal,
  );
  await terminal.clock.settle();
  const before = agent.signal?.aborted;
  await terminal.signal("SIGTERM");

  assertEquals(await code, 0);
  assertEquals(before, false);
  assertEquals(agent.asked, [
    { dir: "/var/lib/piri-agent", log: { format: "json" } },
  ]);
});

Deno.test("service run does what Windows asks, and tells it how it fares", async () => {
  const agent = new FakeAgent();
  const terminal = new FakeTerminal();
  const code = main(programOf(agent), ["service", "run"], terminal);
  await terminal.clock.settle();
  agent.windows.ask("reload");
  assertEquals(agent.reloads, 1);
  agent.windows.ask("stop");

  assertEquals(await code, 0);
  assertEquals(agent.asked, [{ dir: "/var/lib/piri-agent", log: {} }]);
  assertEquals(agent.windows.told, [
    "ready",
    "information: It runs",
    "stopping",
    "information: It stops",
    "ended with 0",
  ]);
});

Deno.test("service run ends with a code that lets Windows start it again", async () => {
  const agent = new FakeAgent();
  const terminal = new FakeTerminal();
  const code = main(programOf(agent), ["service", "run"], terminal);
  await terminal.clock.settle();
  agent.windows.ask("restart");

  assertEquals(await code, 75);
  assertEquals(agent.windows.told.slice(-2), [
    "information: It stops, and starts again",
    "ended with 75",
  ]);
});

Deno.test("service run reports its refusal to the log of Windows", async () => {
  const agent = new FakeAgent();
  agent.refusal = new PiriError("FAILED_PRECONDITION", "Cannot run: no key");
  const { code, stderr } = await see(["service", "run"], { agent });

  assertEquals([code, stderr], [1, ""]);
  assertEquals(agent.windows.told, [
    "error: Cannot run: no key",
    "ended with 1",
  ]);
});

Deno.test("check prints each step, and exits 0 when all succeed", async () => {
  const agent = new FakeAgent();
  agent.steps = [
    { step: "config", ok: true, detail: "joined as web-1" },
    { step: "address", ok: true, detail: "mgr:7051\nconnects" },
  ];
  const { code, stdout } = await see(["check"], { agent });

  assertEquals(code, 0);
  assertEquals(
    stdout,
    "ok      config    joined as web-1\n" +
      "ok      address   mgr:7051 connects\n",
  );
});

for (
  const [step, exit] of [
    ["config", 1],
    ["name", 3],
    ["address", 3],
    ["tls", 3],
    ["clock", 1],
    ["identity", 4],
  ] as const
) {
  Deno.test(`check exits ${exit} when ${step} fails first`, async () => {
    const agent = new FakeAgent();
    agent.steps = [
      { step: "name", ok: true, detail: "" },
      { step, ok: false, detail: "no" },
      { step: "clock", ok: false, detail: "no" },
    ];
    const { code, stdout } = await see(["check", "--json"], { agent });

    assertEquals(code, exit);
    assertEquals(
      stdout.trimEnd().split("\n").map((line) => JSON.parse(line).ok),
      [true, false, false],
    );
  });
}

const NOON = Date.parse("2026-01-01T12:00:00Z");

/** Command of a host's record. */
function recorded(known: Partial<HostCommand> = {}): HostCommand {
  return {
    id: 17n,
    nonce: 255n,
    managerId: "m-1",
    operation: "command.Run",
    program: "/bin/ls",
    requestedBy: "root (sudo: anna)",
    state: "succeeded",
    why: "",
    acceptedAt: NOON,
    startedAt: NOON + 1,
    cancelledAt: undefined,
    finishedAt: NOON + 1_501,
    tookMs: 1_500,
    exitCode: 0,
    signal: undefined,
    ...known,
  };
}

/** Agent with this record. */
function recording(
  commands: readonly HostCommand[],
  ...troubles: string[]
): FakeAgent {
  const agent = new FakeAgent();
  agent.record = { commands, troubles };
  return agent;
}

Deno.test("commands lists the record of the host, newest first, and tells what is missing in it", async () => {
  const agent = recording([
    recorded(),
    recorded({
      id: 18n,
      state: "failed",
      exitCode: 3,
      requestedBy: "",
      program: "\x1b[31mls",
    }),
    recorded({
      id: 19n,
      state: "running",
      why: "the agent stops",
      finishedAt: undefined,
      tookMs: undefined,
      exitCode: undefined,
    }),
    recorded({ id: 20n, state: "timed_out", signal: "SIGKILL" }),
  ], "2 lines are missing");

  const { code, stdout, stderr } = await see(["commands"], { agent });

  const at = localTime(NOON);
  assertEquals(stdout.split("\n"), [
    `ID  STATE                CREATED              TOOK   BY                 WHAT`,
    `20  timed out, SIGKILL   ${at}  1.5 s  root (sudo: anna)  command.Run /bin/ls`,
    `19  running, cancelled   ${at}         root (sudo: anna)  command.Run /bin/ls`,
    `18  failed, exit code 3  ${at}  1.5 s                     command.Run \\x1b[31mls`,
    `17  succeeded            ${at}  1.5 s  root (sudo: anna)  command.Run /bin/ls`,
    "",
  ]);
  assertEquals([code, stderr], [0, "record: 2 lines are missing\n"]);
  assertEquals(agent.asked, [{ dir: "/var/lib/piri-agent" }]);
});

Deno.test("commands --verify says that the record is whole, or where it is broken, with exit code 1", async () => {
  const agent = new FakeAgent();
  const whole = await see(["commands", "--verify"], { agent });
  assertEquals([whole.code, whole.stdout], [
    0,
    "ok: 3 lines, from number 2 on: none was changed, removed, added or moved\n",
  ]);
  agent.verdict = { ...agent.verdict, findings: ["x was changed"] };
  const broken = await see(["commands", "--verify"], { agent });
  assertEquals([broken.code, broken.stdout], [
    1,
    "The record is broken (3 lines, from number 2 on):\nx was changed\n",
  ]);
  const { stdout } = await see(["commands", "--verify", "--json"], { agent });
  assertEquals(JSON.parse(stdout), {
    lines: 3,
    first: 2,
    findings: ["x was changed"],
    notes: [],
  });
});

Deno.test("commands --json prints one object a line, with everything that the record has", async () => {
  const agent = recording([
    recorded(),
    recorded({ state: "accepted", exitCode: undefined, tookMs: undefined }),
  ]);

  const { stdout } = await see(["commands", "--json", "--limit", "2"], {
    agent,
  });

  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines[1], {
    id: "17",
    operation: "command.Run",
    program: "/bin/ls",
    requestedBy: "root (sudo: anna)",
    state: "succeeded",
    exitCode: 0,
    signal: null,
    reason: null,
    acceptedAt: "2026-01-01T12:00:00.000Z",
    startedAt: "2026-01-01T12:00:00.001Z",
    cancelledAt: null,
    finishedAt: "2026-01-01T12:00:01.501Z",
    tookMs: 1_500,
    manager: "m-1",
    nonce: "00000000000000ff",
  });
  assertEquals([lines.length, lines[0].exitCode, lines[0].tookMs], [
    2,
    null,
    null,
  ]);
});

for (
  const [flags, ids] of [
    [["--limit", "2"], ["4", "3"]],
    [["--state", "failed"], ["3", "1"]],
    [["--state", "failed", "--limit", "1"], ["3"]],
    [["--since", "90s"], ["4", "3"]],
  ] as const
) {
  Deno.test(`commands ${flags.join(" ")} lists what fits`, async () => {
    const now = new FakeTerminal().clock.now();
    const agent = recording([
      recorded({ id: 1n, state: "failed", acceptedAt: now - 400_000 }),
      recorded({ id: 2n, acceptedAt: now - 300_000 }),
      recorded({
        id: 3n,
        state: "failed",
        acceptedAt: undefined,
        startedAt: undefined,
        finishedAt: now - 60_000,
      }),
      recorded({ id: 4n, acceptedAt: now }),
    ]);

    const { stdout } = await see(["commands", "--json", ...flags], { agent });

    assertEquals(
      stdout.trim().split("\n").map((line) => JSON.parse(line).id),
      [...ids],
    );
  });
}

Deno.test("policy check tells mode, rules and the ways around them, and exits 2 if the file is wrong", async () => {
  const agent = new FakeAgent();
  assertEquals(
    (await see(["policy", "check"], { agent })).stdout,
    "no /var/lib/piri-agent/policy.yaml, so every command is allowed\n" +
      "unlimited: mode: all allows every program\n",
  );
  agent.checked = {
    ...agent.checked,
    mode: "rules",
    sha256: "abc",
    rules: 2,
    signers: ["alice", "bob"],
    require: [{ do: ["command.Run", "file.*"], signatures: 2 }],
    unlimitedBy: [],
  };
  assertEquals(
    (await see(["policy", "check"], { agent })).stdout,
    "ok: mode rules, 2 rules, SHA-256 abc\n" +
      "command.Run, file.*: 2 signatures of alice, bob\n",
  );
  assertEquals(
    JSON.parse((await see(["policy", "check", "--json"], { agent })).stdout),
    {
      mode: "rules",
      edition: "full",
      sha256: "abc",
      rules: 2,
      signers: ["alice", "bob"],
      require: [{ do: ["command.Run", "file.*"], signatures: 2 }],
      unlimited: false,
      unlimitedBy: [],
    },
  );
  agent.checked = { ...agent.checked, error: 'Cannot read "policy.yaml": x' };
  const { code, stderr } = await see(["policy", "check"], { agent });
  assertEquals([code, stderr], [2, 'error: Cannot read "policy.yaml": x\n']);
});

Deno.test("policy test says which rule decides, and exits 4 for a refusal", async () => {
  const agent = new FakeAgent();
  const line = ["policy", "test", "--user", "deploy:www", "--env", "A=b=c"];
  const allowed = await see([...line, "--", "/bin/id", "-u"], { agent });
  assertEquals([allowed.code, allowed.stdout], [0, "allowed by allow 1\n"]);
  agent.decision = { rule: "allow 1", refusal: "", signatures: 2 };
  const signed = await see(["policy", "test", "--", "/bin/id"], { agent });
  assertEquals(signed.stdout, "allowed by allow 1, with 2 signatures\n");
  agent.asked.splice(1);
  agent.decision = {
    rule: "no rule",
    refusal: "Cannot run x here: no",
    signatures: 0,
  };
  const refused = await see(
    ["policy", "test", "--op", "file.Read", "path=/x", "parts:=[1]"],
    { agent },
  );
  assertEquals([refused.code, refused.stdout], [
    4,
    "refused by no rule: Cannot run x here: no\n",
  ]);
  assertEquals(agent.asked, [
    {
      operation: "command.Run",
      params: JSON.stringify({
        argv: ["/bin/id", "-u"],
        user: "deploy",
        group: "www",
        env: { A: "b=c" },
      }),
    },
    {
      operation: "file.Read",
      params: JSON.stringify({ path: "/x", parts: [1] }),
    },
  ]);
  assertEquals((await see(["policy", "test"])).code, 2);
  assertEquals((await see(["policy", "test", "--op", "x", "y"])).code, 2);
});

Deno.test("policy reload names the process that reads it again, and says why none does", async () => {
  const agent = new FakeAgent();
  assertEquals(
    (await see(["policy", "reload"], { agent })).stdout,
    "the agent, process 17, reads its policy again; its log says how that went\n",
  );
  agent.refusal = new PiriError("FAILED_PRECONDITION", "Cannot reload: none");
  const { code, stderr } = await see(["policy", "reload"], { agent });
  assertEquals([code, stderr], [1, "error: Cannot reload: none\n"]);
});

Deno.test("service guard tells what it did on stderr, and is not in the help", async () => {
  const agent = new FakeAgent();
  agent.guardSays = "Version 0.3.0 is given up";
  const { code, stdout, stderr } = await see(
    ["service", "guard", "--dir", "/srv/a"],
    { agent },
  );
  const help = await see(["service", "--help"], { agent });

  assertEquals([code, stdout], [0, ""]);
  assertStringIncludes(stderr, "Version 0.3.0 is given up");
  assertEquals(agent.guarded, ["/srv/a"]);
  assertEquals(help.stdout.includes("guard"), false);
});
