import { assertEquals, assertStringIncludes } from "@std/assert";
import { MemoryDisk } from "../support/memory_disk.ts";
import { FakeHost } from "./fake_host.ts";
import { planOn, sheetOf } from "./runs.ts";
import { hostWith, lines, running, type Step } from "./service_runs.ts";

const up = { active: "active", fileState: "enabled" } as const;

Deno.test("a service that does not run is started, enabled, and left alone the next time", async () => {
  const { systemd, apply, plan } = hostWith({ "web.service": {} });
  const step = running("web", { enabled: true });

  const planned = await plan(step);
  const applied = await apply([step]);
  const again = await apply([step]);

  const wanted = [[
    "change",
    "enabled no yes",
    "service inactive (dead) running",
  ]];
  assertEquals([lines(planned), lines(applied)], [wanted, wanted]);
  assertEquals(lines(again), [["ok"]]);
  assertEquals(systemd.acts, ["enable web.service", "start web.service"]);
});

Deno.test("a service that does not start fails the step, with its state and its last log lines", async () => {
  const { apply } = hostWith({
    "web.service": {
      failsToStart: true,
      log: ["reading web.conf", "bad port"],
    },
  });

  const applied = await apply([running("web")]);

  assertEquals(lines(applied), [
    'Cannot start "web.service": systemctl ended with exit code 1, and it is failed (exit-code); its last log lines: reading web.conf / bad port',
  ]);
});

Deno.test("a service whose dependency does not start names it", async () => {
  const { apply } = hostWith({
    "web.service": { needs: "db.service" },
    "db.service": { failsToStart: true },
  });

  const applied = await apply([running("web")]);

  assertEquals(lines(applied), [
    'Cannot start "web.service": systemctl ended with exit code 1, and it is inactive (dead); db.service is failed (exit-code)',
  ]);
});

Deno.test("a service that ends while it settles fails the step", async () => {
  const { apply } = hostWith({
    "web.service": { diesAfter: 1, log: ["cannot bind"] },
  });

  const applied = await apply([running("web", { settle: 5_000 })]);

  assertEquals(lines(applied), [
    'Cannot keep "web.service" running: 5000 ms after its start it is failed (exit-code); its last log lines: cannot bind',
  ]);
});

Deno.test("a service that ends and is started again while it settles fails the step", async () => {
  const { apply } = hostWith({
    "web.service": { diesAfter: 1, comesBack: true },
  });

  const applied = await apply([running("web")]);

  assertEquals(lines(applied), [
    'Cannot keep "web.service" running: it ended, and was started again, within 2000 ms',
  ]);
});

Deno.test("a unit that ends at once without an error is told to be no service that stays", async () => {
  const { apply } = hostWith({ "once.service": { isOneshot: true } });

  const applied = await apply([running("once")]);

  assertStringIncludes(String(lines(applied)[0]), "Type=oneshot");
});

Deno.test("a unit whose conditions are not met says so", async () => {
  const { apply } = hostWith({ "web.service": { isUnmet: true } });

  const applied = await apply([running("web")]);

  assertEquals(lines(applied), [
    'Cannot keep "web.service" running: right after its start it is inactive (dead); its own conditions are not met',
  ]);
});

Deno.test("a service that its manager starts again and again is stopped", async () => {
  const { systemd, apply } = hostWith({
    "web.service": { active: "activating", sub: "auto-restart" },
  });
  const stopped = { operation: "service.Stopped", params: { name: "web" } };

  const applied = await apply([stopped]);
  const again = await apply([stopped]);

  assertEquals(lines(applied), [
    ["change", "service activating (auto-restart) stopped"],
  ]);
  assertEquals(lines(again), [["ok"]]);
  assertEquals(systemd.acts, ["stop web.service"]);
});

const site: Step = {
  name: "Site",
  operation: "file.Installed",
  params: { path: "/etc/site", content: "new" },
};

