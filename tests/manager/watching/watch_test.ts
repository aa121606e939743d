import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { watchCommands } from "../../../lib/manager/watching/watch.ts";
import {
  CommandResult_Status,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  type CoreOptions,
  MemoryManager,
  Watcher,
} from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

const { SUCCESS } = CommandResult_Status;

/** A running command, with the messages of its agent. */
class Running implements AsyncDisposable {
  readonly #next = { stdout: 0n, stderr: 0n };

  static async start(options: CoreOptions = {}): Promise<Running> {
    const core = await MemoryManager.start(options);
    await core.knows("web-1");
    const agent = await core.admitted("web-1");
    const { id } = await core.run("web-1");
    await agent.says("progress", { commandId: id, total: 1 });
    await core.clock.settle();
    return new Running(core, agent, id);
  }

  private constructor(
    readonly core: MemoryManager,
    readonly agent: ScriptedPeer,
    readonly id: bigint,
  ) {}

  /** Prints text, and waits until it is recorded. */
  async prints(
    text: string,
    stream: "stdout" | "stderr" = "stdout",
  ): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    await this.agent.says("commandOutput", {
      commandId: this.id,
      stream: stream === "stdout" ? OutputStream.STDOUT : OutputStream.STDERR,
      offset: this.#next[stream],
      bytes,
    });
    this.#next[stream] += BigInt(bytes.length);
    await this.core.clock.settle();
  }

  async ends(): Promise<void> {
    await this.agent.says("result", {
      commandId: this.id,
      status: SUCCESS,
      stdoutBytes: this.#next.stdout,
      stderrBytes: this.#next.stderr,
    });
    await this.core.clock.settle();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.core[Symbol.asyncDispose]();
  }
}

Deno.test("a watch begins with the command, passes output on, and ends with the command", async () => {
  await using running = await Running.start();
  const watcher = running.core.watch(running.id);
  assertEquals(await watcher.next(), "running");
  assertEquals(await watcher.next(), "0 of 1");
  const next = watcher.next();
  await running.prints("one");
  assertEquals(await next, 'stdout 0 "one"');
  await running.prints("oh", "stderr");
  await running.prints("two");
  await running.ends();
  assertEquals(await watcher.rest(), [
    'stderr 0 "oh"',
    'stdout 3 "two"',
    "succeeded",
  ]);
});

Deno.test("a watch of earlier output begins in the store and goes on without gap or repetition", async () => {
  await using running = await Running.start();
  await running.prints("one ");
  await running.prints("two ");
  const watcher = running.core.watch(running.id);
  assertEquals(await watcher.next(), "running");
  await running.prints("three ");
  await running.prints("four");
  await running.ends();
  const told = await watcher.rest();
  assertEquals(
    told.filter((event) => event.startsWith("stdout"))
      .map((event) => /"(.*)"/.exec(event)?.[1]).join(""),
    "one two three four",
  );
  assertEquals(told.at(-1), "succeeded");
});

Deno.test("a watch of an ended command shows all of it", async () => {
  await using running = await Running.start();
  await running.prints("one ");
  await running.prints("oh", "stderr");
  await running.ends();
  assertEquals(await running.core.watch(running.id).rest(), [
    "succeeded",
    'stdout 0 "one "',
    'stderr 0 "oh"',
    "succeeded",
  ]);
});

Deno.test("a watch begins at the requested byte, on each stream", async () => {
  await using running = await Running.start();
  await running.prints("0123456789");
  await running.prints("abcdef", "stderr");
  await running.ends();
  const { core, id } = running;
  const offsets = { stdout: 4n, stderr: 6n };
  assertEquals(await new Watcher(core, [id], offsets).rest(), [
    "succeeded",
    'stdout 4 "456789"',
    "succeeded",
  ]);
});

Deno.test("a watch follows several commands until all have ended", async () => {
  await using running = await Running.start();
  const { core, agent, id } = running;
  const other = await core.run("web-1");
  const watcher = core.watch(id, other.id);
  const all = watcher.rest();
  await running.prints("one");
  await running.ends();
  await agent.says("result", { commandId: other.id, status: SUCCESS });
  const told = await all;
  assertEquals(told.filter((event) => event === "succeeded").length, 2);
  assertEquals(told.includes('stdout 0 "one"'), true);
});

