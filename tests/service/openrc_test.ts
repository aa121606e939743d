import { assertEquals } from "@std/assert";
import { OpenRc } from "../../lib/service/openrc.ts";
import { openrcScript } from "../../lib/service/openrc_script.ts";
import { FakeHost } from "./fake_host.ts";
import { agentPlan } from "./plans.ts";

const SCRIPT = "/etc/init.d/piri-agent";

/** OpenRC that knows whether the service is in a runlevel and runs. */
function openRcOn(host: FakeHost): OpenRc {
  let enabled = false;
  let running = false;
  const set = (change: () => void) => () => {
    change();
    return {};
  };
  host.answers.push(
    ["rc-update show", () => ({
      stdout: `  sshd | default\n${enabled ? "  piri-agent | default\n" : ""}`,
    })],
    ["rc-update add", set(() => enabled = true)],
    ["rc-update del", set(() => enabled = false)],
    ["rc-service piri-agent status", () => ({
      code: running ? 0 : 3,
      stdout: ` * status: ${running ? "started" : "stopped"}\n`,
    })],
    ["rc-service piri-agent start", set(() => running = true)],
    ["rc-service piri-agent stop", set(() => running = false)],
  );
  return new OpenRc("piri-agent", host);
}

Deno.test("a script is written for OpenRC and added to a runlevel, and left alone the second time", async () => {
  await using host = await FakeHost.with();
  const agent = openRcOn(host);
  await agent.install(agentPlan);

  assertEquals(await host.files.read(SCRIPT), openrcScript(agentPlan));
  const { mode } = await Deno.stat(host.files.at(SCRIPT));
  assertEquals((mode ?? 0) & 0o777, 0o755);
  assertEquals(host.takeChanges(), ["rc-update add piri-agent default"]);
  const again = await agent.install(agentPlan);
  assertEquals(again.map(({ done }) => done), [false, false]);
  assertEquals(host.takeChanges(), []);
});

Deno.test("a service of OpenRC is started and stopped once, and removed", async () => {
  await using host = await FakeHost.with();
  const agent = openRcOn(host);
  await agent.install(agentPlan);
  host.takeChanges();
  await agent.start();
  await agent.start();
  await agent.uninstall();
  await agent.uninstall();

  assertEquals(host.takeChanges(), [
    "rc-service piri-agent start",
    "rc-service piri-agent stop",
    "rc-update del piri-agent default",
  ]);
  assertEquals(await host.files.exists(SCRIPT), false);
});

/** Agent of which OpenRC has noted that it was started again twice. */
async function supervised(host: FakeHost): Promise<OpenRc> {
  const agent = openRcOn(host);
  await agent.install(agentPlan);
  await agent.start();
  const options = "/run/openrc/options/piri-agent";
  await host.files.write(`${options}/child_pid`, "23");
  await host.files.write(`${options}/start_count`, "2");
  await host.files.write(`${options}/start_time`, "2026-11-27 20:03:00");
  return agent;
}

Deno.test("status tells what the supervisor of OpenRC has noted", async () => {
  await using host = await FakeHost.with("/proc/23");
  const agent = await supervised(host);

  assertEquals(await agent.status(), {
    definition: SCRIPT,
    dir: "/var/lib/piri-agent",
    executable: "/opt/piri/agent/current/bin/piri-agent",
    enabled: true,
    running: true,
    pid: 23,
    since: new Date(2026, 10, 27, 20, 3).getTime(),
    restarts: 2,
    detail: "started",
  });
});

Deno.test("a service whose process has ended does not run, and can be stopped", async () => {
  await using host = await FakeHost.with();
  const agent = await supervised(host);
  const { running, pid, since, restarts, detail } = await agent.status();
  host.takeChanges();
  await agent.stop();

  assertEquals(
    [running, pid, since, restarts, detail],
    [
      false,
      undefined,
      undefined,
      undefined,
      "it ended and is started again soon",
    ],
  );
  assertEquals(host.takeChanges(), ["rc-service piri-agent stop"]);
});