for (
  const [what, unit, params, line] of [
    ["restarts", up, { restart_on: [0] }, "restart, as Site changes"],
    [
      "reloads",
      { ...up, canReload: true },
      { reload_on: [0] },
      "reload, as Site changes",
    ],
    [
      "restarts, as it cannot reload,",
      up,
      { reload_on: [0] },
      "restart, as Site changes",
    ],
    [
      "restarts once",
      { ...up, canReload: true },
      { reload_on: [0], restart_on: [0] },
      "restart, as Site changes",
    ],
  ] as const
) {
  Deno.test(`a service ${what} when a step changes something, and not the next time`, async () => {
    const { systemd, plan, apply } = hostWith({ "web.service": unit });
    const steps = [site, running("web", params)];

    const planned = await plan(...steps);
    const applied = await apply(steps);
    const again = await apply(steps);

    assertEquals(lines(planned)[1], ["change", line]);
    assertEquals(lines(applied)[1], ["change", line]);
    assertEquals(lines(again), [["ok"], ["ok"]]);
    assertEquals(systemd.acts, [`${line.split(",")[0]} web.service`]);
  });
}

Deno.test("a service that does not run is started, which is its reaction to all changes", async () => {
  const { systemd, apply } = hostWith({ "web.service": {} });

  await apply([site, running("web", { restart_on: [0], reload_on: [0] })]);

  assertEquals(systemd.acts, ["start web.service"]);
});

Deno.test("a restart that failed is owed until it has succeeded", async () => {
  const { systemd, apply } = hostWith({
    "web.service": { ...up, failsToStart: true },
  });
  const disk = new MemoryDisk();
  const steps = [site, running("web", { restart_on: [0] })];

  const failed = await apply(steps, { disk });
  const again = await apply(steps, { disk });
  Object.assign(systemd.units.get("web.service") ?? {}, {
    failsToStart: false,
    active: "active",
  });
  const healed = await apply(steps, { disk });
  const after = await apply(steps, { disk });

  assertEquals(failed.end.owed.map(({ listener }) => listener), ["step 1"]);
  assertEquals(again.end.owed.length, 1);
  assertEquals(lines(healed), [["ok"], ["change", "restart, as Site changes"]]);
  assertEquals(healed.end.owed, []);
  assertEquals(lines(after), [["ok"], ["ok"]]);
});

Deno.test("a service that reacts to a step nobody can foresee is unknown", async () => {
  const { plan } = hostWith({ "web.service": up });

  const planned = await plan(
    site,
    {
      name: "Build",
      operation: "command.Run",
      params: { command: "say", changed_codes: [1] },
    },
    running("web", { restart_on: [1] }),
  );

  assertEquals(lines(planned)[2], [
    "unknown",
    "it reacts to changes of Build",
  ]);
});

Deno.test("a service of a unit that an earlier step writes is foreseen", async () => {
  const { plan, apply, systemd } = hostWith({});
  const steps = [
    {
      operation: "file.Installed",
      params: {
        path: "/etc/systemd/system/app.service",
        content: "[Service]\n[Install]\n",
      },
    },
    running("app", { enabled: true }),
  ];

  const planned = await plan(...steps);
  const applied = await apply(steps);

  const wanted = ["change", "enabled no yes"];
  assertEquals(lines(planned)[1], [...wanted, "service not running running"]);
  assertEquals(lines(applied)[1], [
    ...wanted,
    "service inactive (dead) running",
  ]);
  assertEquals(systemd.acts, ["enable app.service", "start app.service"]);
});

for (
  const [what, path, content] of [
    ["file", "/usr/lib/systemd/system/web.service", "[Install]\n# new\n"],
    ["added file", "/etc/systemd/system/web.service.d/more.conf", "# more\n"],
  ] as const
) {
  Deno.test(`the ${what} of a service that an earlier step changes is read anew, as planned`, async () => {
    const { plan, apply, host } = hostWith({ "web.service": up });
    const steps = [
      {
        operation: "file.Installed",
        params: { path, content, parents: true },
      },
      running("web"),
      { ...running("web"), name: "again" },
    ];

    const planned = await plan(...steps);
    const applied = await apply(steps);
    const again = await apply(steps);

    const wanted = [["change", "files are read anew"], ["ok"]];
    assertEquals(lines(planned).slice(1), wanted);
    assertEquals(lines(applied).slice(1), wanted);
    assertEquals(lines(again), [["ok"], ["ok"], ["ok"]]);
    assertEquals(host.ran, ["systemctl daemon-reload"]);
  });
}

