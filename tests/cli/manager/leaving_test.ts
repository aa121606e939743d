import { assertEquals, assertStringIncludes } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { STOP_SIGNALS } from "../../../lib/cli/terminal.ts";
import { FakeManager } from "../fake_manager.ts";
import {
  end,
  FOLLOWING,
  following,
  FOLLOWING_MANY,
  idsText,
  ONE,
  TWO,
  WATCHING,
} from "./following.ts";
import { jsonLines, start } from "./start.ts";

for (const signal of STOP_SIGNALS) {
  for (const [args, commands] of FOLLOWING) {
    Deno.test(`${signal} to ${args.join(" ")} cancels, names the ids, and waits for the end`, async () => {
      const started = await following(args, commands);
      await started.terminal.signal(signal);
      end(started, CommandState.CANCELLED);

      assertEquals(await started.code, 7);
      assertEquals(
        started.manager.cancels.map(({ commandId }) => commandId),
        commands.map(({ id }) => id),
      );
      const [first, ...others] = started.terminal.stderr.text.trimEnd()
        .split("\n");
      assertEquals(
        first?.replace(`${signal}: `, ""),
        `cancelling ${idsText(commands)}…`,
      );
      assertEquals(
        others,
        commands.map(({ agent }) => `${agent}: cancelled, SIGTERM`),
      );
      assertEquals(started.terminal.isListening, false);
    });
  }

  for (const args of FOLLOWING_MANY) {
    Deno.test(`${signal} to ${args.join(" ")} without a keyboard cancels the job, and waits for its end`, async () => {
      const started = await following(args, [ONE, TWO]);
      await started.terminal.signal(signal);
      end(started, CommandState.CANCELLED);

      assertEquals(await started.code, 7);
      assertEquals(
        started.manager.jobCancels.map(({ jobId }) => jobId),
        [17n],
      );
      const head = signal === "SIGINT" ? "" : `${signal}: `;
      assertStringIncludes(
        started.terminal.stderr.text,
        `\n${head}cancelling job j-17…\n`,
      );
      assertEquals(started.terminal.isListening, false);
    });
  }

  for (const [args, commands] of WATCHING) {
    Deno.test(`${signal} to ${args.join(" ")} cancels nothing, and exits 130 while something goes on`, async () => {
      const started = await following(args, commands);
      await started.terminal.signal(signal);

      assertEquals(await started.code, 130);
      assertEquals(started.manager.cancels, []);
      const ids = commands.map(({ id }) => id).join(" ");
      assertEquals(
        started.terminal.stderr.text,
        `error: Stopped watching ${idsText(commands)}: what runs goes on\n` +
          `hint: piri-manager watch ${ids}\n`,
      );
    });
  }

  Deno.test(`${signal} to run --detach leaves at once, cancels nothing, and says that nothing is known`, async () => {
    const manager = new FakeManager();
    manager.onRun = () => new Promise(() => {});
    const { terminal, code } = await start(
      ["run", "web-1", "--detach", "--", "x"],
      { manager },
    );
    await terminal.signal(signal);

    assertEquals(await code, 130);
    assertEquals(manager.cancels, []);
    assertEquals(
      terminal.stderr.text,
      "error: Cannot tell whether anything was started: the Manager has not answered yet\n" +
        "hint: piri-manager job list\n",
    );
  });

  Deno.test(`${signal} before the Manager has answered says that it waits to cancel`, async () => {
    const answer = Promise.withResolvers<void>();
    const manager = new FakeManager();
    manager.commands = [ONE];
    manager.onRun = () => answer.promise;
    const started = await start(["run", "web-1", "--", "x"], { manager });
    await started.terminal.signal(signal);
    const told = started.terminal.stderr.text;
    answer.resolve();
    await started.terminal.clock.settle();
    end(started, CommandState.CANCELLED);

    assertEquals(await started.code, 7);
    assertEquals(
      told,
      `${signal}: waiting for the Manager's answer, to cancel what it starts…\n`,
    );
    assertEquals(manager.cancels.length, 1);
  });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} after another signal stops waiting: 7 only if the cancel is recorded`, async () => {
    const codes: number[] = [];
    for (const answer of [() => {}, () => new Promise<void>(() => {})]) {
      const started = await following(["run", "web-1", "--", "x"], [ONE]);
      started.manager.onCancel = answer;
      await started.terminal.signal("SIGTERM");
      await started.terminal.signal(signal);
      codes.push(await started.code);
    }

    assertEquals(codes, [7, 130]);
  });
}

Deno.test("SIGHUP after another signal is no impatience: a terminal that goes sends it more than once", async () => {
  for (const first of STOP_SIGNALS) {
    const started = await following(["run", "web-1", "--", "x"], [ONE]);
    await started.terminal.signal(first);
    await started.terminal.signal("SIGHUP");
    await started.terminal.signal("SIGHUP");
    end(started, CommandState.CANCELLED);

    assertEquals(await started.code, 7);
    assertEquals(started.manager.cancels.length, 1);
    assertEquals(
      started.terminal.stderr.text.split("\n").slice(1),
      ["web-1: cancelled, SIGTERM", ""],
    );
  }
});

Deno.test("a signal with --json prints nothing but the result, whose state and code tell all", async () => {
  const started = await following(["run", "web-1", "--json", "--", "x"], [ONE]);
  await started.terminal.signal("SIGTERM");
  end(started, CommandState.CANCELLED);

  assertEquals(await started.code, 7);
  assertEquals(started.terminal.stderr.text, "");
  assertEquals(
    jsonLines(started.terminal.stdout.text).map((line) => [
      line["event"],
      line["state"] ?? line["exitCode"],
    ]),
    [["result", "cancelled"], ["summary", 7]],
  );
});
