import { assertEquals, assertStringIncludes } from "@std/assert";
import { changeText } from "../../../lib/steps/engine/records.ts";
import type { SheetStep } from "../../../lib/steps/sheet.ts";
import { applyOn, planOn, sheetOf } from "../runs.ts";
import { fakeApt } from "./fake_apt.ts";

function installed(
  name: string | readonly string[],
  params: SheetStep["params"] = {},
) {
  const names = typeof name === "string" ? [name] : name;
  return {
    operation: "package.Installed",
    params: { name: names, ...params },
  };
}

function absent(name: string) {
  return { operation: "package.Absent", params: { name: [name] } };
}

Deno.test("a hundred packages that are there cost one query", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `p${index}`);
  const all = Object.fromEntries(names.map((name) => [name, "1"]));
  const { host, calls } = fakeApt(all, all);

  const { steps } = await planOn(
    host,
    sheetOf(...names.map((name) => installed(name))),
  );

  assertEquals(new Set(steps.map(({ verdict }) => verdict)), new Set(["ok"]));
  assertEquals(calls, ["dpkg-query"]);
});

Deno.test("a package that an earlier step installs or removes is foreseen", async () => {
  const { host } = fakeApt({ old: "1" }, { web: "2", old: "1" });

  const { steps } = await planOn(
    host,
    sheetOf(installed("web"), installed("web"), absent("old"), absent("old")),
  );

  assertEquals(steps.map(({ verdict }) => verdict), [
    "change",
    "ok",
    "change",
    "ok",
  ]);
});

Deno.test("an apply does what was planned, and a second one nothing", async () => {
  const fake = fakeApt({ old: "1" }, { web: "2", old: "1" });
  const sheet = sheetOf(installed("web"), absent("old"));
  const plan = await planOn(fake.host, sheet);
  const expected = new Map(plan.steps.map((step) => [step.name, step]));

  const apply = await applyOn(fake.host, sheet, { expected });
  const again = await applyOn(fake.host, sheet);

  assertEquals(apply.end.success, true, apply.end.message);
  assertEquals([...fake.installed], [["web", "2"]]);
  assertEquals(again.end.changed, false);
});

Deno.test("a package that is missing is unknown behind a step that may bring it, else an error", async () => {
  const { host } = fakeApt({}, {});
  const command = { operation: "command.Run", params: { command: "true" } };

  const behind = await planOn(host, sheetOf(command, installed("web")));
  const alone = await planOn(host, sheetOf(installed("web")));

  assertEquals(behind.steps[1]?.verdict, "unknown");
  assertStringIncludes(behind.steps[1]?.reason ?? "", 'step "step 0" may');
  assertEquals(alone.steps[0]?.error?.code, "FAILED_PRECONDITION");
});

Deno.test("a package is installed in the planned version when a newer one has come", async () => {
  const fake = fakeApt({}, { web: "1" });
  const sheet = sheetOf(installed("web"));
  const plan = await planOn(fake.host, sheet);
  fake.available.set("web", "2");

  const apply = await applyOn(fake.host, sheet, {
    expected: new Map(plan.steps.map((step) => [step.name, step])),
  });

  assertEquals(apply.end.success, true, apply.end.message);
  assertEquals(fake.installed.get("web"), "1");
});

Deno.test("a version with an asterisk fits any that begins so", async () => {
  const { host } = fakeApt({ web: "1.22.1-9" }, { web: "1.22.1-9" });
  const verdictOf = async (version: string) => {
    const { steps } = await planOn(
      host,
      sheetOf(installed("web", { version })),
    );
    return steps[0]?.verdict;
  };

  assertEquals(await verdictOf("1.22.*"), "ok");
  assertEquals(await verdictOf("1.22.1-9"), "ok");
  assertEquals(await verdictOf("1.2.*"), "change");
  assertEquals(await verdictOf("1.22.1"), "change");
});

