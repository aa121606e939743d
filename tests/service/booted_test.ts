import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "@std/path";
import { checkSurvivor } from "./booted_survivor.ts";
import { checkUpdates } from "./booted_updates.ts";
import { compiled } from "../support/executables.ts";
import { BootedHost, step, whyNotBooted } from "./booted_host.ts";
import { CONNECTED, SET_UP } from "./booted_fleet.ts";

const why = await whyNotBooted();
const remark = why === undefined ? "" : ` (ignored because ${why})`;

/** Prints the process of the agent's service. */
const AGENT_PID = "systemctl show -p MainPID --value piri-agent";

/** Lines that let both programs read their settings, and the agent start again at once: the container is slow enough. */
const QUICK_RELOAD = [
  "printf '[Service]\\nWatchdogSec=60\\nRestartSec=500ms\\n' > /run/systemd/system/piri-agent.service.d/w.conf",
  "systemctl daemon-reload",
  "systemctl kill --kill-who=main -s HUP piri-manager piri-agent",
];

Deno.test({
  name:
    `a host on a booted systemd joins as a service, and keeps its promises${remark}`,
  ignore: why !== undefined,
  async fn(t) {
    const executables = await compiled();
    if ("unavailable" in executables) {
      throw new TypeError(executables.unavailable);
    }
    const [manager = ""] = executables.manager;
    await using host = await BootedHost.boot(dirname(manager));

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
      },
    );

    await step(t, "a second install changes nothing", async () => {
      const text = await host.must("/mnt/piri-agent service install --json");
      assertEquals(JSON.parse(text).changed, false);
    });

    await step(
      t,
      "the Manager runs hardened, as a user of its own",
      async () => {
        const pid = await host.must(
          "systemctl show -p MainPID --value piri-manager",
        );
        assertMatch(
          await host.must(
            `grep -E '^(NoNewPrivs|CapBnd|Seccomp):' /proc/${pid.trim()}/status`,
          ),
          /CapBnd:\t0+\nNoNewPrivs:\t1\nSeccomp:\t2/,
        );
        assertEquals(
          await host.must(
            `stat -c %U /proc/${pid.trim()} /var/lib/piri-manager`,
          ),
          "piri\npiri\n",
        );
      },
    );

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
      "a program with --survive goes on while its agent is restarted or killed",
      async () => {
        // Not every machine lets the system in a container end all processes of a service.
        assertEquals(
          await host.must("systemctl show -p KillMode --value piri-agent"),
          "process\n",
        );
        await checkSurvivor(host, {
          connected: CONNECTED,
          ends: [
            "systemctl restart piri-agent",
            "systemctl kill --kill-who=main -s KILL piri-agent",
          ],
        });
      },
    );

    await step(t, "the agent is back after SIGKILL", async () => {
      const before = await host.must(AGENT_PID);
      await host.must("systemctl kill --kill-who=main -s KILL piri-agent");
      await host.until(`test "$(${AGENT_PID})" -gt 0 && ${CONNECTED}`);
      assertEquals(await host.must(AGENT_PID) === before, false);
    });

    await step(t, "the watchdog restarts one that stands still", async () => {
      await host.must(
        "mkdir -p /run/systemd/system/piri-agent.service.d",
        "printf '[Service]\\nWatchdogSec=4\\n' > /run/systemd/system/piri-agent.service.d/w.conf",
        "systemctl daemon-reload",
        "piri-agent service restart",
      );
      await host.until(CONNECTED);
      const before = (await host.must(AGENT_PID)).trim();
      await host.must("systemctl kill --kill-who=main -s STOP piri-agent");
      await host.until(
        `test "$(${AGENT_PID})" -gt 0 && test "$(${AGENT_PID})" != ${before} && ${CONNECTED}`,
      );
      assertMatch(
        await host.must("journalctl -u piri-agent -o cat --no-pager"),
        /Watchdog timeout/,
      );
    });

    await step(
      t,
      "an update runs, and one that does not is taken back",
      async () => {
        await checkUpdates(host, QUICK_RELOAD);
      },
    );

    await step(
      t,
      "the journal has priorities, and neither times nor levels in words",
      async () => {
        assertMatch(
          await host.must(
            "journalctl -u piri-agent -p info -o cat --no-pager _COMM=piri-agent",
          ),
          /^piri·agent: piri-agent .* of web-1 starts$/m,
        );
        assertEquals(
          await host.must(
            "journalctl -u piri-agent -p err -o cat --no-pager -q _COMM=piri-agent",
          ),
          "",
        );
      },
    );

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
          (await host.sh("ls /opt/piri/agent /usr/local/bin/piri-agent"))
            .stdout,
          "",
        );
        await host.must("/mnt/piri-agent service uninstall --purge");
        assertEquals((await host.sh("test -e /var/lib/piri-agent")).code, 1);
        assertEquals((await host.sh("/mnt/piri-agent service status")).code, 5);
      },
    );
  },
});