Deno.test("a service that is not there is an error, and unknown behind a step that may bring it", async () => {
  const { plan } = hostWith({});

  const alone = await plan(running("nginx"));
  const behind = await plan(
    { name: "Install", operation: "command.Run", params: { command: "say" } },
    running("nginx"),
  );

  assertEquals(lines(alone), [
    'Cannot find the service "nginx.service": systemd knows none of this name on this host; install it by an earlier step, or mend the name',
  ]);
  assertEquals(lines(behind)[1], [
    "unknown",
    'there is no service "nginx.service", and step "Install" may bring it',
  ]);
});

Deno.test("a static unit is told to be so, and not fought", async () => {
  const { apply } = hostWith({ "web.service": { ...up, fileState: "static" } });

  const applied = await apply([
    running("web", { enabled: true }),
    { operation: "service.Disabled", params: { name: "web" } },
  ]);

  const why = "has no [Install] section: others start it";
  assertEquals(lines(applied), [
    ["ok", `it cannot be enabled: it ${why}`],
    ["ok", `it cannot be disabled: it ${why}`],
  ]);
});

Deno.test("another name of a unit means the unit, and is told", async () => {
  const { systemd, apply } = hostWith({
    "sshd.service": { names: ["ssh.service"] },
  });

  const applied = await apply([running("ssh", { enabled: true })]);

  assertEquals(
    applied.steps[0]?.reason,
    'it is another name of "sshd.service"',
  );
  assertEquals(systemd.acts, ["enable sshd.service", "start sshd.service"]);
});

Deno.test("a masked unit is started only if it shall be enabled, too", async () => {
  const masked = { load: "masked", fileState: "masked" } as const;
  const { systemd, apply } = hostWith({ "web.service": masked });

  const refused = await apply([running("web")]);
  const freed = await apply([running("web", { enabled: true })]);

  assertEquals(lines(refused), [
    'Cannot start "web.service": it is masked; give enabled: true, which ends that',
  ]);
  assertEquals(lines(freed), [[
    "change",
    "masked yes no",
    "enabled no yes",
    "service inactive (dead) running",
  ]]);
  assertEquals(systemd.stateOf("web.service"), "loaded active enabled");
});

Deno.test("a unit is masked, also one that is not there, and not again", async () => {
  const { systemd, apply } = hostWith({ "web.service": up });
  const steps = ["web", "nowhere"].map((name) => ({
    operation: "service.Masked",
    params: { name },
    name,
  }));

  const applied = await apply(steps);
  const again = await apply(steps);

  assertEquals(lines(applied), [
    ["change", "masked no yes"],
    ["change", "masked no yes"],
  ]);
  assertEquals(lines(again), [["ok"], ["ok"]]);
  assertEquals(systemd.acts, ["mask web.service", "mask nowhere.service"]);
});

Deno.test("a service is stopped and disabled; one that is not there is right", async () => {
  const { systemd, apply } = hostWith({ "web.service": up });
  const stopped = (name: string) => ({
    operation: "service.Stopped",
    params: { name, enabled: false },
    name,
  });

  const applied = await apply([stopped("web"), stopped("nowhere")]);

  assertEquals(lines(applied), [
    ["change", "enabled yes no", "service active (running) stopped"],
    ["ok", "there is no such service"],
  ]);
  assertEquals(systemd.stateOf("web.service"), "loaded inactive disabled");
});

