import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import { FakeHost, type FakeNode, type FakePrograms } from "./fake_host.ts";
import { applyOn, planOn, sheetOf } from "./runs.ts";
import { lines, type Step } from "./service_runs.ts";

const FOLDER: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };
const PROGRAM: FakeNode = {
  kind: "file",
  mode: 0o755,
  uid: 0,
  gid: 0,
  text: "",
};

function job(params: SheetStep["params"]): Step {
  return { operation: "cron.Job", params: { name: "tidy", ...params } };
}

const DAILY = { schedule: "@daily", command: "tidy" };

/** Host with a folder of cron. */
function folderHost(): FakeHost {
  return new FakeHost(
    new Map([["/etc", FOLDER], ["/etc/cron.d", FOLDER]]),
  );
}

/** Host whose users have crontabs, and no folder of cron. */
function crontabHost(crontabs: Map<string, string>): FakeHost {
  const programs: FakePrograms = {
    crontab: (_, [, user = "", act], { stdin = "" }) => {
      if (act === "-") {
        crontabs.set(user, stdin);
        return 0;
      }
      const stdout = crontabs.get(user);
      return stdout === undefined
        ? { code: 1, stderr: `no crontab for ${user}\n` }
        : { stdout };
    },
  };
  const tree = new Map([
    ["/usr", FOLDER],
    ["/usr/bin", FOLDER],
    ["/usr/bin/crontab", PROGRAM],
  ]);
  return new FakeHost(tree, undefined, programs);
}

Deno.test("a job of cron is a file of its own, which is written once and removed", async () => {
  const host = folderHost();
  const sheet = sheetOf(job({
    schedule: " 30  4 * * mon-fri ",
    command: "date +%F > /tmp/x",
    user: "anna",
    env: { MAILTO: "", A: 'say "x"' },
  }));

  const planned = await planOn(host, sheet);
  const applied = await applyOn(host, sheet);
  const again = await applyOn(host, sheet);
  const file = host.tree.get("/etc/cron.d/tidy");
  const removed = await applyOn(host, sheetOf(job({ absent: true })));
  const removedAgain = await applyOn(host, sheetOf(job({ absent: true })));

  assertEquals(lines(planned), lines(applied));
  assertEquals(lines(again), [["ok"]]);
  assertEquals(file, {
    kind: "file",
    mode: 0o600,
    uid: 0,
    gid: 0,
    text:
      '# Managed by Piri: changes here are lost.\nA=\'say "x"\'\nMAILTO=""\n30  4 * * mon-fri anna date +\\%F > /tmp/x\n',
  });
  assertEquals(lines(removed), [["change", "job file (absent)"]]);
  assertEquals(lines(removedAgain), [["ok"]]);
  assertEquals(host.tree.has("/etc/cron.d/tidy"), false);
});

Deno.test("a job of cron is a block of the user's crontab where there is no folder", async () => {
  const mine = "MAILTO=me\n0 1 * * * mine\n";
  const crontabs = new Map([["anna", mine]]);
  const host = crontabHost(crontabs);
  const sheet = sheetOf(
    job({ ...DAILY, user: "anna", env: { A: "it's" } }),
    { ...job({ ...DAILY, name: "other" }), name: "other" },
  );

  const applied = await applyOn(host, sheet);
  const again = await applyOn(host, sheet);
  const after = new Map(crontabs);
  await applyOn(host, sheetOf(job({ absent: true, user: "anna" })));

  assertEquals(applied.end.success, true, applied.end.message);
  assertEquals(lines(again), [["ok"], ["ok"]]);
  assertEquals([...after], [
    [
      "anna",
      `${mine}# BEGIN job tidy, managed by Piri\n@daily export A='it'\\''s'; tidy\n# END job tidy, managed by Piri\n`,
    ],
    [
      "root",
      "# BEGIN job other, managed by Piri\n@daily tidy\n# END job other, managed by Piri\n",
    ],
  ]);
  assertEquals(crontabs.get("anna"), mine);
});

Deno.test("a crontab that cannot be read is never written", async () => {
  const crontabs = new Map<string, string>();
  const host = crontabHost(crontabs);
  const broken = new FakeHost(host.tree, undefined, {
    crontab: () => ({ code: 1, stderr: "you are not allowed to use crontab" }),
  });

  const { steps } = await applyOn(broken, sheetOf(job(DAILY)));

  assertEquals(
    steps[0]?.error?.message,
    'Cannot read the crontab of "root": you are not allowed to use crontab',
  );
  assertEquals(broken.ran, []);
});

