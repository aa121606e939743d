import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  MAX_RECORDS_BYTES,
  RecordLimit,
} from "../../lib/steps/engine/records.ts";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import { stepOperation } from "../../lib/steps/step_operation.ts";
import { stepOperations } from "../../lib/steps/registry.ts";
import { FakeHost, type FakeNode, type Tree } from "./fake_host.ts";
import { applyOn, planOn, type Ran, sheetOf } from "./runs.ts";

const folder = { kind: "folder", mode: 0o755, uid: 0, gid: 0 } as const;

function command(params: SheetStep["params"]) {
  return { operation: "command.Run", params };
}

const copy = {
  operation: "file.Installed",
  params: { path: "/srv/x", content: "x" },
};

function toldBy({ steps }: Ran): (string | undefined)[][] {
  return steps.map(({ verdict, reason }) =>
    reason === undefined ? [verdict] : [verdict, reason]
  );
}

Deno.test("a file that a program may bring is unknown, and one that is there is not", async () => {
  const host = new FakeHost(new Map([["/here", folder]]));

  const planned = await planOn(
    host,
    sheetOf(
      command({ shell: "true" }),
      copy,
      { operation: "file.Installed", params: { path: "/here/x", content: "" } },
      {
        operation: "file.Line",
        params: { path: "/srv/x", line: "a" },
      },
      command({ shell: "true", creates: "/here" }),
      command({ shell: "true", unless: "true" }),
    ),
  );

  assertEquals(toldBy(planned), [
    ["change"],
    ["unknown", 'there is no folder "/srv", and step "step 0" may make it'],
    ["change"],
    ["unknown", 'it depends on step "step 1", which is unknown'],
    ["ok", '"/here" is there'],
    ["unknown", 'it can only be asked now, before step "step 0"'],
  ]);
});

Deno.test("a guard decides, and one that still asks after the program is a warning", async () => {
  const host = new FakeHost();

  const { steps, records, end } = await applyOn(
    host,
    sheetOf(
      command({ shell: "put /made x", creates: "/made" }),
      command({ shell: "say never", onlyif: "false" }),
      command({ shell: "say again", unless: "false" }),
    ),
  );

  assertEquals(steps.map(({ verdict, changed }) => [verdict, changed]), [
    ["change", true],
    ["ok", undefined],
    ["change", true],
  ]);
  assertEquals(host.ran, ["put /made x", "say again"]);
  assertEquals(
    records.flatMap((record) => record.kind === "note" ? record.text : []),
    ["a check after it still asks for a change: change (command runs)"],
  );
  assertEquals(end.success, true);
});

Deno.test("exit codes tell success and changes, and a listener hears of changes only", async () => {
  const host = new FakeHost();
  const listener = (cause: number) => ({
    operation: "command.Run",
    params: { shell: `say ${cause}` },
    onchanges: [cause],
  });

  const { steps, end } = await applyOn(
    host,
    sheetOf(
      command({ shell: "false", ok_codes: [0, 1] }),
      command({ shell: "true", changed_codes: [1] }),
      command({ shell: "true", changes: false }),
      listener(0),
      listener(1),
      listener(2),
      command({ shell: "false" }),
    ),
  );

  assertEquals(host.ran.filter((line) => line.startsWith("say")), ["say 0"]);
  assertEquals(steps.at(-1)?.error, {
    code: "FAILED_PRECONDITION",
    message: "Cannot go on: the program ended with exit code 1",
  });
  assertEquals(end.owed, []);
});

Deno.test("a change that fails is tried again as often as the step says", async () => {
  const host = new FakeHost();
  const retrying = {
    ...command({ shell: "false" }),
    retry: { times: 2, everyMs: 1_000 },
  };

  const run = applyOn(host, sheetOf(retrying));
  await host.clock.advance(5_000);
  const { records } = await run;

  assertEquals(host.ran, ["false", "false", "false"]);
  assertEquals(records.filter(({ kind }) => kind === "note").length, 2);
});

Deno.test("a step that takes longer than its time fails", async () => {
  const host = new FakeHost();
  const slow = {
    operation: "wait.For",
    params: { path: "/never", timeout: 60_000 },
    timeoutMs: 2_000,
  };

  const run = applyOn(host, sheetOf(slow));
  await host.clock.advance(5_000);
  const { end } = await run;

  assertEquals(
    end.message,
    'step "step 0" failed: Cannot finish step "step 0": its 2000 ms are over',
  );
});

Deno.test("wait.For and assert.That never count as changes", async () => {
  const host = new FakeHost();
  const sheet = sheetOf(
    { operation: "wait.For", params: { path: "/soon" } },
    { operation: "assert.That", params: { cmd: "true" } },
    { operation: "assert.That", params: { expr: false, message: "no disk" } },
  );

  const run = applyOn(host, sheet);
  await host.clock.advance(1_000);
  host.tree.set("/soon", folder);
  await host.clock.advance(1_000);
  const { end } = await run;

  assertEquals([end.changed, end.message], [
    false,
    'step "step 2" failed: Cannot go on: no disk',
  ]);
});

Deno.test("a strict apply refuses what cannot be told, before any change", async () => {
  const host = new FakeHost();

  const error = await assertRejects(
    () =>
      applyOn(host, sheetOf(command({ shell: "true" }), copy), {
        strict: true,
      }),
    PiriError,
  );

  assertEquals(
    error.message,
    'Cannot apply: step 2 of 2, "step 1" (file.Installed), cannot be told yet, and only what is known shall be done (strict): there is no folder "/srv", and step "step 0" may make it',
  );
  assertEquals(host.writes, 0);
});

