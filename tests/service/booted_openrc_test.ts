import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "@std/path";
import { compiled } from "../support/executables.ts";
import { BootedHost, OPENRC, step, whyNotBooted } from "./booted_host.ts";
import { checkSurvivor } from "./booted_survivor.ts";
import { checkUpdates } from "./booted_updates.ts";

const why = await whyNotBooted(OPENRC);
const remark = why === undefined ? "" : ` (ignored because ${why})`;

/** Starts a Manager as a service, and lets the same host join it as a service. */
const SET_UP = [
  "/mnt/piri-manager init --listen 127.0.0.1:7051",
  "/mnt/piri-manager service install",
  "piri-manager service start",
  'PIRI_JOIN_TOKEN=$(piri-manager agent add web-1 --json | sed \'s/.*"token":"\\([^"]*\\)".*/\\1/\') /mnt/piri-agent join --service',
];

/** Prints the process of the agent's service, or of the Manager's. */
const AGENT_PID = "cat /run/openrc/options/piri-agent/child_pid";
const MANAGER_PID = "cat /run/openrc/options/piri-manager/child_pid";

const KILL_AGENT = `kill -s KILL $(${AGENT_PID})`;

/** Succeeds if the agent is connected. */
const CONNECTED =
  "piri-agent service status --json | grep -q '\"connected\":true'";

/** Lines that let a service be started again at once, rather than 5 s later. The container is slow enough. */
const QUICK = [
  "sed -i s/respawn_delay=5/respawn_delay=1/ /etc/init.d/piri-agent",
  "piri-agent service restart",
];

