import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { apk } from "../../../lib/steps/providers/packages/apk.ts";
import { apt } from "../../../lib/steps/providers/packages/apt.ts";
import { brew } from "../../../lib/steps/providers/packages/brew.ts";
import { dnfAs } from "../../../lib/steps/providers/packages/dnf.ts";
import { pacman } from "../../../lib/steps/providers/packages/pacman.ts";
import { zypper } from "../../../lib/steps/providers/packages/zypper.ts";
import type { StepRecord } from "../../../lib/steps/engine/records.ts";
import { applyOn, planOn, type Ran, sheetOf } from "../runs.ts";
import { fakeApt, transactionsOf } from "./fake_apt.ts";

const ALL = { aa: "1", bb: "1", cc: "1", dd: "1", lib: "1" };

function installed(name: string, params = {}) {
  return {
    operation: "package.Installed",
    params: { name: [name], ...params },
  };
}

function absent(name: string, params = {}) {
  return { operation: "package.Absent", params: { name: [name], ...params } };
}

/** Verdicts of the steps, and if they changed anything. */
function ends({ steps }: Ran) {
  return steps.map(({ verdict, changed }) => [verdict, changed]);
}

function reasonOf({ reason }: StepRecord) {
  return reason;
}

function notesOf({ records }: Ran) {
  return records.flatMap((record) =>
    record.kind === "note" ? [record.text] : []
  );
}

Deno.test("three packages in a row are one transaction, and each step has its record", async () => {
  const fake = fakeApt({}, ALL);
  const sheet = sheetOf(installed("aa"), installed("bb"), installed("cc"));

  const plan = await planOn(fake.host, sheet);
  const apply = await applyOn(fake.host, sheet, {
    expected: new Map(plan.steps.map((step) => [step.name, step])),
  });
  const again = await planOn(fake.host, sheet);

  assertEquals(plan.steps.map(reasonOf), [
    undefined,
    'together with step "step 0"',
    'together with step "step 0"',
  ]);
  assertEquals(transactionsOf(fake), ["install -- aa=1 bb=1 cc=1"]);
  assertEquals(ends(apply), [["change", true], ["change", true], [
    "change",
    true,
  ]]);
  assertEquals(apply.steps.map(reasonOf), plan.steps.map(reasonOf));
  assertEquals(
    apply.steps.map(({ changes }) => changes),
    plan.steps.map(({ changes }) => changes),
  );
  assertEquals(again.steps.map(({ verdict }) => verdict), ["ok", "ok", "ok"]);
});

Deno.test("packages in a row are removed by one transaction", async () => {
  const fake = fakeApt(ALL, ALL);
  const sheet = sheetOf(
    absent("aa"),
    absent("bb"),
    absent("none"),
    absent("cc"),
  );

  const apply = await applyOn(fake.host, sheet);

  assertEquals(apply.end.success, true, apply.end.message);
  assertEquals(transactionsOf(fake), ["remove -- aa bb cc"]);
  assertEquals(ends(apply)[2], ["ok", undefined]);
});

Deno.test("a package that comes along with an earlier one is right, and does not part the others", async () => {
  const fake = fakeApt({}, ALL);
  fake.depends.set("aa", ["lib"]);
  const sheet = sheetOf(installed("aa"), installed("lib"), installed("bb"));

  const plan = await planOn(fake.host, sheet);
  const apply = await applyOn(fake.host, sheet);

  assertEquals(plan.steps.map(({ verdict }) => verdict), [
    "change",
    "ok",
    "change",
  ]);
  assertEquals(ends(apply), [["change", true], ["ok", undefined], [
    "change",
    true,
  ]]);
  assertEquals(transactionsOf(fake), ["install -- aa=1 bb=1"]);
});

Deno.test("a package that cannot be installed is named by its step, and those before it are done", async () => {
  const fake = fakeApt({}, ALL);
  fake.broken.add("bb");
  const sheet = sheetOf(installed("aa"), installed("bb"), installed("cc"));

  const apply = await applyOn(fake.host, sheet);

  assertEquals(apply.end.failed, "step 1");
  assertStringIncludes(apply.steps[1]?.error?.message ?? "", "apt-get ended");
  assertEquals([...fake.installed.keys()], ["aa"]);
  assertEquals(ends(apply), [["change", true], ["failed", undefined]]);
  assertMatch(
    notesOf(apply)[0] ?? "",
    /^it cannot be done together with the next 2 steps, so each is done alone: /,
  );
});

Deno.test("steps after one that may fail are done, each by itself", async () => {
  const fake = fakeApt({}, ALL);
  fake.broken.add("bb");
  const sheet = sheetOf(
    installed("aa"),
    { ...installed("bb"), continue: true },
    installed("cc"),
  );

  const apply = await applyOn(fake.host, sheet);

  assertEquals(ends(apply), [["change", true], ["failed", undefined], [
    "change",
    true,
  ]]);
  assertEquals([...fake.installed.keys()], ["aa", "cc"]);
});

Deno.test("a step that a failed transaction has done counts as changed, and is reacted to", async () => {
  const fake = fakeApt({}, ALL);
  fake.broken.add("cc");
  const sheet = sheetOf(
    installed("aa"),
    installed("bb"),
    { ...installed("cc"), continue: true },
    {
      operation: "command.Run",
      params: { argv: ["say", "reacts"] },
      onchanges: [1],
    },
  );

  const apply = await applyOn(fake.host, sheet);

  assertEquals(ends(apply).slice(0, 3), [["change", true], ["change", true], [
    "failed",
    undefined,
  ]]);
  assertEquals(apply.steps[3]?.verdict, "change");
  assertEquals(fake.host.ran.includes("say reacts"), true);
});

