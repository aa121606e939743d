import { assertEquals, assertMatch } from "@std/assert";
import { hostTarget } from "../../scripts/build/target.ts";
import { hasTool, makePackages } from "../../scripts/package/make.ts";
import { compiled } from "../support/executables.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { BootedHost, step, whyNotBooted } from "./booted_host.ts";

const why = await whyNotBooted() ??
  (await hasTool("dpkg-deb") ? undefined : "this machine has no dpkg-deb");
const remark = why === undefined ? "" : ` (ignored because ${why})`;

/** Prints the process of the agent's service. */
const AGENT_PID = "systemctl show -p MainPID --value piri-agent";

/** Succeeds if the agent is connected. */
const CONNECTED =
  "piri-agent service status --json | grep -q '\"connected\":true'";

/** Makes the packages of two versions, which differ by name only. */
async function packages(folder: TempFolder): Promise<void> {
  const executables = await compiled();
  if ("unavailable" in executables) {
    throw new TypeError(executables.unavailable);
  }
  const { manager: [manager = ""], agent: [agent = ""] } = executables;
  const target = hostTarget();
  const payloads = [
    { path: manager, product: "piri-manager", target },
    { path: agent, product: "piri-agent", target },
  ];
  const options = {
    time: new Date(0),
    out: folder.path,
    kinds: [".deb"],
    isSmall: false,
    say() {},
  };
  await makePackages(payloads, { ...options, version: "0.0.1" });
  await makePackages(payloads.slice(1), { ...options, version: "0.0.2" });
}

/** Path of a package on the host. */
function deb(name: string, version: string): string {
  return `/mnt/${name}_${version}_$(dpkg --print-architecture).deb`;
}

Deno.test({
  name:
    `packages install, join, upgrade by a command, remove and purge on a booted systemd${remark}`,
  ignore: why !== undefined,
  async fn(t) {
    await using folder = await TempFolder.make();
    await packages(folder);
    await using host = await BootedHost.boot(folder.path);

    await step(t, "both are installed, and the host joins", async () => {
      await host.must(
        `dpkg -i ${deb("piri-manager", "0.0.1")} ${deb("piri-agent", "0.0.1")}`,
        "piri-manager init --listen 127.0.0.1:7051",
        "systemctl start piri-manager",
        'PIRI_JOIN_TOKEN=$(piri-manager agent add web-1 --json | sed \'s/.*"token":"\\([^"]*\\)".*/\\1/\') piri-agent join --service',
      );
      assertMatch(
        await host.must("piri-agent service status"),
        /installation: +of a package: \/usr\/bin\/piri-agent/,
      );
    });

    await step(t, "the group piri uses the socket, others do not", async () => {
      await host.must("useradd -m -G piri ann", "useradd -m bob");
      const as = (user: string) =>
        host.sh(`setpriv --reuid ${user} --regid ${user} --init-groups \
env HOME=/home/${user} piri-manager run web-1 -- echo hello`);
      assertEquals((await as("ann")).stdout, "hello\n");
      assertEquals((await as("bob")).code === 0, false);
      assertMatch(
        await host.must("piri-manager commands --json"),
        /"requestedBy":"ann"/,
      );
    });

    await step(
      t,
      "an upgrade by a command ends well, and the agent restarts after it",
      async () => {
        const before = (await host.must(AGENT_PID)).trim();
        await host.must(
          "piri-manager run web-1 --detach -- sleep 5",
          `piri-manager run web-1 -- dpkg -i ${deb("piri-agent", "0.0.2")}`,
        );
        assertEquals((await host.must(AGENT_PID)).trim(), before);
        await host.until(
          `test "$(${AGENT_PID})" -gt 0 && test "$(${AGENT_PID})" != ${before} && ${CONNECTED}`,
        );
        const states = await host.must("piri-manager commands --json");
        assertEquals(new Set(states.match(/"state":"[a-z]+"/g)).size, 1);
        assertMatch(
          await host.must("dpkg-query -W piri-agent; dpkg --audit"),
          /^piri-agent\t0\.0\.2\n$/,
        );
      },
    );

    await step(
      t,
      "a restart when idle, and one by the Manager, come back",
      async () => {
        const restarts = [
          "piri-agent service restart --when-idle 1m",
          "piri-manager agent restart web-1",
        ];
        for (const line of restarts) {
          const before = (await host.must(AGENT_PID)).trim();
          await host.must(line);
          await host.until(
            `test "$(${AGENT_PID})" -gt 0 && test "$(${AGENT_PID})" != ${before} && ${CONNECTED}`,
          );
        }
      },
    );

    await step(
      t,
      "no command of the agent removes it; apart from that it stops, and purge deletes all",
      async () => {
        const refused = await host.sh(
          "piri-manager run web-1 -- dpkg -r piri-agent",
        );
        assertMatch(
          refused.stdout + refused.stderr,
          /Cannot remove piri-agent by a command of its own/,
        );
        await host.must(CONNECTED, "dpkg -r piri-agent");
        assertEquals((await host.must(AGENT_PID)).trim(), "0");
        await host.must("test -f /var/lib/piri-agent/agent.yaml");
        await host.must("dpkg -P piri-agent piri-manager");
        const left = await host.sh(
          "ls -d /var/lib/piri-* /usr/bin/piri-* /etc/systemd/system/*/piri-* /run/piri-*",
        );
        assertEquals(left.stdout, "");
      },
    );
  },
});
