import { assertEquals, assertStringIncludes } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { see, start } from "./start.ts";

for (
  const { facts, text } of [
    { facts: {}, text: undefined },
    { facts: { survive: true }, text: "the end of its agent" },
    {
      facts: { survive: true, unreachableSinceMs: 5n },
      text:
        "the end of its agent: it goes on on web-1, though its agent is away",
    },
    {
      facts: {
        survive: true,
        unreachableSinceMs: 5n,
        state: CommandState.SUCCEEDED,
      },
      text: "the end of its agent",
    },
  ]
) {
  Deno.test(`show tells what a program survives: ${text} with ${Object.keys(facts)}`, async () => {
    const manager = new FakeManager();
    const state = CommandState.RUNNING;
    manager.commands = [command({ id: 1n, state, ...facts })];
    const { stdout } = await see(["show", "1"], { manager });

    const line = /^survives: +(.*)$/m.exec(stdout);
    assertEquals(line?.[1], text);
  });
}

for (
  const { facts, text } of [
    {
      facts: { truncated: true },
      text: "9 bytes of stdout, 0 of stderr, not all of it kept\n",
    },
    {
      facts: { truncated: true, outputKept: 9n },
      text: "9 bytes of stdout, 0 of stderr\n",
    },
    {
      facts: { truncated: false, outputKept: 9n },
      text: "9 bytes of stdout, 0 of stderr\n",
    },
    {
      facts: { truncated: true, outputKept: 0n },
      text: "9 bytes of stdout, 0 of stderr, 9 of them not kept\n",
    },
  ]
) {
  Deno.test(`show tells what is kept: ${text.trimEnd()}`, async () => {
    const manager = new FakeManager();
    manager.commands = [command({ id: 1n, stdoutBytes: 9n, ...facts })];
    const { stdout } = await see(["show", "1"], { manager });

    assertStringIncludes(stdout, text);
  });
}

for (
  const { flags, terminals, shown } of [
    {
      flags: [],
      terminals: [],
      shown:
        "headweb-1: [90 bytes of stdout were not kept, from byte 4 on]\ntail\n",
    },
    {
      flags: [],
      terminals: ["stdout", "stderr"] as const,
      shown: "head\n[90 bytes were not kept]\ntail\n",
    },
    {
      flags: ["--json"],
      terminals: [],
      shown: [
        '{"event":"output","id":"12","agent":"web-1","stream":"stdout","offset":"0","at":"2026-01-01T00:00:00.000Z","text":"head"}',
        '{"event":"cut","id":"12","agent":"web-1","stream":"stdout","offset":"4","bytes":"90"}',
        '{"event":"output","id":"12","agent":"web-1","stream":"stdout","offset":"94","at":"2026-01-01T00:00:00.000Z","text":"tail\\n"}',
        "",
      ].join("\n"),
    },
  ]
) {
  Deno.test(
    `show --output marks the middle that is not kept (${
      [...flags, ...terminals].join(" ") || "to files"
    })`,
    async () => {
      const manager = new FakeManager();
      const ended = command({ state: CommandState.FAILED });
      manager.commands = [ended];
      const { terminal, code } = await start(
        ["show", "12", "--output", ...flags],
        { manager, terminals: [...terminals] },
      );
      manager.watch.state(ended).output(12n, "head")
        .output(12n, "tail\n", { offset: 94n, cut: 90n }).state(ended).end();

      assertEquals(await code, 0);
      const { screen, stdout, stderr } = terminal;
      assertEquals(screen || stdout.text + stderr.text, shown);
    },
  );
}