Deno.test("steps that were changed owe a reaction after a transaction that failed, and no others do", async () => {
  const fake = fakeApt({}, ALL);
  fake.broken.add("bb");
  const sheet = sheetOf(
    installed("aa"),
    installed("bb"),
    installed("cc"),
    ...[0, 2].map((cause) => ({
      operation: "command.Run",
      params: { argv: ["say", `after ${cause}`] },
      onchanges: [cause],
    })),
  );

  const { end } = await applyOn(fake.host, sheet);

  assertEquals(end.owed.map(({ cause }) => cause), ["step 0"]);
});

const ALONE: readonly (readonly [
  string,
  readonly Parameters<typeof sheetOf>[number][],
  readonly string[],
])[] = [
  [
    "other options",
    [installed("aa"), installed("bb", { recommends: false }), installed("cc")],
    ["install -- aa=1", "install -- bb=1", "install -- cc=1"],
  ],
  [
    "a condition",
    [installed("aa"), {
      ...installed("bb"),
      if: { kind: "path", is: "exists", path: "/etc" },
    }],
    ["install -- aa=1", "install -- bb=1"],
  ],
  [
    "tries of its own",
    [installed("aa"), { ...installed("bb"), retry: { times: 1, everyMs: 1 } }],
    ["install -- aa=1", "install -- bb=1"],
  ],
  [
    "a time of its own",
    [{ ...installed("aa"), timeoutMs: 60_000 }, installed("bb")],
    ["install -- aa=1", "install -- bb=1"],
  ],
  [
    "another step between",
    [
      installed("aa"),
      { operation: "command.Run", params: { argv: ["say", "x"] } },
      installed("bb"),
    ],
    ["install -- aa=1", "install -- bb=1"],
  ],
  [
    "autoremove",
    [absent("dd", { autoremove: true }), absent("lib", { autoremove: true })],
    ["remove -- dd", "remove -- lib"],
  ],
];

for (const [what, steps, transactions] of ALONE) {
  Deno.test(`a step with ${what} is done alone`, async () => {
    const fake = fakeApt({ dd: "1", lib: "1" }, ALL);

    const apply = await applyOn(fake.host, sheetOf(...steps));

    assertEquals(apply.end.success, true, apply.end.message);
    assertEquals(transactionsOf(fake), transactions);
    assertEquals(apply.steps.map(reasonOf), steps.map(() => undefined));
  });
}

Deno.test("a cancel while packages are installed together leaves no step of them untold", async () => {
  const fake = fakeApt({}, ALL);
  const cancel = new AbortController();
  const sheet = sheetOf(installed("aa"), installed("bb"), absent("dd"));

  const apply = await applyOn(fake.host, sheet, {
    signal: cancel.signal,
    onRecord: (record) => {
      if (record.kind === "step") cancel.abort();
    },
  });
  const { end } = apply;

  assertEquals(end.success, false);
  assertEquals(ends(apply), [["change", true], ["change", true]]);
  assertEquals([end.counts.changed, end.counts.notRun], [2, 1]);
});

Deno.test("a step that makes something else of a package than one before it waits for that one", async () => {
  const fake = fakeApt({ cc: "2" }, ALL);
  const version = (version: string) => installed("cc", { version });

  const apply = await applyOn(
    fake.host,
    sheetOf(installed("aa", { version: "1" }), version("2"), version("1")),
  );

  assertEquals(transactionsOf(fake), ["install -- aa=1", "install -- cc=1"]);
  assertEquals(ends(apply), [["change", true], ["ok", undefined], [
    "change",
    true,
  ]]);
});

Deno.test("a package that only two removals together would remove is not removed unplanned", async () => {
  const fake = fakeApt(ALL, ALL);
  fake.needsOneOf.set("dd", ["aa", "bb"]);
  const sheet = sheetOf(absent("aa"), absent("bb"));
  const plan = await planOn(fake.host, sheet);

  const apply = await applyOn(fake.host, sheet, {
    expected: new Map(plan.steps.map((step) => [step.name, step])),
  });

  assertEquals(transactionsOf(fake), ["remove -- aa"]);
  assertStringIncludes(
    notesOf(apply)[0] ?? "",
    '"dd" would be removed, which none of the steps does alone',
  );
  assertStringIncludes(
    apply.steps[1]?.error?.message ?? "",
    'now "dd" would be removed, which was not planned',
  );
});

for (
  const manager of [
    apk,
    apt,
    brew,
    dnfAs("dnf"),
    dnfAs("yum"),
    pacman,
    zypper,
  ]
) {
  Deno.test(`${manager.name} installs and removes several packages by one program`, () => {
    const names = ["piri-a", "piri-b"];

    const install = manager.programs({
      kind: "install",
      packages: names.map((name) => ({ name })),
    });
    const remove = manager.programs({ kind: "remove", names });

    for (const programs of [install, remove]) {
      assertEquals(programs.length, 1);
      assertEquals(programs[0]?.argv?.slice(-2), names);
    }
  });
}
