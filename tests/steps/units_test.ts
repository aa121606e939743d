import { assertEquals } from "@std/assert";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import { hostWith, lines, running, type Step } from "./service_runs.ts";

function unit(params: SheetStep["params"]): Step {
  return { operation: "systemd.Unit", params: { name: "app", ...params } };
}

function timer(params: SheetStep["params"]): Step {
  return { operation: "systemd.Timer", params: { name: "tidy", ...params } };
}

const TEXT = "[Service]\nExecStart=/bin/true\n[Install]\n";
const PATH = "/etc/systemd/system/app.service";

Deno.test("a unit is written, read, enabled and started, and left alone the next time", async () => {
  const { host, plan, apply } = hostWith({});
  const step = unit({ content: TEXT, enabled: true, running: true });

  const planned = await plan(step);
  const applied = await apply([step]);
  const again = await apply([step]);

  const wanted = [[
    "change",
    "content (absent) new",
    "enabled no yes",
    "service not running running",
  ]];
  const withoutHash = (found: unknown[]) =>
    found.map((each) => String(each).replace(/\d+ bytes, \w+/, "new"));
  assertEquals(withoutHash(lines(planned)), wanted.map(String));
  assertEquals(withoutHash(lines(applied)), wanted.map(String));
  assertEquals(lines(again), [["ok"]]);
  assertEquals(host.ran, [
    "systemctl daemon-reload",
    "systemctl enable -- app.service",
    "systemctl start -- app.service",
  ]);
});

Deno.test("a unit that changes restarts the service that listens to it", async () => {
  const { systemd, plan, apply } = hostWith({});
  const before = [unit({ content: TEXT }), running("app")];
  await apply(before);
  systemd.acts.length = 0;
  const after = [
    { ...unit({ content: `${TEXT}# new\n` }), name: "Unit" },
    running("app", { restart_on: [0] }),
  ];

  const planned = await plan(...after);
  const applied = await apply(after);
  const again = await plan(...after);

  assertEquals(lines(planned)[1], ["change", "restart, as Unit changes"]);
  assertEquals(lines(applied)[1], ["change", "restart, as Unit changes"]);
  assertEquals(lines(again), [["ok"], ["ok"]]);
  assertEquals(systemd.acts, ["restart app.service"]);
});

Deno.test("a unit that shall be absent is stopped, disabled and removed, and gone for later steps", async () => {
  const { host, systemd, plan, apply } = hostWith({});
  await apply([unit({ content: TEXT, enabled: true, running: true })]);
  host.ran.length = 0;
  const steps = [
    unit({ absent: true }),
    { operation: "service.Stopped", params: { name: "app" } },
  ];

  const planned = await plan(...steps, { ...running("app"), name: "late" });
  const applied = await apply(steps);
  systemd.units.delete("app.service");
  const again = await apply(steps);

  assertEquals(lines(planned).slice(0, 2), [
    [
      "change",
      `${PATH} file (absent)`,
      "enabled yes no",
      "service active (running) stopped",
    ],
    ["ok", "there is no such service"],
  ]);
  assertEquals(planned.steps[2]?.error?.code, "NOT_FOUND");
  assertEquals(applied.end.success, true, applied.end.message);
  assertEquals(lines(again)[0], ["ok"]);
  assertEquals(host.tree.has(PATH), false);
  assertEquals(host.ran, [
    "systemctl stop -- app.service",
    "systemctl disable -- app.service",
    "systemctl daemon-reload",
  ]);
});

Deno.test("a file that adds to a unit of a package is written and removed, and the unit stays", async () => {
  const { host, systemd, apply } = hostWith({
    "web.service": { active: "active", fileState: "enabled" },
  });
  const path = "/etc/systemd/system/web.service.d/limits.conf";
  const dropin = { name: "web", dropin: "limits" };

  await apply([unit({ ...dropin, content: "[Service]\nLimitNOFILE=9\n" })]);
  const text = host.tree.get(path)?.text;
  await apply([unit({ ...dropin, absent: true })]);

  assertEquals(text, "[Service]\nLimitNOFILE=9\n");
  assertEquals(host.tree.has(path), false);
  assertEquals(host.ran, [
    "systemctl daemon-reload",
    "systemctl daemon-reload",
  ]);
  assertEquals(systemd.stateOf("web.service"), "loaded active enabled");
});

Deno.test("a template of units is written, and cannot run itself", async () => {
  const { host, apply } = hostWith({});

  const applied = await apply([
    unit({ name: "app@", content: TEXT }),
    { ...unit({ name: "x@", content: TEXT, running: true }), name: "x" },
  ]);

  assertEquals(applied.steps[0]?.verdict, "change");
  assertEquals(
    lines(applied)[1],
    'Cannot use "running": the unit "x@" is a template, which cannot run; use service.Running for its instances',
  );
  assertEquals(host.tree.has("/etc/systemd/system/app@.service"), true);
});

