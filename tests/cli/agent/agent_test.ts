import { assertEquals } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { agentProgram } from "../../../lib/cli/agent/program.ts";
import type {
  AgentServices,
  CheckStep,
} from "../../../lib/cli/agent/services.ts";
import type { Life } from "../../../lib/cli/life.ts";
import { main } from "../../../lib/cli/main.ts";
import { FakeTerminal, type Surroundings } from "../fake_terminal.ts";
import { BUILD } from "../manager/start.ts";

/** Services that note all calls, and answer as a test says. */
class FakeAgent implements AgentServices {
  readonly asked: unknown[] = [];
  steps: CheckStep[] = [];
  refusal: PiriError | undefined;
  signal: AbortSignal | undefined;
  reloads = 0;

  join(
    options: { dir: string; token: string },
  ): Promise<{ name: string; address: string }> {
    this.asked.push(options);
    return this.refusal === undefined
      ? Promise.resolve({ name: "web-1", address: "mgr:7051" })
      : Promise.reject(this.refusal);
  }

  run(options: unknown, { signal, onReload }: Life): Promise<void> {
    this.asked.push(options);
    this.signal = signal;
    onReload(() => this.reloads++);
    return new Promise((resolve) =>
      signal.addEventListener("abort", () => resolve())
    );
  }

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
  await see(["join", "-", "--dir", "/srv"], options);

  assertEquals(
    [code, stdout],
    [0, "joined as web-1, the Manager is at mgr:7051\n"],
  );
  assertEquals(agent.asked, [
    { dir: "/var/lib/piri-agent", token: "typed" },
    { dir: "/var/lib/piri-agent", token: "filed" },
    { dir: "/srv", token: "piped" },
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
