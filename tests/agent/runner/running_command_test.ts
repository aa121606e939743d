import { assertEquals } from "@std/assert";
import {
  CommandResult_Status,
  OnDisconnect,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { factsOf } from "../../../lib/agent/runner/command_facts.ts";
import { CommandRecord } from "../../../lib/agent/runner/command_record.ts";
import { RunningCommand } from "../../../lib/agent/runner/running_command.ts";
import { Limits } from "../../../lib/base/limits.ts";
import { SUCCEEDED } from "../../support/fake_workers.ts";
import { commandOf, MANAGER, MemoryAgent } from "../../support/memory_agent.ts";
import type { Init } from "../../support/scripted_peer.ts";

/** Command that runs in a worker which notes its calls. */
async function startCommand(init: Init<"command"> = {}) {
  const core = await MemoryAgent.start();
  const entry = await core.journal.accept({
    id: 1n,
    nonce: 1n,
    managerId: MANAGER,
    command: new Uint8Array(),
  });
  const calls: string[] = [];
  const command = commandOf({ commandId: 1n, ...init });
  const dialect = { hasPositionalParams: false };
  const facts = factsOf(command, { managerId: MANAGER, dialect });
  const running = new RunningCommand(core.clock, {
    entry,
    command,
    record: new CommandRecord(core, facts),
    most: {},
  });
  running.begin({
    stop: () => calls.push("stop"),
    kill: () => calls.push("kill"),
    abandon: () => calls.push("abandon"),
  }, () => calls.push("given up"));
  return {
    core,
    entry,
    running,
    calls,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

Deno.test("output waits from a whole window on, and not once the end was asked for", async () => {
  await using command = await startCommand();
  const { entry, running } = command;

  await entry.append("stdout", new Uint8Array(Limits.window - 1));
  assertEquals(running.mustWait, false);
  await entry.append("stderr", new Uint8Array(1));
  assertEquals(running.mustWait, true);
  await entry.acknowledge({ stdout: 1n, stderr: 0n });
  assertEquals(running.mustWait, false);
  await entry.append("stdout", new Uint8Array(1));
  running.ask("cancelled");
  assertEquals(running.mustWait, false);
});

Deno.test("a command that must not outlive its link is asked to end only while the link is away", async () => {
  await using command = await startCommand({
    onDisconnect: OnDisconnect.KILL,
    killAfterMs: 1_000,
  });
  const { core, running, calls } = command;

  running.linkDown();
  await core.clock.advance(999);
  running.linkUp();
  await core.clock.advance(60_000);
  assertEquals(calls, []);
  running.linkDown();
  await core.clock.advance(1_000);
  assertEquals(calls, ["stop"]);
});

Deno.test("a command that is not ended by its worker is asked, killed and given up in turn", async () => {
  await using command = await startCommand({ timeoutMs: 2_000 });
  const { core, calls } = command;

  await core.clock.advance(2_000);
  assertEquals(calls, ["stop"]);
  await core.clock.advance(5_000);
  assertEquals(calls, ["stop", "kill"]);
  await core.clock.advance(10_000);
  assertEquals(calls, ["stop", "kill", "abandon", "given up"]);
});

Deno.test("a command ends once, and its time limits end with it", async () => {
  await using command = await startCommand({ timeoutMs: 2_000 });
  const { core, running, calls } = command;

  const result = running.end(SUCCEEDED);
  assertEquals(result?.status, CommandResult_Status.SUCCESS);
  assertEquals(running.end(SUCCEEDED), undefined);
  await core.clock.advance(60_000);
  assertEquals(calls, []);
});

Deno.test("a cancel waits for a shielded program, and gives its usual grace once that is over", async () => {
  const { core, running, calls } = await startCommand();
  await using _ = core;
  running.shield(true);

  running.ask("cancelled");
  await core.clock.advance(60_000);
  const shielded = [...calls];
  running.shield(false);
  await core.clock.advance(4_999);
  const within = [...calls];
  await core.clock.advance(1);

  assertEquals(shielded, ["stop"]);
  assertEquals(within, ["stop"]);
  assertEquals(calls, ["stop", "kill"]);
});

Deno.test("a cancel waits for a program that was shielded before its worker heard of the end", async () => {
  const { core, running, calls } = await startCommand();
  await using _ = core;

  running.ask("cancelled");
  running.shield(true);
  await core.clock.advance(60_000);
  const waiting = [...calls];
  running.ask("cancelled", 999);
  await core.clock.advance(999);

  assertEquals(waiting, ["stop"]);
  assertEquals(calls, ["stop", "kill"]);
});

Deno.test("a shielded program is ended by force when its ten minutes are over", async () => {
  const { core, running, calls } = await startCommand();
  await using _ = core;
  running.shield(true);

  running.ask("timedOut");
  await core.clock.advance(600_000);

  assertEquals(calls, ["stop", "kill"]);
});