for (
  const [what, params, code] of [
    ["of the agent", { name: "piri-agent", content: TEXT }, "REFUSED"],
    ["of this process", { name: "own.service", content: TEXT }, "REFUSED"],
    [
      "with a path as its name",
      { name: "../x", content: TEXT },
      "INVALID_ARGUMENT",
    ],
    [
      "with a path as its dropin",
      { dropin: "../x", content: TEXT },
      "INVALID_ARGUMENT",
    ],
    [
      "that is absent and runs",
      { absent: true, running: true },
      "INVALID_ARGUMENT",
    ],
    ["that is neither absent nor given", { absent: false }, "INVALID_ARGUMENT"],
  ] as const
) {
  Deno.test(`a unit ${what} is refused`, async () => {
    const { systemd, plan } = hostWith({});
    systemd.ownUnit = "own.service";

    const planned = await plan(unit(params));

    assertEquals(planned.steps[0]?.error?.code, code);
  });
}

Deno.test("a timer is made with its service and its variables, and left alone the next time", async () => {
  const { host, apply } = hostWith({});
  const step = timer({
    calendar: ["daily", "Mon *-*-* 03:00"],
    command: 'echo "$HOME" 100% \\n',
    user: "anna",
    env: { B: 'a"$b\\', A: "1" },
  });

  const applied = await apply([step]);
  const again = await apply([step]);

  assertEquals(
    applied.steps[0]?.changes.map(({ what, to }) =>
      what.startsWith("tidy") ? what : `${what} ${to}`
    ),
    [
      "tidy.service.env content",
      "tidy.service content",
      "tidy.timer content",
      "enabled yes",
      "service running",
    ],
  );
  const at = (name: string) => host.tree.get(`/etc/systemd/system/${name}`);
  assertEquals(applied.end.success, true, applied.end.message);
  assertEquals(lines(again), [["ok"]]);
  assertEquals(
    at("tidy.service")?.text?.split("\n").slice(4),
    [
      "[Service]",
      "Type=oneshot",
      "User=anna",
      "EnvironmentFile=/etc/systemd/system/tidy.service.env",
      'ExecStart=/bin/sh -c "echo \\"$$HOME\\" 100%% \\\\n"',
      "",
    ],
  );
  assertEquals(
    at("tidy.timer")?.text?.split("\n").filter((line) =>
      line.startsWith("OnCalendar")
    ),
    ["OnCalendar=daily", "OnCalendar=Mon *-*-* 03:00"],
  );
  assertEquals(at("tidy.service.env"), {
    kind: "file",
    mode: 0o600,
    uid: 0,
    gid: 0,
    text:
      '# Managed by Piri: changes here are lost.\nA="1"\nB="a\\"\\$b\\\\"\n',
  });
  assertEquals(host.ran, [
    "systemctl daemon-reload",
    "systemctl enable -- tidy.timer",
    "systemctl start -- tidy.timer",
  ]);
});

Deno.test("the values of a timer's variables are not shown", async () => {
  const { plan } = hostWith({});

  const planned = await plan(
    timer({ calendar: ["daily"], command: "x", env: { KEY: "hunter2" } }),
  );

  assertEquals(JSON.stringify(planned.records).includes("hunter2"), false);
});

Deno.test("a timer that shall be absent is stopped and removed with its files", async () => {
  const { host, systemd, apply } = hostWith({});
  await apply([
    timer({ calendar: ["daily"], command: "x", env: { KEY: "1" } }),
  ]);

  const applied = await apply([timer({ absent: true })]);
  systemd.units.clear();
  const again = await apply([timer({ absent: true })]);

  assertEquals(applied.end.success, true, applied.end.message);
  assertEquals([...host.tree.keys()].filter((path) => /tidy/.test(path)), []);
  assertEquals(lines(again), [["ok"]]);
});

for (
  const [what, params] of [
    ["time", { calendar: ["nonsense"], command: "x" }],
    ["time of two lines", { calendar: ["daily\nUnit=x"], command: "x" }],
    ["empty time", { calendar: [""], command: "x" }],
    ["empty list of times", { calendar: [], command: "x" }],
    ["command of two lines", { calendar: ["daily"], command: "x\ny" }],
    ["name", { name: "a/b", calendar: ["daily"], command: "x" }],
    ["user", { calendar: ["daily"], command: "x", user: "a\nb" }],
    ["variable", { calendar: ["daily"], command: "x", env: { "A-B": "" } }],
    ["value", { calendar: ["daily"], command: "x", env: { A: "1\n2" } }],
    ["unknown user", { calendar: ["daily"], command: "x", user: "nobody" }],
  ] as const
) {
  Deno.test(`a timer with a wrong ${what} is refused before anything is written`, async () => {
    const { host, apply } = hostWith({});
    host.tree.set("/usr/bin/systemd-analyze", {
      kind: "file",
      mode: 0o755,
      uid: 0,
      gid: 0,
      text: "",
    });

    const { steps } = await apply([timer(params)]);

    assertEquals(steps[0]?.verdict, "failed");
    assertEquals(host.writes, 0);
  });
}