Deno.test("a watch tells when the agent leaves and returns, and when a cancel is requested", async () => {
  await using running = await Running.start();
  const { core, agent, id } = running;
  const { nonce } = await core.commands.get(id);
  const watcher = core.watch(id);
  assertEquals([await watcher.next(), await watcher.next()], [
    "running",
    "0 of 1",
  ]);
  const away = watcher.next();
  agent.hangUp();
  assertEquals(await away, "running");
  const back = watcher.next();
  await core.admitted("web-1", {
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: 2 }],
  });
  assertEquals(await back, "running");
  const cancelled = watcher.next();
  await core.commands.cancel(id);
  assertEquals(await cancelled, "running");
  watcher.stop();
  assertEquals(await watcher.next(), undefined);
});

Deno.test("a slow watcher finds output in the store that is no longer in memory", async () => {
  await using running = await Running.start({ keepBytes: 100_000_000n });
  const watcher = running.core.watch(running.id);
  assertEquals(await watcher.next(), "running");
  for (let count = 0; count < 40; count++) {
    await running.prints(String(count % 10).repeat(60_000));
  }
  await running.ends();
  const told = await watcher.rest();
  const text = told.filter((event) => event.startsWith("stdout"))
    .map((event) => /"(.*)"/.exec(event)?.[1]).join("");
  assertEquals(text.length, 2_400_000);
  assertEquals(/^0{60000}1{60000}2{60000}/.test(text), true);
});

/** Texts of one stream in short events, joined. */
function textOf(events: readonly string[], stream: string): string {
  return events.filter((event) => event.startsWith(`${stream} `))
    .map((event) => /"(.*)"/.exec(event)?.[1]).join("");
}

for (const stream of ["stdout", "stderr"] as const) {
  Deno.test(`a watcher that reads from the store misses nothing printed meanwhile (${stream} first)`, async () => {
    await using running = await Running.start({ keepBytes: 100_000_000n });
    const watcher = running.core.watch(running.id);
    assertEquals(await watcher.next(), "running");
    const other = stream === "stdout" ? "stderr" : "stdout";
    for (let count = 0; count < 30; count++) {
      await running.prints("a".repeat(60_000), stream);
    }
    // It is behind, and is in the middle of what the store has.
    const told = [await watcher.next() ?? "", await watcher.next() ?? ""];
    for (let count = 0; count < 60; count++) {
      await running.prints("b".repeat(60_000), count % 2 ? stream : other);
    }
    told.push(await watcher.next() ?? "");
    for (let count = 0; count < 30; count++) {
      await running.prints("c".repeat(60_000), other);
    }
    await running.ends();
    told.push(...await watcher.rest());

    assertEquals(
      [textOf(told, stream).length, textOf(told, other).length],
      [60 * 60_000, 60 * 60_000],
    );
    assertEquals(told.filter((event) => event.includes("cut")), []);
  });
}

Deno.test("a watcher that reads gets output that is not kept, and delays its acknowledgement", async () => {
  await using running = await Running.start({ keepBytes: 0n });
  const watcher = running.core.watch(running.id);
  assertEquals([await watcher.next(), await watcher.next()], [
    "running",
    "0 of 1",
  ]);
  await running.prints("one");
  await running.prints("two");
  assertEquals((await running.agent.hears("command")).commandId, running.id);
  assertEquals(running.agent.heardSoFar(), []);
  assertEquals(await watcher.next(), 'stdout 0 "one"');
  await running.core.clock.settle();
  assertEquals((await running.agent.hears("commandAck")).stdout, 3n);
  assertEquals(await watcher.next(), 'stdout 3 "two"');
  assertEquals((await running.agent.hears("commandAck")).stdout, 6n);
  await running.ends();
  assertEquals(await watcher.rest(), ["succeeded"]);
});

Deno.test("a watcher that does not read for 10 s is cut off with a reason, and the agent goes on", async () => {
  await using running = await Running.start({ keepBytes: 0n });
  const { core, agent, id } = running;
  const watcher = core.watch(id);
  assertEquals(await watcher.next(), "running");
  await running.prints("one");
  await agent.hears("command");
  await core.clock.advance(9_999);
  assertEquals(agent.heardSoFar(), []);
  await core.clock.advance(1);
  assertEquals((await agent.hears("commandAck")).stdout, 3n);
  assertEquals((await watcher.rest()).at(-1), "cut off");
});

Deno.test("a slow watcher does not stop the Manager from reading the agent's connection", async () => {
  await using running = await Running.start({ keepBytes: 0n });
  const { core, agent } = running;
  const watcher = core.watch(running.id);
  await watcher.next();
  // More than may wait for the disk, and less than would cut the watcher off.
  for (let count = 0; count < 100; count++) {
    await running.prints("x".repeat(60_000));
  }
  await agent.hears("command");
  await agent.says("ping", { data: 5 });
  assertEquals((await agent.hears("pong")).data, 5);
  watcher.stop();
  await core.clock.advance(10_000);
});

