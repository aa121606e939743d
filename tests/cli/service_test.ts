import { Ajv2020 } from "ajv/dist/2020.js";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { serviceGroup } from "../../lib/cli/service.ts";
import { main } from "../../lib/cli/main.ts";
import { localTime } from "../../lib/cli/time.ts";
import type { ServiceUpdate, WithService } from "../../lib/cli/service_acts.ts";
import { FakeService, RUNNING_SERVICE } from "./fake_service.ts";
import { FakeTerminal } from "./fake_terminal.ts";
import { BUILD } from "./manager/start.ts";

const UPDATE: ServiceUpdate = {
  from: "0.2.0",
  to: "0.3.0",
  state: "trial",
  starts: 1,
  deadline: 0,
  reason: "",
  detail: "",
};

/** Runs `piri-agent service ...` to its end. */
async function see(acts: FakeService, ...args: string[]) {
  return await seeOf("piri-agent", acts, ...args);
}

/** The same of either program. */
async function seeOf(
  name: "piri-agent" | "piri-manager",
  acts: FakeService,
  ...args: string[]
) {
  const terminal = new FakeTerminal();
  const services: WithService = { service: () => Promise.resolve(acts) };
  const code = await main(
    {
      name,
      summary: "",
      build: BUILD,
      defaultDir: () => `/var/lib/${name}`,
      subcommands: [serviceGroup(name)],
      topics: [],
      services,
    },
    ["service", ...args],
    terminal,
  );
  return { code, stdout: terminal.stdout.text, stderr: terminal.stderr.text };
}

Deno.test("each act says what it did and what it left, and what comes next", async () => {
  for (const act of ["install", "uninstall", "start", "stop", "restart"]) {
    assertEquals(await see(new FakeService(), act), {
      code: 0,
      stdout: `done  did ${act}\nok    left the rest\n`,
      stderr: `after ${act}\n`,
    });
  }
});

Deno.test("service install takes a user and a folder, and uninstall whether to purge", async () => {
  const acts = new FakeService();
  await see(acts, "install", "--user", "deploy:web", "--dir", "/srv/piri");
  await see(acts, "uninstall", "--purge");
  await see(acts, "uninstall");

  const dir = "/var/lib/piri-agent";
  assertEquals(acts.asked, [
    { install: { dir: "/srv/piri", user: "deploy:web" } },
    { uninstall: { dir, purge: true } },
    { uninstall: { dir, purge: false } },
  ]);
});

Deno.test("a Manager is installed on trial, and restarted if that is asked for", async () => {
  const acts = new FakeService();
  const plain = await seeOf("piri-manager", acts, "install");
  const flags = ["--restart", "--confirm", "3s", "--allow-downgrade"];
  const restarted = await seeOf("piri-manager", acts, "install", ...flags);

  const dir = "/var/lib/piri-manager";
  const user = undefined;
  assertEquals(acts.asked, [
    { install: { dir, user, confirmMs: undefined, allowDowngrade: false } },
    { install: { dir, user, confirmMs: 3_000, allowDowngrade: true } },
    { restartOnTrial: { dir } },
  ]);
  assertEquals(plain.stderr, "after install\n");
  assertEquals(restarted, {
    code: 0,
    stdout:
      "done  did install\nok    left the rest\ndone  did restartOnTrial\nok    left the rest\n",
    stderr: "after restartOnTrial\n",
  });
});

Deno.test("an install with a restart prints one object of JSON", async () => {
  const { stdout } = await seeOf(
    "piri-manager",
    new FakeService(),
    "install",
    "--restart",
    "--json",
  );

  assertEquals(
    JSON.parse(stdout).steps.map(({ what }: { what: string }) => what),
    [
      "did install",
      "left the rest",
      "did restartOnTrial",
      "left the rest",
    ],
  );
});

Deno.test("service status tells how the last update fares", async () => {
  const acts = new FakeService();
  const lines: (string | undefined)[] = [];
  for (
    const more of [
      { starts: 0 },
      { starts: 1 },
      { starts: 2, detail: "it does not answer" },
      { starts: 4, reason: "it crashed", detail: "it would be lost" },
      { state: "confirmed" },
      { state: "back", reason: "it crashed" },
      { state: "failed", reason: "it crashed" },
    ] as const
  ) {
    acts.state = { ...RUNNING_SERVICE, update: { ...UPDATE, ...more } };
    const { stdout } = await see(acts, "status");
    lines.push(/^update: +(.*)$/m.exec(stdout)?.[1]);
  }

  assertEquals(lines, [
    "0.3.0 is on trial, from its next start on: it goes back to 0.2.0 if it fails",
    "0.3.0 is on trial, started once: it goes back to 0.2.0 if it fails",
    "0.3.0 is on trial, started 2 times: it goes back to 0.2.0 if it fails; it does not answer",
    "0.3.0 has failed its trial (it crashed), and does not go back to 0.2.0; it would be lost",
    "0.3.0 is confirmed, after 0.2.0",
    "0.3.0 was given up, and 0.2.0 runs again: it crashed",
    "0.3.0 was given up, and 0.2.0 runs again: it crashed",
  ]);
});