Deno.test("a change that was not planned ends the run, unless a program may have caused it", async () => {
  const tree: Tree = new Map<string, FakeNode>([["/srv", folder], [
    "/srv/x",
    { kind: "file", mode: 0o644, uid: 0, gid: 0, text: "x" },
  ]]);
  const quiet = sheetOf(
    { operation: "file.Dir", params: { path: "/a" } },
    copy,
  );
  const loud = sheetOf(command({ shell: "put /srv/x y" }), copy);
  const expected = async (sheet: typeof quiet) =>
    new Map((await planOn(new FakeHost(tree), sheet)).steps
      .map((step) => [step.name, step]));
  const host = new FakeHost(tree);
  const byHand = () =>
    host.tree.set("/srv/x", {
      kind: "file",
      mode: 0o644,
      uid: 0,
      gid: 0,
      text: "z",
    });

  const ended = await applyOn(host, quiet, {
    expected: await expected(quiet),
    onRecord: ({ kind }) =>
      ({ begin: byHand } as Record<string, () => void>)[kind]?.(),
  });
  const went = await applyOn(new FakeHost(tree), loud, {
    expected: await expected(loud),
  });

  assertEquals(
    ended.end.message,
    'step "step 1" failed: Cannot run step "step 1": it was planned as ok and is now change (content +1 -1); plan again',
  );
  assertEquals([went.end.success, went.end.moved], [true, ["step 1"]]);
});

Deno.test("a change that does not do what it says is a failed step", async () => {
  const lying = stepOperation({
    name: "test.Lying",
    description: "Does nothing, and says that it must",
    subject: "name",
    parameters: {},
    check: () =>
      Promise.resolve({
        verdict: "change",
        changes: [{ what: "mode", from: "0600", to: "0644" }],
        fingerprint: "",
      }),
    change: () => Promise.resolve(),
  });

  const { end } = await applyOn(
    new FakeHost(),
    sheetOf({ operation: "test.Lying" }),
    { operations: [...stepOperations, lying] },
  );

  assertEquals(
    end.message,
    'step "step 0" failed: Cannot finish step "step 0": after its change it is not as it should be: change (mode 0600 -> 0644)',
  );
});

Deno.test("the text of a hidden change is not recorded", async () => {
  const { steps } = await planOn(
    new FakeHost(new Map([["/srv", folder]])),
    sheetOf({ ...copy, hidden: true }),
  );

  assertEquals(steps[0]?.changes[0]?.lines, { added: 1, removed: 0 });
  assertEquals(JSON.stringify(steps).includes("+x"), false);
});

Deno.test("records stay within their limit, and have a line for each step", () => {
  const limit = new RecordLimit(10_000);
  const text = "x".repeat(50_000);
  let bytes = 0;
  let lines = 0;
  for (let step = 0; step < 10_000; step++) {
    const printed = limit.lineOf({
      kind: "output",
      step,
      stream: "stdout",
      text,
    });
    const line = limit.lineOf({
      kind: "step",
      step,
      name: `step ${step}`,
      operation: "file.Installed",
      verdict: "change",
      changes: [{ what: "content", lines: { added: 1, removed: 1 }, text }],
    });
    lines += line === undefined ? 0 : 1;
    bytes += (line?.length ?? 0) + (printed?.length ?? 0);
  }

  assertEquals([
    lines,
    bytes <= MAX_RECORDS_BYTES,
    bytes > MAX_RECORDS_BYTES / 2,
  ], [
    10_000,
    true,
    true,
  ]);
});

Deno.test("a fetched file must have the hash that the step names", async () => {
  const host = new FakeHost(new Map([["/srv", folder]]));
  const fetched = (sha256: string) =>
    sheetOf({
      operation: "file.Fetch",
      params: { path: "/srv/x", source: "x", sha256 },
    });
  const right =
    "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

  const wrong = await applyOn(host, fetched("0".repeat(64)));
  const done = await applyOn(host, fetched(right));

  assertEquals([wrong.end.success, host.writes], [false, 1]);
  assertEquals(done.end.message, "1 step changed something");
});

Deno.test("a plan goes on behind links that lead in a circle", async () => {
  const link = {
    kind: "link",
    mode: 0o777,
    uid: 0,
    gid: 0,
    target: "/a",
  } as const;
  const planned = await planOn(
    new FakeHost(new Map([["/a", link]])),
    sheetOf(command({ shell: "true" }), {
      operation: "file.Absent",
      params: { path: "/a/f" },
      if: { kind: "path", is: "exists", path: "/a" },
    }),
  );

  assertEquals(planned.steps.map(({ verdict }) => verdict), [
    "change",
    "unknown",
  ]);
});

for (
  const [what, params, counts, message] of [
    [
      "an exit code that means no change",
      { changed_codes: [3] },
      { ok: 1, changed: 0 },
      "nothing has changed, and 1 step ran",
    ],
    [
      "changes: no",
      { changes: false },
      { ok: 1, changed: 0 },
      "nothing has changed, and 1 step ran",
    ],
    [
      "an exit code that means a change",
      { changed_codes: [0] },
      { ok: 0, changed: 1 },
      "1 step changed something",
    ],
  ] as const
) {
  Deno.test(`a program with ${what} is planned to run, and is counted by what it changed`, async () => {
    const sheet = sheetOf(command({ shell: "true", ...params }));

    const planned = await planOn(new FakeHost(), sheet);
    const { end, records } = await applyOn(new FakeHost(), sheet);

    assertEquals(planned.end.counts.changed, 1);
    const { ok, changed } = end.counts;
    assertEquals({ ok, changed }, counts);
    assertEquals(records.at(-1), {
      kind: "end",
      success: true,
      message,
      ...end.counts,
    });
    assertEquals([end.message, end.changed], [message, counts.changed > 0]);
  });
}