Deno.test("output of which nothing was kept is shown as a cut at the end", async () => {
  await using running = await Running.start({ keepBytes: 0n });
  await running.prints("one");
  await running.prints("two");
  await running.ends();
  assertEquals(await running.core.watch(running.id).rest(), [
    "succeeded",
    'stdout 6 "" after a cut of 6',
    "succeeded",
  ]);
});

Deno.test("the middle that was not kept is shown as a cut between the beginning and the end", async () => {
  await using running = await Running.start({ keepBytes: 12n });
  for (const text of ["one", "two", "three", "four"]) {
    await running.prints(text);
  }
  await running.ends();
  assertEquals(await running.core.watch(running.id).rest(), [
    "succeeded",
    'stdout 0 "one"',
    'stdout 11 "four" after a cut of 8',
    "succeeded",
  ]);
});

Deno.test("a watch of no command ends, and one of an unknown command or from below 0 fails", async () => {
  await using running = await Running.start();
  const { core } = running;
  assertEquals(await core.watch().rest(), []);
  const missing = await assertRejects(() => core.watch(99n).next(), PiriError);
  assertEquals(missing.code, "NOT_FOUND");
  const below = new Watcher(core, [running.id], { stdout: -1n });
  const error = await assertRejects(() => below.next(), PiriError);
  assertEquals(error.code, "INVALID_ARGUMENT");
});

Deno.test("the last event of a watch is the recorded end", async () => {
  await using running = await Running.start();
  const { core, agent, id } = running;
  const watcher = core.watch(id);
  const all = watcher.rest();
  const release = core.slow.hold("patchCommand");
  await running.prints("one");
  await agent.says("result", {
    commandId: id,
    status: SUCCESS,
    stdoutBytes: 3n,
  });
  await core.clock.settle();
  release();
  assertEquals((await all).at(-1), "succeeded");
});

Deno.test("a removed agent's commands end for their watchers", async () => {
  await using running = await Running.start();
  const all = running.core.watch(running.id).rest();
  await running.core.clock.settle();
  const removal = running.core.agents.remove("web-1", { force: true });
  await running.core.clock.advance(30_000);
  await removal;
  assertEquals((await all).at(-1), "lost");
});

Deno.test("a watch of a command that was given up and goes on lasts to its real end", async () => {
  await using running = await Running.start();
  const { core, id } = running;
  const watcher = core.watch(id);
  assertEquals(await watcher.next(), "running");
  await running.prints("one");
  await core.commands.giveUp(id, { requestedBy: "operator" });
  await running.prints("two");
  assertEquals(await watcher.next(), 'stdout 0 "one"');
  const rest = watcher.rest();
  await core.clock.settle();
  await running.prints("three");
  await running.ends();
  assertEquals(await rest, [
    "0 of 1",
    'stdout 3 "two"',
    "running",
    'stdout 6 "three"',
    "succeeded",
  ]);
});

Deno.test("a slow watch of a command that was given up and then ends lasts to its real end", async () => {
  await using running = await Running.start();
  const { core, id } = running;
  const watcher = core.watch(id);
  assertEquals(await watcher.next(), "running");
  await core.commands.giveUp(id, { requestedBy: "operator" });
  await running.prints("one");
  assertEquals(await watcher.next(), "0 of 1");
  assertEquals(await watcher.next(), 'stdout 0 "one"');
  await running.prints("two");
  await running.ends();
  assertEquals(await watcher.rest(), ['stdout 3 "two"', "succeeded"]);
});

Deno.test("a watch does not end with a command that goes on: its end came while it was looked at", async () => {
  await using parts = await Running.start();
  const view = await parts.core.commands.get(parts.id);
  const ended = { ...view, state: "succeeded" } as const;
  const views = [view, view, ended];
  const source = {
    store: parts.core.store,
    open: () => undefined,
    view: () => Promise.resolve(views.shift() ?? ended),
    storage: {
      failure: undefined,
      listen: () => ({ [Symbol.dispose]() {} }),
    },
  };
  const start = { id: parts.id, stdoutOffset: 0n, stderrOffset: 0n };
  const states: string[] = [];
  const { signal } = new AbortController();
  for await (const event of watchCommands(source, [start], signal)) {
    if (event.kind === "command") states.push(event.command.state);
  }

  assertEquals(states, ["running", "succeeded", "succeeded"]);
});
