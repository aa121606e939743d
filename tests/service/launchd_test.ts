import { assertEquals } from "@std/assert";
import { Launchd } from "../../lib/service/launchd.ts";
import { launchdPlist } from "../../lib/service/launchd_plist.ts";
import { FakeHost } from "./fake_host.ts";
import { agentPlan } from "./plans.ts";

const PLIST = "/Library/LaunchDaemons/org.piri.agent.plist";

/** launchd that knows a service or not. */
function launchdOn(host: FakeHost): Launchd {
  let isKnown = false;
  const set = (known: boolean) => () => {
    isKnown = known;
    return {};
  };
  host.answers.push(
    ["launchctl print-disabled", {
      stdout: 'disabled services = {\n\t"org.piri.agent" => enabled\n}\n',
    }],
    [
      "launchctl print",
      () =>
        isKnown
          ? {
            stdout:
              "org.piri.agent = {\n\tstate = running\n\truns = 2\n\tpid = 31\n}\n",
          }
          : { code: 113 },
    ],
    ["launchctl bootstrap", set(true)],
    ["launchctl bootout", set(false)],
  );
  return new Launchd("piri-agent", host);
}

Deno.test("a daemon of launchd is installed, started, stopped and removed, each once", async () => {
  await using host = await FakeHost.with();
  const agent = launchdOn(host);
  await agent.install(agentPlan);
  assertEquals(await host.files.read(PLIST), launchdPlist(agentPlan));
  assertEquals(host.takeChanges(), []);
  await agent.start();
  await agent.start();
  assertEquals(host.takeChanges(), [
    `launchctl bootstrap system ${PLIST}`,
    "launchctl kickstart system/org.piri.agent",
  ]);
  await agent.restart();
  await agent.uninstall();
  await agent.uninstall();

  assertEquals(host.takeChanges(), [
    "launchctl kickstart -k system/org.piri.agent",
    "launchctl bootout system/org.piri.agent",
  ]);
  assertEquals(await host.files.exists(PLIST), false);
});

Deno.test("another property list is loaded again where the daemon runs", async () => {
  await using host = await FakeHost.with();
  const agent = launchdOn(host);
  await agent.install(agentPlan);
  await agent.start();
  host.takeChanges();
  await agent.install({ ...agentPlan, dir: "/srv/piri" });

  assertEquals(host.takeChanges(), [
    "launchctl bootout system/org.piri.agent",
    `launchctl bootstrap system ${PLIST}`,
  ]);
});

Deno.test("status tells what launchd prints", async () => {
  await using host = await FakeHost.with();
  const agent = launchdOn(host);
  await agent.install(agentPlan);
  await agent.start();

  assertEquals(await agent.status(), {
    definition: PLIST,
    dir: "/var/lib/piri-agent",
    executable: "/opt/piri/agent/current/bin/piri-agent",
    enabled: true,
    running: true,
    pid: 31,
    since: undefined,
    restarts: 1,
    detail: "running",
  });
});