Deno.test("service restart waits until the agent is idle if it is told to", async () => {
  const acts = new FakeService();
  await see(acts, "restart", "--when-idle", "30m");

  const dir = "/var/lib/piri-agent";
  assertEquals(acts.asked, [{ restartWhenIdle: { dir, ms: 1_800_000 } }]);
});

Deno.test("service --json prints one object, with whether something changed", async () => {
  const { stdout } = await see(new FakeService(), "stop", "--json");

  assertEquals(JSON.parse(stdout), {
    manager: "systemd",
    changed: true,
    steps: [
      { done: true, what: "did stop" },
      { done: false, what: "left the rest" },
    ],
    hints: ["after stop"],
  });
});

Deno.test("service status shows a running service and exits 0", async () => {
  const { code, stdout } = await see(new FakeService(), "status");

  assertEquals(code, 0);
  for (
    const line of [
      "service:       systemd, of the system",
      "enabled:       yes",
      `running:       yes, process 17, since ${
        localTime(Date.UTC(2026, 0, 1))
      }`,
      "restarts:      2",
      "connected:     yes: mgr:7051",
      "version:       0.3.0",
      "installation:  in slots: /opt/piri/agent/current/bin/piri-agent",
      "state folder:  /var/lib/piri-agent",
    ]
  ) assertStringIncludes(stdout, line);
});

Deno.test("service status exits 3 for one that does not run, and 5 for one that is not installed", async () => {
  const stopped = new FakeService();
  stopped.state = {
    ...RUNNING_SERVICE,
    running: false,
    pid: undefined,
    detail: "failed (Result: exit-code)",
    process: undefined,
  };
  const missing = new FakeService();
  missing.state = { ...stopped.state, definition: undefined };

  const one = await see(stopped, "status");
  assertEquals(one.code, 3);
  assertStringIncludes(one.stdout, "no: failed (Result: exit-code)");
  assertEquals(await see(missing, "status"), {
    code: 5,
    stdout: "service:  not installed (systemd)\n",
    stderr: "",
  });
});

Deno.test("service status names the reason for no connection, and a version that does not run yet", async () => {
  const acts = new FakeService();
  const process = { version: "0.2.0", connected: false, detail: "no route" };
  acts.state = { ...RUNNING_SERVICE, process };
  const { stdout } = await see(acts, "status");

  assertStringIncludes(stdout, "no: no route");
  assertStringIncludes(stdout, "0.3.0 is installed, 0.2.0 runs: restart it");
  acts.state = {
    ...RUNNING_SERVICE,
    process: { ...process, version: "0.3.0", replaced: true },
  };
  assertStringIncludes(
    (await see(acts, "status")).stdout,
    "0.3.0, whose file was replaced since it runs: restart it",
  );
});

Deno.test("service status --json has the fields of its schema, for every state", async () => {
  const file = new URL(
    "../../docs/schema/service.schema.json",
    import.meta.url,
  );
  const schema = JSON.parse(await Deno.readTextFile(fromFileUrl(file)));
  const ajv = new Ajv2020({
    formats: { "date-time": true },
    allowUnionTypes: true,
  });
  const validate = ajv.compile(schema);
  const acts = new FakeService();
  const { stdout } = await see(acts, "status", "--json");
  acts.state = {
    ...RUNNING_SERVICE,
    definition: undefined,
    running: false,
    pid: undefined,
    since: undefined,
    restarts: undefined,
    detail: "",
    installation: undefined,
    executable: undefined,
    versionOnDisk: undefined,
    process: undefined,
  };
  const missing = await see(acts, "status", "--json");
  acts.state = { ...RUNNING_SERVICE, update: UPDATE };
  const onTrial = await see(acts, "status", "--json");

  for (const text of [stdout, missing.stdout, onTrial.stdout]) {
    assertEquals([validate(JSON.parse(text)), validate.errors], [true, null]);
  }
  assertEquals(JSON.parse(stdout).since, "2026-01-01T00:00:00.000Z");
});