Deno.test("a busy lock is waited for, and its holder is named once", async () => {
  const fake = fakeApt({}, { web: "1" });
  fake.locks = "1: POSIX  ADVISORY  WRITE 12 fe:00:77 0 EOF\n";

  const running = applyOn(fake.host, sheetOf(installed("web")), {
    onRecord: (record) => {
      if (record.kind !== "output" || !record.text.startsWith("waits")) return;
      setTimeout(async () => {
        await fake.host.clock.advance(5_000);
        fake.locks = "";
        await fake.host.clock.advance(1_000);
      });
    },
  });
  const { end, records } = await running;
  const told = records.filter((record) =>
    record.kind === "output" && record.text.startsWith("waits")
  );

  assertEquals(end.success, true, end.message);
  assertEquals(told.map((record) => record.kind === "output" && record.text), [
    "waits for the lock of apt: unattended-upgr (process 12) has it\n",
  ]);
});

Deno.test("a lock that is not given free for ten minutes is an error that names its holder", async () => {
  const fake = fakeApt({}, { web: "1" });
  fake.locks = "1: POSIX  ADVISORY  WRITE 12 fe:00:77 0 EOF\n";

  const { end, steps } = await applyOn(fake.host, sheetOf(installed("web")), {
    onRecord: (record) => {
      if (record.kind !== "output") return;
      setTimeout(() => fake.host.clock.advance(601_000));
    },
  });

  assertEquals(end.success, false);
  assertEquals(steps[0]?.error, {
    code: "TIMED_OUT",
    message:
      "Cannot change packages: unattended-upgr (process 12) has kept the lock of apt for 10 minutes; end it, or wait and plan again",
  });
});

Deno.test("the agent's own package is not removed", async () => {
  const { host } = fakeApt({ "piri-agent": "1" }, {});

  const { steps } = await planOn(host, sheetOf(absent("piri-agent")));

  assertStringIncludes(steps[0]?.error?.message ?? "", "which is this agent");
});

for (
  const [what, step, text] of [
    ["no name", installed([]), "no name of a package is given"],
    ["a name like an option", installed("--purge"), "is no name of a package"],
    [
      "a wrong option",
      installed("web", { options: ["bookworm"] }),
      "one begins with",
    ],
    [
      "an excepted name like an option",
      { operation: "package.Upgraded", params: { except: ["-y"] } },
      "is no name of a package",
    ],
    [
      "a repository whose name leads elsewhere",
      {
        operation: "package.Repository",
        params: { name: "../x", url: "https://x", suites: ["./"] },
      },
      "has other characters",
    ],
    [
      "a repository with a line break in its suite",
      {
        operation: "package.Repository",
        params: { name: "x", url: "https://x", suites: ["a\nTrusted: yes"] },
      },
      "has blanks in it",
    ],
    [
      "a repository without components",
      {
        operation: "package.Repository",
        params: { name: "x", url: "https://x", suites: ["bookworm"] },
      },
      "give its suites, and components with them",
    ],
    [
      "a repository that is no URL",
      {
        operation: "package.Repository",
        params: { name: "x", url: "bookworm", suites: ["./"] },
      },
      "is no URL",
    ],
  ] as const
) {
  Deno.test(`a step of packages with ${what} is refused`, async () => {
    const { host } = fakeApt({}, { web: "1" });

    const { steps } = await planOn(host, sheetOf(step as never));

    assertEquals(steps[0]?.error?.code, "INVALID_ARGUMENT");
    assertStringIncludes(steps[0]?.error?.message ?? "", text);
  });
}

Deno.test("RedPepper's apt.Installed installs as package.Installed does", async () => {
  const fake = fakeApt({}, { vim: "9" });
  const sheet = sheetOf({
    operation: "apt.Installed",
    params: { name: ["vim"] },
  });

  const { steps, end } = await applyOn(fake.host, sheet);

  assertEquals(end.success, true, end.message);
  assertEquals(steps[0]?.changes.map(changeText), ["vim (absent) -> 9"]);
});