Deno.test("a variable for cron itself is refused where it would hold for other jobs", async () => {
  const host = crontabHost(new Map());

  const { steps } = await planOn(
    host,
    sheetOf(job({ ...DAILY, env: { MAILTO: "x" } })),
  );

  assertEquals(steps[0]?.error?.code, "INVALID_ARGUMENT");
});

Deno.test("a host without cron cannot have its jobs, and is unknown behind a step that may bring it", async () => {
  const install = { operation: "command.Run", params: { command: "say" } };

  const alone = await planOn(new FakeHost(), sheetOf(job(DAILY)));
  const behind = await planOn(
    new FakeHost(),
    sheetOf({ ...install, name: "Install" }, job(DAILY)),
  );

  assertEquals(alone.steps[0]?.error?.code, "UNSUPPORTED");
  assertEquals(lines(behind)[1], [
    "unknown",
    'there is no cron, and step "Install" may bring it',
  ]);
});

for (
  const [what, params] of [
    ["name with a dot", { ...DAILY, name: "a.b" }],
    ["name with a slash", { ...DAILY, name: "../x" }],
    ["long name", { ...DAILY, name: "x".repeat(200) }],
    ["empty command", { ...DAILY, command: " " }],
    ["command of two lines", { ...DAILY, command: "x\n* * * * * root y" }],
    ["user with a blank", { ...DAILY, user: "a b" }],
    ["unknown user", { ...DAILY, user: "nobody" }],
    ["variable with a blank", { ...DAILY, env: { "A B": "" } }],
    ["value of two lines", { ...DAILY, env: { A: "\nroot" } }],
    ["value with both quotes", { ...DAILY, env: { A: "\"'" } }],
    ["four fields", { ...DAILY, schedule: "* * * *" }],
    ["six fields", { ...DAILY, schedule: "* * * * * *" }],
    ["empty schedule", { ...DAILY, schedule: "" }],
    ["unknown word", { ...DAILY, schedule: "@often" }],
    ["word and more", { ...DAILY, schedule: "@daily 1" }],
    ["minute of 60", { ...DAILY, schedule: "60 * * * *" }],
    ["hour of 24", { ...DAILY, schedule: "0 24 * * *" }],
    ["day of 0", { ...DAILY, schedule: "0 0 0 * *" }],
    ["month of 13", { ...DAILY, schedule: "0 0 1 13 *" }],
    ["weekday of 8", { ...DAILY, schedule: "0 0 * * 8" }],
    ["range from behind", { ...DAILY, schedule: "5-3 * * * *" }],
    ["stride of nothing", { ...DAILY, schedule: "*/0 * * * *" }],
    ["stride of a number", { ...DAILY, schedule: "5/2 * * * *" }],
    ["empty part", { ...DAILY, schedule: "1,, * * * *" }],
    ["schedule of two lines", { ...DAILY, schedule: "* * * * *\n" + "x" }],
    ["schedule in other digits", { ...DAILY, schedule: "١ * * * *" }],
  ] as const
) {
  Deno.test(`a job of cron with a wrong ${what} is refused before anything is written`, async () => {
    const host = folderHost();

    const { steps } = await applyOn(host, sheetOf(job(params)));

    assertEquals(steps[0]?.verdict, "failed");
    assertEquals(host.writes, 0);
  });
}

for (
  const schedule of [
    "* * * * *",
    "*/5 0-23/2 1,15 jan-mar,DEC 0",
    "0 0 1 1 7",
    "@reboot",
    "5,10-20/3\t4 * * Mon",
  ]
) {
  Deno.test(`the schedule ${schedule} of a job is taken`, async () => {
    const { steps } = await planOn(
      folderHost(),
      sheetOf(job({ ...DAILY, schedule })),
    );

    assertEquals(steps[0]?.verdict, "change");
  });
}

Deno.test("a crontab keeps all that is no block of the job, for any crontab and command", async () => {
  const words = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) =>
    text.replace(/[\r\n\0]/g, " ")
  );
  await fc.assert(
    fc.asyncProperty(fc.array(words), words, async (before, command) => {
      fc.pre(command.trim() !== "");
      const text = before.map((line) => `${line}\n`).join("");
      const crontabs = new Map([["root", text]]);
      const host = crontabHost(crontabs);
      const sheet = sheetOf(job({ ...DAILY, command }));

      await applyOn(host, sheet);
      const again = await applyOn(host, sheet);
      await applyOn(host, sheetOf(job({ absent: true })));

      assertEquals(lines(again), [["ok"]]);
      assertEquals(crontabs.get("root"), text);
    }),
    { numRuns: 60 },
  );
});
