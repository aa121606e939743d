import { Code, ConnectError } from "@connectrpc/connect";
import { assertEquals } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { apiError, command, FakeManager } from "../fake_manager.ts";
import { jsonLines, see, start } from "./start.ts";

/** A Manager that answers a rerun of command 12 with command 13. */
function manager(): FakeManager {
  const manager = new FakeManager();
  manager.commands = [command({ id: 13n, rerunOf: 12n, timeoutMs: 60_000 })];
  return manager;
}

Deno.test("rerun shows the new command's output, and ends with its exit code", async () => {
  const { manager: asked, terminal, code } = await start(["rerun", "12"], {
    manager: manager(),
    env: { USER: "ann" },
  });
  const ended = command({ id: 13n, state: CommandState.FAILED, exitCode: 3 });
  asked.watch.state(command({ id: 13n })).output(13n, "hello\n")
    .state(ended).end();

  assertEquals(await code, 1);
  assertEquals(terminal.stdout.text, "hello\n");
  const [request] = asked.reruns;
  assertEquals(
    [request?.commandId, request?.requestedBy, request?.requestId.length],
    [12n, "ann", 32],
  );
});

Deno.test("rerun --detach prints the new command's id and does not wait", async () => {
  const text = await see(["rerun", "12", "--detach"], { manager: manager() });
  const json = await see(["rerun", "12", "--detach", "--json"], {
    manager: manager(),
  });

  assertEquals([text.code, text.stdout], [0, "13\n"]);
  assertEquals(
    jsonLines(json.stdout).map(({ id, rerunOf }) => [id, rerunOf]),
    [["13", "12"]],
  );
  assertEquals(text.manager.watches, []);
});

Deno.test("Ctrl-C cancels the new command, not the one that it repeats", async () => {
  const { manager: asked, terminal, code } = await start(["rerun", "12"], {
    manager: manager(),
  });
  await terminal.interrupt();
  asked.watch.state(command({ id: 13n }))
    .state(command({ id: 13n, state: CommandState.CANCELLED })).end();

  assertEquals(await code, 7);
  assertEquals(asked.cancels.map(({ commandId }) => commandId), [13n]);
});

Deno.test("rerun repeats a request that was cut off, and still starts one command", async () => {
  const asked = manager();
  asked.onRerun = () => {
    asked.onRerun = () => {};
    throw new ConnectError("connection reset", Code.Unavailable);
  };
  const { terminal, code } = await start(["rerun", "12", "--detach"], {
    manager: asked,
  });
  await terminal.clock.advance(5_000);

  assertEquals(await code, 0);
  const ids = asked.reruns.map(({ requestId }) => requestId);
  assertEquals([ids.length, new Set(ids).size], [2, 1]);
});

Deno.test("rerun stops waiting a while after the timeout of the original command", async () => {
  const { terminal, code } = await start(["rerun", "12"], {
    manager: manager(),
  });
  await terminal.clock.advance(80_000);

  assertEquals(await code, 6);
});

Deno.test("rerun of a command that has not ended exits 1 and tells so", async () => {
  const asked = manager();
  asked.onRerun = () => {
    throw apiError(
      "FAILED_PRECONDITION",
      "Cannot run command 12 again: it has not ended, it is running",
      Code.FailedPrecondition,
    );
  };
  const { code, stdout, stderr } = await see(["rerun", "12"], {
    manager: asked,
  });

  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr,
    "error: Cannot run command 12 again: it has not ended, it is running\n",
  );
});

Deno.test("give-up ends a wait, and tells who asked and that it ends nothing else", async () => {
  const asked = new FakeManager();
  asked.commands = [command({ state: CommandState.LOST, presumed: true })];
  const options = { manager: asked, env: { USER: "ann" } };
  const text = await see(["give-up", "12"], options);
  const json = await see(["give-up", "12", "--json"], options);

  assertEquals(
    [text.code, text.stdout],
    [0, "12: given up; if it has begun, that does not end it\n"],
  );
  assertEquals(
    asked.givenUp.map(({ commandId, requestedBy }) => [commandId, requestedBy]),
    [[12n, "ann"], [12n, "ann"]],
  );
  assertEquals(
    jsonLines(json.stdout).map(({ state, presumed }) => [state, presumed]),
    [["lost", true]],
  );
});

Deno.test("give-up of an unknown command exits 5", async () => {
  const { code } = await see(["give-up", "99"]);

  assertEquals(code, 5);
});
