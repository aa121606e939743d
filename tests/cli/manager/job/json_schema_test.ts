import { assertEquals } from "@std/assert";
import {
  CommandState,
  EntryState,
  JobState,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager, job } from "../../fake_manager.ts";
import { jsonLines, see, start } from "../start.ts";
import { failed, inOrder, ok, without } from "./entries.ts";
import { schemaErrors } from "./json_schema.ts";
import { seeMany, startMany } from "./many_run.ts";

/** Requires that values are as a schema says, and have no field that it does not name. */
async function check(
  name: string,
  values: readonly Record<string, unknown>[],
): Promise<void> {
  assertEquals(await schemaErrors(name, values), []);
}

Deno.test("events of run --json on several agents are as docs/schema says", async () => {
  const run = await startMany(
    [
      { agent: "web-1" },
      { agent: "web-2", state: CommandState.FAILED, exitCode: 3 },
    ],
    { away: ["web-9"], flags: ["--json", "--batch", "5%", "--queue", "1h"] },
  );
  run.manager.watch.output(101n, "hi\n")
    .output(101n, Uint8Array.of(0xff), { offset: 3n })
    .output(102n, "late", { offset: 10n, stream: "stderr" })
    .progress(101n, 1, 2, "half").cutOff(101n, "too slow")
    .state(command({ id: 101n, unreachableSinceMs: 5n })).storage({
      sinceMs: 5n,
    })
    .storage();
  await run.finish();
  const events = jsonLines(run.terminal.stdout.text);

  assertEquals(await run.code, 3);
  await check("event", events);
  assertEquals(events.map(({ event, agent }) => [event, agent]), [
    ["job", undefined],
    ["result", "web-9"],
    ["output", "web-1"],
    ["output", "web-1"],
    ["cut", "web-2"],
    ["output", "web-2"],
    ["progress", "web-1"],
    ["cut_off", "web-1"],
    ["waiting", "web-1"],
    ["storage", undefined],
    ["storage", undefined],
    ["result", "web-1"],
    ["result", "web-2"],
    ["job", undefined],
    ["summary", undefined],
  ]);
  const summary = events.at(-1);
  assertEquals(
    [summary?.["job"], summary?.["exitCode"], summary?.["states"]],
    ["j-17", 3, {
      ...Object.fromEntries(
        Object.keys(summary?.["states"] ?? {}).map((name) => [name, 0]),
      ),
      succeeded: 1,
      failed: 1,
      unreachable: 1,
    }],
  );
});

Deno.test("events of run --json on one agent are as docs/schema says", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(
    ["run", "web-1", "--json", "--", "x"],
    { manager },
  );
  manager.watch.state(command()).output(12n, "hi\n").progress(12n, 1, 2)
    .state(command({ unreachableSinceMs: 5n })).state(command())
    .storage({ sinceMs: 5n, lastMs: 6n, reason: "full" }).storage()
    .state(command({
      state: CommandState.FAILED,
      reaped: { signalled: 1, alive: [7] },
    })).end();

  assertEquals(await code, 1);
  await check("event", jsonLines(terminal.stdout.text));
});

Deno.test("jobs, their agents and commands are as docs/schema says", async () => {
  const manager = new FakeManager();
  manager.jobs = [job({
    state: JobState.STOPPED,
    reason: "3 have failed",
    rerunOf: 3n,
    limits: { maxFailures: { share: { case: "count", value: 3 } } },
    finishedAtMs: BigInt(Date.UTC(2026, 0, 1)),
  })];
  manager.entries = inOrder([
    ok("web-1", "a"),
    failed("web-2", 1, { hashOfKept: true, unreachableSinceMs: 1n }),
    without("web-3", EntryState.SKIPPED, "the job was stopped"),
  ]);
  manager.commands = [command()];
  const list = await see(["job", "list", "--json"], { manager });
  const shown = await see(["job", "show", "j-17", "--json"], { manager });
  const commands = await see(["commands", "--json"], { manager });
  const [first, ...entries] = jsonLines(shown.stdout);

  await check("job", [...jsonLines(list.stdout), first ?? {}]);
  assertEquals(entries.length, 3);
  await check("entry", entries);
  await check("command", jsonLines(commands.stdout));
});

Deno.test("summary.json of --out has a job and entries as docs/schema says", async () => {
  const { terminal } = await seeMany([{ agent: "web-1" }], {
    flags: ["--out", "d"],
    away: ["web-9"],
  });
  const { job, entries } = JSON.parse(terminal.outFile("d/summary.json"));

  await check("job", [job]);
  await check("entry", entries);
});