Deno.test({
  name:
    `a host on a booted OpenRC joins as a service, and keeps its promises${remark}`,
  ignore: why !== undefined,
  async fn(t) {
    const executables = await compiled();
    if ("unavailable" in executables) {
      throw new TypeError(executables.unavailable);
    }
    const [manager = ""] = executables.manager;
    await using host = await BootedHost.boot(dirname(manager), OPENRC);
    const status = async () =>
      JSON.parse((await host.sh("piri-agent service status --json")).stdout);

    await step(
      t,
      "an install makes a connected agent of a bare host",
      async () => {
        assertMatch(
          await host.must(...SET_UP),
          /^joined as web-1, the Manager is at 127\.0\.0\.1:7051\n/,
        );
        assertMatch(
          await host.must("piri-manager run web-1 -- echo hello"),
          /^hello\n/,
        );
        assertMatch(
          await host.must("piri-manager facts web-1"),
          /^init +\S+ +openrc$/m,
        );
      },
    );

    await step(t, "a second install changes nothing", async () => {
      const text = await host.must("/mnt/piri-agent service install --json");
      assertEquals(JSON.parse(text).changed, false);
    });

    await step(t, "the Manager runs as a user of its own", async () => {
      assertEquals(
        await host.must(
          `stat -c %U /proc/$(${MANAGER_PID}) /var/lib/piri-manager /var/log/piri-manager.log`,
        ),
        "piri\npiri\npiri\n",
      );
      assertMatch(
        await host.must("piri-manager service status"),
        /^running: +yes, process \d+, since /m,
      );
    });

    await step(
      t,
      "a daemon that a command started survives a restart",
      async () => {
        await host.must(
          "piri-manager run web-1 -- sh -c 'setsid sleep 4711 >/dev/null 2>&1 & echo $! > /run/daemon'",
          "piri-agent service restart",
        );
        await host.until(CONNECTED);
        assertEquals(
          await host.must("tr '\\0' ' ' < /proc/$(cat /run/daemon)/cmdline"),
          "sleep 4711 ",
        );
      },
    );

    await step(
      t,
      "a command that runs is ended by a restart, and a restart when idle waits for it",
      async () => {
        const sleeps = (seconds: number) =>
          `piri-manager run web-1 --detach -- sleep ${seconds}`;
        const isRunning = "piri-manager commands | grep -q ' running '";
        await host.must(sleeps(4712));
        await host.until(isRunning);
        await host.must("piri-agent service restart");
        await host.until(CONNECTED);
        assertMatch(
          await host.must("piri-manager commands"),
          /failed, SIGTERM .* sleep 4712\n/,
        );
        await host.must(sleeps(5));
        await host.until(isRunning);
        const before = await host.must(AGENT_PID);
        await host.must("piri-agent service restart --when-idle 1m");
        assertEquals(await host.must(AGENT_PID) === before, false);
        await host.until(CONNECTED);
        assertMatch(
          await host.must("piri-manager commands"),
          /succeeded .* sleep 5\n/,
        );
      },
    );

    await step(
      t,
      "a program with --survive goes on while its agent is restarted or killed",
      () =>
        checkSurvivor(host, {
          connected: CONNECTED,
          ends: ["rc-service piri-agent restart", KILL_AGENT],
        }),
    );

    await step(
      t,
      "a killed agent is away until its supervisor starts it again",
      async () => {
        await host.must("rc-service piri-agent restart");
        await host.until(CONNECTED);
        const before = await host.must(AGENT_PID);
        await host.must(KILL_AGENT);
        const { running, connected, detail } = await status();
        assertEquals([running, connected, detail], [
          false,
          null,
          "it ended and is started again soon",
        ]);
        await host.until(CONNECTED);
        assertEquals(await host.must(AGENT_PID) === before, false);
        assertEquals((await status()).restarts, 1);
      },
    );

    await step(
      t,
      "a service that waits for its next start can be stopped",
      async () => {
        await host.must(KILL_AGENT, "piri-agent service stop");
        assertEquals((await host.sh("piri-agent service status")).code, 3);
        await host.must("! rc-service piri-agent status");
        await host.must("piri-agent service start");
        await host.until(CONNECTED);
      },
    );

    await step(
      t,
      "status tells since when it runs, in whatever zone",
      async () => {
        await host.must(
          "ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime",
          "rc-service piri-agent restart",
        );
        const now = 1_000 * Number(await host.must("date +%s"));
        const { since } = await status();
        assertEquals(Math.abs(Date.parse(since) - now) < 60_000, true);
        await host.until(CONNECTED);
      },
    );

    await step(
      t,
      "an update runs, and one that does not is taken back",
      async () => {
        await host.must(...QUICK);
        await host.until(CONNECTED);
        await checkUpdates(host, [
          `kill -s HUP $(${AGENT_PID}) $(${MANAGER_PID})`,
        ]);
      },
    );

    await step(t, "the log is a file for root alone", async () => {
      assertMatch(
        await host.must("cat /var/log/piri-agent.log"),
        /^\S+Z \[INF\] piri·agent: piri-agent .* of web-1 starts$/m,
      );
      assertEquals(
        await host.must("stat -c '%a %U' /var/log/piri-agent.log"),
        "600 root\n",
      );
    });

    await step(t, "both are back after a reboot", async () => {
      await host.reboot();
      await host.until(CONNECTED);
      assertMatch(
        await host.must("piri-manager run web-1 -- echo hello again"),
        /^hello again\n/,
      );
    });

    await step(t, "status exits with 3 once it is stopped", async () => {
      await host.must("piri-agent service stop");
      assertEquals((await host.sh("piri-agent service status")).code, 3);
    });

    await step(t, "a service without its settings is not started", async () => {
      const settings = "/var/lib/piri-agent/agent.yaml";
      await host.must(`mv ${settings} /root/agent.yaml`);
      const { code, stderr } = await host.sh("piri-agent service start");
      assertEquals(code, 3);
      assertMatch(
        stderr,
        /piri-agent has no \/var\/lib\/piri-agent\/agent\.yaml/,
      );
      await host.must(
        "! rc-service piri-agent status",
        `mv /root/agent.yaml ${settings}`,
      );
    });

    await step(
      t,
      "uninstall keeps the state, and purge removes it",
      async () => {
        assertMatch(
          await host.must("piri-agent service uninstall"),
          /kept the state folder \/var\/lib\/piri-agent\n/,
        );
        await host.must("test -f /var/lib/piri-agent/agent.yaml");
        assertEquals(
          (await host.sh(
            "ls /opt/piri/agent /usr/local/bin/piri-agent /etc/init.d/piri-agent /etc/runlevels/*/piri-agent",
          )).stdout,
          "",
        );
        await host.must("/mnt/piri-agent service uninstall --purge");
        assertEquals((await host.sh("test -e /var/lib/piri-agent")).code, 1);
        assertEquals((await host.sh("/mnt/piri-agent service status")).code, 5);
      },
    );
  },
});
