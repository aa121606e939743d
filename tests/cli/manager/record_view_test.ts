import { assertEquals } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { RunRecord } from "../../../lib/steps/engine/records.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { start } from "./start.ts";

const RECORDS: readonly RunRecord[] = [
  { kind: "run", format: 1, mode: "apply", state: "web", steps: 6 },
  { kind: "begin", step: 0, name: "Conf" },
  {
    kind: "step",
    step: 0,
    name: "Conf",
    operation: "file.Installed",
    verdict: "change",
    changed: true,
    changes: [{
      what: "content",
      lines: { added: 1, removed: 1 },
      text: "-old\n+new \x1b[31m\n",
    }],
    ms: 12,
  },
  {
    kind: "step",
    step: 1,
    name: "Same",
    operation: "file.Installed",
    verdict: "ok",
    changes: [],
  },
  { kind: "begin", step: 2, name: "Told" },
  { kind: "output", step: 2, stream: "stdout", text: "told\n" },
  { kind: "output", step: 2, stream: "stderr", text: "oops\n", cut: true },
  {
    kind: "step",
    step: 2,
    name: "Told",
    operation: "command.Run",
    verdict: "change",
    changed: false,
    changes: [],
    ms: 61_000,
  },
  {
    kind: "step",
    step: 3,
    name: "Left out",
    operation: "command.Run",
    verdict: "skipped",
    changes: [],
    reason: "its condition is false",
  },
  {
    kind: "step",
    step: 4,
    name: "Restart",
    operation: "service.Restarted",
    verdict: "failed",
    changes: [],
    error: { code: "NOT_FOUND", message: "there is no such unit" },
    owed: { since: 0, causes: ["Conf"] },
  },
  {
    kind: "moved",
    step: 5,
    name: "Moved",
    planned: { verdict: "ok" },
    found: {
      verdict: "change",
      changes: [{ what: "mode", from: "0600", to: "0644" }],
    },
  },
  {
    kind: "end",
    success: false,
    message: 'step "Restart" failed: there is no such unit',
    ok: 1,
    changed: 1,
    unknown: 0,
    failed: 1,
    skipped: 1,
    notRun: 0,
  },
];

const TEXT = `apply of web: 6 steps
~ Conf: content +1 -1
      -old
      +new \\x1b[31m
> Told
      told
      ! oops
      [the rest was not kept]
~ Told: nothing has changed, took 1 min 1 s
- Left out: its condition is false
! Restart: there is no such unit, owed, as Conf changed
! Moved: planned as ok, now change (mode 0600 -> 0644)
step "Restart" failed: there is no such unit
`;

const LINES = RECORDS.map((each) => `${JSON.stringify(each)}\n`).join("");

/** Output of a subcommand about a command with this standard output. */
async function shown(
  args: readonly string[],
  { operation = "state.Apply", stdout = LINES } = {},
): Promise<string> {
  const manager = new FakeManager();
  const one = command({ operation });
  manager.commands = [one];
  const { terminal, code } = await start(args, { manager });
  const bytes = new TextEncoder().encode(stdout);
  // In pieces that end in the middle of a line.
  for (let at = 0; at < bytes.length; at += 100) {
    const piece = bytes.slice(at, at + 100);
    manager.watch.output(one.id, piece, { offset: BigInt(at) });
  }
  manager.watch.state({ ...one, state: CommandState.SUCCEEDED }).end();
  await terminal.clock.advance(1_000);
  await code;
  return terminal.stdout.text;
}

for (const args of [["show", "12", "--output"], ["watch", "12"]]) {
  const line = args.join(" ");
  Deno.test(`${line} shows the records of a run of a state as text`, async () => {
    assertEquals(await shown(args), TEXT);
    assertEquals(await shown(args, { operation: "state.Plan" }), TEXT);
  });

  Deno.test(`${line} --raw shows the records of a run of a state as they are`, async () => {
    assertEquals(await shown([...args, "--raw"]), LINES);
  });

  Deno.test(`${line} shows what is no record as it is`, async () => {
    const stdout = `{"kind":"unheard of"}\nno JSON\n12\n${LINES.slice(0, 200)}`;
    const text = await shown(args, { stdout });
    assertEquals(text.split("\n").slice(0, 4), [
      '{"kind":"unheard of"}',
      "no JSON",
      "12",
      "apply of web: 6 steps",
    ]);
  });

  Deno.test(`${line} shows what other operations print as it is`, async () => {
    assertEquals(await shown(args, { operation: "command.Run" }), LINES);
  });
}