Deno.test("a step sees what earlier ones will have done to the same service", async () => {
  const { plan } = hostWith({ "web.service": up });

  const planned = await plan(
    { operation: "service.Stopped", params: { name: "web" } },
    { operation: "systemd.Running", params: { name: "web.service" } },
    { operation: "service.Enabled", params: { name: "web" } },
  );

  assertEquals(lines(planned), [
    ["change", "service active (running) stopped"],
    ["change", "service stopped running"],
    ["ok"],
  ]);
});

Deno.test("a restart and a reload act each time, and a reload of what does not run is refused", async () => {
  const { systemd, apply } = hostWith({
    "web.service": { ...up, canReload: true },
    "off.service": {},
  });
  const act = (operation: string, name: string) => ({
    operation: `service.${operation}`,
    params: { name },
    name: `${operation} ${name}`,
  });

  const applied = await apply([
    act("Restart", "web"),
    act("Reload", "web"),
    act("Reload", "off"),
  ]);

  assertEquals(lines(applied), [
    ["change", "service restarts"],
    ["change", "service reloads"],
    'Cannot reload "off.service": it does not run (inactive (dead))',
  ]);
  assertEquals(systemd.acts, ["restart web.service", "reload web.service"]);
});

for (const own of ["piri-agent", "other.service"]) {
  Deno.test(`steps that would end the agent in ${own} are refused before anything is done`, async () => {
    const { systemd, host, plan } = hostWith({
      "piri-agent.service": up,
      "other.service": up,
    });
    systemd.ownUnit = "other.service";
    const at = (operation: string, more = {}) => ({
      name: operation,
      operation: `service.${operation}`,
      params: { name: own, ...more },
      continue: true as const,
    });

    const planned = await plan(
      { ...site, continue: true },
      at("Stopped"),
      at("Masked"),
      at("Restart"),
      at("Running", { restart_on: [0] }),
      { ...at("Running"), name: "plain" },
    );

    assertEquals(
      planned.steps.map(({ error, verdict }) => error?.code ?? verdict),
      ["change", "REFUSED", "REFUSED", "REFUSED", "REFUSED", "ok"],
    );
    assertEquals(host.ran, []);
  });
}

Deno.test("many services are looked at by one question", async () => {
  const names = Array.from({ length: 50 }, (_, index) => `s${index}`);
  const { systemd, plan } = hostWith(
    Object.fromEntries(names.map((name) => [`${name}.service`, up])),
  );

  await plan(...names.map((name) => ({ ...running(name), name })));

  assertEquals(systemd.lists, 1);
});

for (
  const name of [
    "",
    "-x",
    "a b",
    "a/b",
    "*",
    "../x",
    "a\nb",
    "ä",
    "x@",
    "x".repeat(300),
  ]
) {
  Deno.test(`the service name ${JSON.stringify(name).slice(0, 20)} is refused`, async () => {
    const { plan } = hostWith({});

    const planned = await plan(running(name));

    assertEquals(planned.steps[0]?.error?.code, "INVALID_ARGUMENT");
  });
}

Deno.test("a host without a service manager cannot have services", async () => {
  const host = new FakeHost();

  const { steps } = await planOn(host, sheetOf(running("web")));

  assertEquals(steps[0]?.error?.code, "UNSUPPORTED");
});

Deno.test("a step waits for a service, and is told when an earlier one will have started it", async () => {
  const { host, systemd, plan, apply } = hostWith({ "web.service": {} });
  const wait = {
    operation: "wait.For",
    params: { service: "web", timeout: 10_000 },
  };
  host.clock.timer(3_000, () => {
    systemd.units.set("web.service", up);
  });

  const planned = await plan(wait);
  const behind = await plan(running("web"), wait);
  const applied = await apply([wait]);
  systemd.units.set("web.service", { active: "failed" });
  const late = await apply([wait]);

  assertEquals(lines(planned), [["change", "wait for service web"]]);
  assertEquals(lines(behind)[1], ["ok"]);
  assertEquals(applied.end.success, true);
  assertEquals(lines(late), [
    'Cannot go on: the service "web" does not run after 10000 ms',
  ]);
});
