import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Systemd } from "../../lib/service/systemd.ts";
import { systemdUnit } from "../../lib/service/systemd_unit.ts";
import { FakeHost, FakeSystemd } from "./fake_host.ts";
import { agentPlan } from "./plans.ts";

const UNIT = "/etc/systemd/system/piri-agent.service";

function agentOn(system: FakeHost): Systemd {
  const folder = "/etc/systemd/system";
  return new Systemd("piri-agent", { system, scope: "system", folder });
}

Deno.test("a unit is written, loaded and enabled, and left alone the second time", async () => {
  await using host = await FakeHost.with();
  new FakeSystemd(host, UNIT);
  const agent = agentOn(host);

  assertEquals(await agent.install(agentPlan), [
    { done: true, what: `wrote ${UNIT}` },
    { done: true, what: "enabled piri-agent.service" },
  ]);
  assertEquals(host.takeChanges(), [
    "systemctl daemon-reload",
    "systemctl enable piri-agent.service",
  ]);
  assertEquals(await host.files.read(UNIT), systemdUnit(agentPlan));
  assertEquals(await agent.install(agentPlan), [
    { done: false, what: `${UNIT} is as it should be` },
    { done: false, what: "piri-agent.service is enabled" },
  ]);
  assertEquals(host.takeChanges(), []);
});

Deno.test("a service is started and stopped once", async () => {
  await using host = await FakeHost.with();
  new FakeSystemd(host, UNIT);
  const agent = agentOn(host);
  await agent.install(agentPlan);
  host.takeChanges();

  assertEquals(await agent.start(), [
    { done: true, what: "started piri-agent.service" },
  ]);
  assertEquals(await agent.start(), [
    { done: false, what: "piri-agent.service runs" },
  ]);
  await agent.stop();
  assertEquals(await agent.stop(), [
    { done: false, what: "piri-agent.service does not run" },
  ]);
  assertEquals(host.takeChanges(), [
    "systemctl start piri-agent.service",
    "systemctl stop piri-agent.service",
  ]);
});

Deno.test("one that waits for its restart does not run, and is stopped all the same", async () => {
  await using host = await FakeHost.with();
  const { unit } = new FakeSystemd(host, UNIT);
  const agent = agentOn(host);
  await agent.install(agentPlan);
  host.takeChanges();
  Object.assign(unit, { ActiveState: "activating", SubState: "auto-restart" });

  assertEquals((await agent.status()).running, false);
  await agent.stop();
  assertEquals(host.takeChanges(), ["systemctl stop piri-agent.service"]);
});

Deno.test("status tells what systemd knows, and what the unit says", async () => {
  await using host = await FakeHost.with();
  const { unit } = new FakeSystemd(host, UNIT);
  const agent = agentOn(host);
  await agent.install(agentPlan);
  await agent.start();
  Object.assign(unit, { NRestarts: "3", StatusText: "connected to m:1=2" });

  assertEquals(await agent.status(), {
    definition: UNIT,
    dir: "/var/lib/piri-agent",
    executable: "/opt/piri/agent/current/bin/piri-agent",
    enabled: true,
    running: true,
    pid: 17,
    since: Date.UTC(2026, 10, 27, 20, 3),
    restarts: 3,
    detail: "active (running): connected to m:1=2",
  });
});

Deno.test("a service is stopped, disabled and removed, and a second time it is not there", async () => {
  await using host = await FakeHost.with();
  const { unit } = new FakeSystemd(host, UNIT);
  const agent = agentOn(host);
  await agent.install(agentPlan);
  await agent.start();
  host.takeChanges();
  await agent.uninstall();
  unit.FragmentPath = "";

  assertEquals(await host.files.exists(UNIT), false);
  assertEquals(host.takeChanges(), [
    "systemctl stop piri-agent.service",
    "systemctl disable piri-agent.service",
    "systemctl daemon-reload",
  ]);
  assertEquals(await agent.uninstall(), [
    { done: false, what: "piri-agent.service is not installed" },
  ]);
});

Deno.test("the unit of a package is left to it", async () => {
  await using host = await FakeHost.with("/usr/lib/systemd/system");
  const path = "/usr/lib/systemd/system/piri-agent.service";
  await host.files.write(path, "of the package");
  const { unit } = new FakeSystemd(host, path);
  unit.FragmentPath = path;
  const agent = agentOn(host);

  assertEquals((await agent.install(agentPlan)).map(({ done }) => done), [
    false,
    true,
  ]);
  await agent.uninstall();
  assertEquals(await host.files.read(path), "of the package");
  assertEquals(await host.files.exists(UNIT), false);
});

Deno.test("a start that fails says why, and where the log is", async () => {
  await using host = await FakeHost.with();
  host.answers.push(["systemctl start", {
    code: 1,
    stderr: "Job for piri-agent.service failed.\n",
  }]);
  new FakeSystemd(host, UNIT);
  const agent = agentOn(host);
  await agent.install(agentPlan);

  await assertRejects(
    () => agent.start(),
    PiriError,
    'Cannot run "systemctl start piri-agent.service": Job for piri-agent.service failed.; its log: journalctl -u piri-agent.service -n 20',
  );
});
