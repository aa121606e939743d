import { assertEquals, assertMatch } from "@std/assert";
import type { Expected } from "../../lib/steps/engine/expected.ts";
import type { StepRecord } from "../../lib/steps/engine/records.ts";
import type { Sheet } from "../../lib/steps/sheet.ts";
import { refusal } from "../support/refusal.ts";
import { FakeHost } from "./fake_host.ts";
import { applyOn, planOn, sheetOf } from "./runs.ts";

const FOLDER = { kind: "folder", mode: 0o755, uid: 0, gid: 0 } as const;

/** Findings of a plan, as its apply gets them. */
function expectedOf(steps: readonly StepRecord[]): Map<string, Expected> {
  return new Map(steps.map((step) => [step.name, step]));
}

/** Plans, changes the host by hand, and applies the plan. */
async function afterChange(
  sheet: Sheet,
  change: (host: FakeHost) => void,
  { strict = false, host = new FakeHost() }: {
    strict?: boolean;
    host?: FakeHost;
  } = {},
) {
  const { steps } = await planOn(host, sheet);
  change(host);
  return {
    planned: steps.map(({ verdict }) => verdict),
    applying: applyOn(host, sheet, { expected: expectedOf(steps), strict }),
  };
}

const NEUTRAL = {
  "a path that is waited for": {
    operation: "wait.For",
    params: { path: "/there" },
  },
  "a program that never counts, by creates": {
    operation: "command.Run",
    params: { command: "true", creates: "/there", changes: false },
  },
  "programs that never count, by creates": {
    operation: "command.RunMultiple",
    params: { commands: ["true"], creates: "/there", changes: false },
  },
} as const;

for (const [what, step] of Object.entries(NEUTRAL)) {
  Deno.test(`${what} may come between a plan and its apply, and go`, async () => {
    const sheet = sheetOf(
      step,
      {
        operation: "file.Installed",
        params: { path: "/file", content: "hello" },
      },
    );
    const came = await afterChange(
      sheet,
      (host) => void host.tree.set("/there", FOLDER),
    );
    const there = new FakeHost();
    there.tree.set("/there", FOLDER);
    const stays = await afterChange(sheet, () => {}, { host: there });

    assertEquals(came.planned, ["change", "change"]);
    assertEquals(stays.planned, ["ok", "change"]);
    assertEquals((await came.applying).end.success, true);
    assertEquals((await stays.applying).end.success, true);
  });
}

Deno.test("a program that never counts and has to run again after all runs, also strictly", async () => {
  const host = new FakeHost();
  host.tree.set("/there", FOLDER);
  const sheet = sheetOf(NEUTRAL["a program that never counts, by creates"]);
  const { planned, applying } = await afterChange(
    sheet,
    ({ tree }) => void tree.delete("/there"),
    { host, strict: true },
  );

  assertEquals(planned, ["ok"]);
  assertEquals((await applying).steps[0]?.verdict, "change");
});

Deno.test("a program that counts still makes an apply refuse when its guard has moved", async () => {
  const { planned, applying } = await afterChange(
    sheetOf({
      operation: "command.Run",
      params: { command: "true", creates: "/there" },
    }),
    (host) => void host.tree.set("/there", FOLDER),
  );

  assertEquals(planned, ["change"]);
  assertMatch(
    await refusal(applying),
    /planned as change \(command runs\) and is now ok/,
  );
});

Deno.test("a step behind one that never counts still makes an apply refuse when it has moved itself", async () => {
  const { applying } = await afterChange(
    sheetOf(
      NEUTRAL["a path that is waited for"],
      {
        operation: "file.Installed",
        params: { path: "/file", content: "hello" },
      },
    ),
    (host) => {
      host.tree.set("/there", FOLDER);
      host.tree.set("/file", { ...FOLDER, kind: "file", text: "by hand" });
    },
  );

  assertMatch(await refusal(applying), /step "step 1" was planned as change/);
});

Deno.test("a plan with a step that cannot be done says which, where in the list, and why", async () => {
  const host = new FakeHost();
  const { end } = await planOn(
    host,
    sheetOf(
      { operation: "file.Dir", params: { path: "/a" } },
      {
        name: "Web server:Site",
        operation: "file.Line",
        params: { path: "/none/file", line: "x" },
      },
    ),
  );

  assertMatch(
    end.message,
    /^step 2 of 2, "Web server:Site" \(file\.Line\), cannot be done: Cannot .+\/none\/file/,
  );
});
