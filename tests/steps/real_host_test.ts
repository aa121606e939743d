import { assert, assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Guard, type GuardBounds } from "../../lib/operations/guard.ts";
import type { Operation } from "../../lib/operations/operation.ts";
import { checkParams } from "../../lib/operations/params.ts";
import { operationNamed } from "../../lib/operations/registry.ts";
import { stateApply } from "../../lib/operations/state_apply.ts";
import { statePlan } from "../../lib/operations/state_plan.ts";
import { recordOfLine } from "../../lib/steps/engine/records.ts";
import type { Sheet } from "../../lib/steps/sheet.ts";
import { blobOf, finish, newContext } from "../operations/support.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { realTree } from "./real_tree.ts";
import { sheetOf } from "./runs.ts";

const posix = Deno.build.os !== "windows";

/** Folder with a host's files and, beside them, what the agent keeps of its runs. */
async function realHost() {
  const folder = await TempFolder.make();
  await folder.write("host/etc/motd", "welcome\n");
  await folder.write("host/old/a", "a");
  await Deno.chmod(folder.at("host", "etc", "motd"), 0o640);
  const run = async (
    operation: Operation,
    params: object,
    { bounds, data }: {
      bounds?: GuardBounds;
      data?: Parameters<typeof newContext>[0];
    } = {},
  ) => {
    const context = newContext(data, { stepsFolder: folder.at("steps") });
    const guard = bounds === undefined ? context.guard : new Guard(bounds);
    const { stdout, outcome } = await finish(
      operation.run(checkParams(operation, JSON.stringify(params)), {
        ...context,
        guard,
      }),
    );
    return { text: new TextDecoder().decode(stdout), outcome };
  };
  return {
    at: (path: string) => folder.at("host", path),
    tree: () => realTree(folder.at("host")),
    run,
    plan: async (sheet: Sheet) => recordsOf(await run(statePlan, { sheet })),
    apply: async (sheet: Sheet, more: object = {}) =>
      recordsOf(await run(stateApply, { sheet, ...more })),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function recordsOf<More extends { readonly text: string }>(ran: More) {
  const records = ran.text.split("\n").filter((line) => line !== "")
    .map(recordOfLine);
  const steps = records.filter((record) => record.kind === "step");
  return { ...ran, records, steps };
}

function manySteps(at: (path: string) => string): Sheet {
  return sheetOf(
    { operation: "file.Dir", params: { path: at("srv"), mode: 0o750 } },
    {
      operation: "file.Installed",
      params: { path: at("srv/a/site"), content: "site\n", parents: true },
    },
    {
      operation: "file.Line",
      params: { path: at("etc/motd"), line: "be kind" },
    },
    {
      operation: "file.Block",
      params: { path: at("etc/motd"), content: "two\nlines\n" },
    },
    {
      operation: "file.Symlinked",
      params: { path: at("link"), target: at("srv") },
    },
    { operation: "file.Absent", params: { path: at("old"), recurse: true } },
  );
}

Deno.test({
  name: "a plan writes nothing, and an apply makes a folder as its records say",
  ignore: !posix,
  fn: async () => {
    await using host = await realHost();
    const sheet = manySteps(host.at);
    const before = await host.tree();

    const planned = await host.plan(sheet);
    assertEquals(await host.tree(), before);
    const applied = await host.apply(sheet, { expect: planned.steps });
    const after = await host.tree();
    const again = await host.apply(sheet);

    assertEquals(
      applied.steps.map(({ verdict, changes }) => [verdict, changes]),
      planned.steps.map(({ verdict, changes }) => [verdict, changes]),
    );
    assertEquals(applied.outcome.success, true, applied.outcome.message);
    assertEquals(
      await Deno.readTextFile(host.at("link/a/site")),
      "site\n",
    );
    assertEquals(
      await Deno.readTextFile(host.at("etc/motd")),
      "welcome\nbe kind\n# BEGIN managed by Piri\ntwo\nlines\n# END managed by Piri\n",
    );
    const modes = ["srv", "srv/a", "srv/a/site", "etc/motd"]
      .map((path) => (Deno.statSync(host.at(path)).mode ?? 0) & 0o7777);
    assertEquals(modes, [0o750, 0o755, 0o644, 0o640]);
    assert(!after.has("/old"));
    assertEquals([again.outcome.changed, await host.tree()], [false, after]);
  },
});

Deno.test({
  name: "a sheet comes as a blob by its hash, too",
  ignore: !posix,
  fn: async () => {
    await using host = await realHost();
    const sheet = JSON.stringify(manySteps(host.at));
    const { sha256, data } = blobOf(new TextEncoder().encode(sheet));

    const ran = await host.run(statePlan, { sheet: sha256 }, { data });

    assertEquals(
      recordsOf(ran).steps.map(({ verdict }) => verdict),
      Array(6).fill("change"),
    );
  },
});

Deno.test({
  name:
    "steps use no path that the agent's policy keeps, and run no program by its rules",
  ignore: !posix,
  fn: async () => {
    await using host = await realHost();
    const own = { folder: host.at("etc"), files: [] };
    const inOwn = sheetOf({
      operation: "file.Absent",
      params: { path: host.at("etc/motd") },
    });
    const validated = sheetOf({
      operation: "file.Installed",
      params: {
        path: host.at("x"),
        content: "x",
        validate: `touch ${host.at("ran")}; true %s`,
      },
    });
    const before = await host.tree();

    const refused = await host.run(stateApply, { sheet: inOwn }, {
      bounds: { own },
    });
    const unjudged = await host.run(stateApply, { sheet: validated }, {
      bounds: { programs: false },
    });

    assertEquals([refused.outcome.success, unjudged.outcome.success], [
      false,
      false,
    ]);
    assertEquals(
      unjudged.outcome.message,
      'step "step 0" failed: Cannot run a program here: this agent\'s policy has rules, and steps may run none by them',
    );
    assertEquals(
      [...(await host.tree()).keys()],
      [...before.keys()],
    );
    assertEquals(stateApply.paths?.({ sheet: { ...inOwn } } as never), [
      { use: "write", path: host.at("etc/motd") },
    ]);
  },
});

Deno.test({
  name: "steps change what the rules of a policy allow, and give nothing away",
  ignore: !posix,
  fn: async () => {
    await using host = await realHost();
    const bounds = { allow: [host.at("**")], programs: false };
    const given = sheetOf({
      operation: "file.Dir",
      params: { path: host.at("etc"), user: "12345" },
    });

    const many = { sheet: manySteps(host.at) };

    const planned = await host.run(statePlan, many, { bounds });
    const done = await host.run(stateApply, many, { bounds });
    const refused = await host.run(stateApply, { sheet: given }, { bounds });

    assertEquals(planned.outcome.message, "6 steps would change something");
    assertEquals(
      [done.outcome.success, done.outcome.message],
      [true, "6 steps changed something"],
    );
    assertEquals(
      refused.outcome.message,
      `step "step 0" failed: Cannot give "${
        host.at("etc")
      }" to another owner here: the rules of this agent's policy judge no owners in states`,
    );
  },
});

Deno.test({
  name:
    "an operation of steps runs by itself, and only looks if it is asked to",
  ignore: !posix,
  fn: async () => {
    await using host = await realHost();
    const line = operationNamed("file.Line", { allowTestOperations: false });
    const params = { path: host.at("etc/motd"), line: "be kind" };
    const before = await host.tree();

    const looked = await host.run(line, { ...params, plan: "true" });
    assertEquals(await host.tree(), before);
    const changed = await host.run(line, params);
    const again = await host.run(line, params);

    assertEquals(
      [looked, changed, again].map(({ outcome }) => [
        outcome.changed,
        outcome.message,
      ]),
      [
        [false, `would change ${params.path}: content +1 -0`],
        [true, `changed ${params.path}: content +1 -0`],
        [false, `unchanged: ${params.path}`],
      ],
    );
    assertEquals(
      looked.text,
      `would change ${params.path}: content +1 -0\n--- before\n+++ after\n@@ -1,1 +1,2 @@\n welcome\n+be kind\n`,
    );
  },
});

Deno.test({
  name: "a second run waits for the first",
  ignore: !posix,
  fn: async () => {
    await using host = await realHost();
    const sheet = manySteps(host.at);
    const both = await Promise.all([host.apply(sheet), host.apply(sheet)]);

    assertEquals(
      both.map(({ outcome }) => outcome.changed).toSorted(),
      [false, true],
    );
  },
});

Deno.test({
  name: "a cancel ends the program of a step, and no step is run after it",
  ignore: !posix,
  fn: async () => {
    await using folder = await TempFolder.make();
    const context = newContext(undefined, { stepsFolder: folder.at("steps") });
    const sheet = sheetOf(
      { operation: "command.Run", params: { shell: "echo up; sleep 600" } },
      { operation: "file.Dir", params: { path: folder.at("after") } },
    );

    const { outcome } = await finish(
      stateApply.run({ sheet } as never, context),
      (text) =>
        ({ true: context.stopNow } as Record<string, () => void>)[
          `${text.includes('"text":"up')}`
        ]?.(),
    );

    assertEquals([outcome.success, outcome.data], [false, {
      ok: 0,
      changed: 0,
      unknown: 0,
      failed: 1,
      skipped: 0,
      notRun: 1,
      failedStep: "step 0",
      owed: [],
      moved: [],
    }]);
    await assertRejects(() => Deno.stat(folder.at("after")));
  },
});

Deno.test("a sheet that is wrong is refused before anything is done", async () => {
  await using host = await realHost();
  const cases: [object, string][] = [
    [sheetOf({ operation: "file.Lne" }), 'did you mean "file.Line"?'],
    [
      sheetOf({
        operation: "file.Absent",
        params: { path: "/x", recurs: true },
      }),
      'Cannot run step "step 0": file.Absent has no parameter "recurs", did you mean "recurse"?',
    ],
    [
      sheetOf({ operation: "file.Installed", params: { path: "/x" } }),
      "takes exactly one of content, source, template, and none is given",
    ],
    [
      sheetOf({ operation: "file.Dir", params: { path: "x" } }),
      'parameter "path" of file.Dir is wrong: expected an absolute path',
    ],
    [
      sheetOf({ operation: "noop.Noop", require: [0] }),
      'step "step 0" refers to a step that is not before it',
    ],
    [
      sheetOf({ operation: "noop.Noop", name: "a" }, {
        operation: "noop.Noop",
        name: "a",
      }),
      'two steps are called "a"',
    ],
  ];

  for (const [sheet, message] of cases) {
    await assertRejects(
      () => host.run(stateApply, { sheet }),
      PiriError,
      message,
    );
  }
});

for (
  const [what, line, timeoutMs, error] of [
    [
      "is ended by a signal",
      "kill -9 $$",
      60_000,
      'Cannot tell what "kill -9 $$" finds: it ended without an exit code, by SIGKILL',
    ],
    [
      "catches the signal at the end of its time",
      "trap 'exit 1' TERM; while :; do sleep 0.1; done",
      1_000,
      'Cannot finish step "Asks": its 1000 ms are over',
    ],
    [
      "ignores the signal at the end of its time",
      "trap '' TERM; while :; do sleep 0.1; done",
      1_000,
      'Cannot finish step "Asks": its 1000 ms are over',
    ],
  ] as const
) {
  Deno.test({
    name: `a real program of a condition that ${what} is no answer`,
    ignore: !posix,
    fn: async () => {
      await using host = await realHost();

      const { outcome, steps } = await host.apply(sheetOf({
        name: "Asks",
        operation: "noop.Noop",
        timeoutMs,
        if: { kind: "cmd", line, codes: [0] },
      }));

      assertEquals(outcome.success, false);
      assertEquals(steps[0]?.error?.message, error);
    },
  });
}
