import { assertEquals } from "@std/assert";
import {
  type Command,
  CommandState,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { jsonLines, see, start } from "./start.ts";

const RUN = ["run", "web-1", "--exit-code", "--", "x"];

/** Runs a command to this end. */
async function runTo(
  last: Command,
  flags: readonly string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start([...flags, ...RUN], { manager });
  manager.watch.state(command()).state(last).end();
  return {
    code: await code,
    stdout: terminal.stdout.text,
    stderr: terminal.stderr.text,
  };
}

const { SUCCEEDED, FAILED, CANCELLED, TIMED_OUT, REFUSED, LOST } = CommandState;

for (
  const [what, end, code, line] of [
    ["that succeeds", { state: SUCCEEDED, exitCode: 0 }, 0, ""],
    ["with code 1", { state: FAILED, exitCode: 1 }, 1, "failed, exit code 1"],
    [
      "with code 42",
      { state: FAILED, exitCode: 42 },
      42,
      "failed, exit code 42",
    ],
    [
      "with code 255",
      { state: FAILED, exitCode: 255 },
      255,
      "failed, exit code 255",
    ],
    [
      "with a code that no shell knows",
      { state: FAILED, exitCode: 256 },
      255,
      "failed, exit code 256",
    ],
    [
      "with a negative code",
      { state: FAILED, exitCode: -1 },
      255,
      "failed, exit code -1",
    ],
    [
      "ended by a signal",
      { state: FAILED, signal: "SIGKILL" },
      255,
      "failed, SIGKILL",
    ],
    [
      "that does not exist",
      { state: FAILED, reason: "Cannot start it: there is none" },
      255,
      "failed: Cannot start it: there is none",
    ],
    [
      "that is timed out, with a code of its own",
      { state: TIMED_OUT, exitCode: 3 },
      255,
      "timed out, exit code 3",
    ],
    ["that is cancelled", { state: CANCELLED }, 255, "cancelled"],
    [
      "that is refused",
      { state: REFUSED, reason: "busy" },
      255,
      "refused: busy",
    ],
    ["that is lost", { state: LOST, reason: "gone" }, 255, "lost: gone"],
  ] as const
) {
  Deno.test(`run --exit-code of a program ${what} exits ${code}`, async () => {
    const seen = await runTo(command(end));

    assertEquals(
      [seen.code, seen.stderr],
      [code, line === "" ? "" : `web-1: ${line}\n`],
    );
  });
}

Deno.test("run --exit-code --json tells the same exit code in its summary", async () => {
  const { code, stdout, stderr } = await runTo(
    command({ state: FAILED, exitCode: 42 }),
    ["--json"],
  );

  assertEquals([code, stderr], [42, ""]);
  assertEquals(jsonLines(stdout).at(-1)?.["exitCode"], 42);
});

Deno.test("run --exit-code exits 255 for errors before the program, and says them", async () => {
  const absent = new FakeManager();
  absent.down = true;
  const unreachable = await see(RUN, { manager: absent });
  const manager = new FakeManager();
  manager.commands = [command()];
  const left = await start(RUN, { manager });
  manager.onCancel = () => new Promise(() => {});
  await left.terminal.interrupt();
  await left.terminal.interrupt();

  assertEquals(
    [unreachable.code, unreachable.stderr],
    [255, "error: Cannot reach the Manager: no socket\n"],
  );
  assertEquals(await left.code, 255);
});

Deno.test("run --exit-code exits 255 when its stdout is closed and the program is cancelled", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(RUN, { manager });
  terminal.stdout.closed = true;
  manager.watch.output(12n, "one\n");
  await terminal.clock.settle();
  manager.watch.state(command()).state(command({ state: CANCELLED })).end();

  assertEquals(await code, 255);
});

Deno.test("run --exit-code refuses several agents, patterns and --detach, and sends nothing", async () => {
  const seen: [number, string, number][] = [];
  for (const words of [["a", "b"], ["web-*"], ["web-1", "--detach"]]) {
    const { code, stderr, manager } = await see(
      ["run", ...words, "--exit-code", "--", "x"],
    );
    seen.push([code, stderr, manager.runs.length]);
  }

  const several =
    'error: Cannot use "--exit-code" for several agents: each has an exit code of its own\n' +
    "hint: name one agent, or take the exit codes from --json\n";
  const detached =
    'error: Cannot use "--exit-code" with "--detach": nobody waits for the exit code\n';
  assertEquals(seen, [[2, several, 0], [2, several, 0], [2, detached, 0]]);
});
