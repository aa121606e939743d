import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "@std/path";
import { compiled } from "../support/executables.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { CONNECTED, SET_UP } from "./booted_fleet.ts";
import { BootedHost, step, whyNotBooted } from "./booted_host.ts";
import { buildBroken, buildManager, FAULT } from "./broken_manager.ts";

const why = await whyNotBooted();
const remark = why === undefined ? "" : ` (ignored because ${why})`;

const GOOD = "0.98.0";
const BAD = "0.99.0";

const DIR = "/var/lib/piri-manager";
const SLOT = `/opt/piri/manager/versions/${BAD}/bin/piri-manager`;

/** The container is slow enough without the waits of a service. */
const QUICK = [
  "mkdir -p /run/systemd/system/piri-manager.service.d",
  "printf '[Service]\\nRestartSec=200ms\\nTimeoutStartSec=15s\\n' > /run/systemd/system/piri-manager.service.d/w.conf",
  "systemctl daemon-reload",
];

/** Installs a version on trial, and waits for its end. */
function install(version: string, ...flags: readonly string[]): string {
  const words = ["service", "install", "--restart", "--confirm", "3s"];
  return [`/root/managers/${version}/piri-manager`, ...words, ...flags]
    .join(" ");
}

/** Lets the version that can fail do so from its next start on. */
function fault(name: string): string {
  return `echo ${name} > ${DIR}/${FAULT}`;
}

/** State of the last update, and the version that runs. */
async function stateOf(host: BootedHost): Promise<[string, string]> {
  const text = await host.must("piri-manager service status --json");
  const { update, versionRunning } = JSON.parse(text);
  return [update.state, versionRunning];
}

/** Programs of all commands that the Manager knows, oldest first. */
async function commandsOf(host: BootedHost): Promise<string[]> {
  const text = await host.must("piri-manager commands --json");
  return text.trim().split("\n").map((line) => {
    const { params } = JSON.parse(line);
    return JSON.stringify(params).replaceAll(/.*echo[^a-z]*|[^a-z ].*/g, "");
  }).toReversed();
}

/** Lines that succeed once the update has this state, as `status` tells it. */
function updated(pattern: string): string {
  return `piri-manager service status --json | grep -q '${pattern}'`;
}

Deno.test({
  name:
    `a Manager on a booted systemd goes back from each version that does not work${remark}`,
  ignore: why !== undefined,
  async fn(t) {
    const executables = await compiled();
    if ("unavailable" in executables) {
      throw new TypeError(executables.unavailable);
    }
    const [manager = ""] = executables.manager;
    await using folder = await TempFolder.make();
    await buildManager(folder.at(GOOD), GOOD);
    await buildBroken(folder.at(BAD), BAD);
    await using host = await BootedHost.boot(dirname(manager));
    await host.put(folder.path, "/root/managers");
    await host.must(...SET_UP, ...QUICK);
    await host.must("piri-manager run web-1 -- echo first");

    await step(t, "a version that works is confirmed", async () => {
      assertMatch(
        await host.must(install(GOOD)),
        /^done {2}version 0\.98\.0 is confirmed\n/m,
      );
      assertEquals(await stateOf(host), ["confirmed", GOOD]);
      await host.must("piri-manager run web-1 -- echo second");
    });

    await step(t, "the Manager itself cannot change the link", async () => {
      const pid = await host.must(
        "systemctl show -p MainPID --value piri-manager",
      );
      const { code, stderr } = await host.sh(
        `nsenter -t ${pid.trim()} -m setpriv --reuid piri --regid piri --clear-groups ln -s x /opt/piri/manager/current.new`,
      );
      assertEquals(code, 1);
      assertMatch(stderr, /Read-only file system|Permission denied/);
    });

    for (const name of ["throws", "throws late", "deaf"]) {
      await step(t, `one that ${name} is given up`, async () => {
        await host.must(fault(name));
        const { code, stderr } = await host.sh(install(BAD));
        assertEquals(code, 1);
        assertMatch(
          stderr,
          /Cannot keep version 0\.99\.0: it was (started 3 times|not confirmed in time).*; 0\.98\.0 runs again/,
        );
        await host.until(CONNECTED);
        assertEquals(await stateOf(host), ["failed", GOOD]);
        assertEquals(await commandsOf(host), ["first", "second"]);
      });
    }

    await step(
      t,
      "databases that were changed stay beside the one from before",
      async () => {
        assertEquals(
          await host.must(`cd ${DIR} && ls -d manager.db-[ov]*[0-9]*`),
          `manager.db-of-${BAD}\nmanager.db-of-${BAD}-2\n`,
        );
        assertEquals(
          await host.must(`stat -c '%U %a' ${DIR}/manager.db`),
          "piri 600\n",
        );
      },
    );

    for (
      const [name, spoil] of [
        ["is cut off", `truncate -s 1M ${SLOT}.new`],
        ["cannot be executed", `chmod -x ${SLOT}.new`],
      ] as const
    ) {
      await step(t, `one that ${name} is given up`, async () => {
        await host.must(
          fault("none"),
          `/root/managers/${BAD}/piri-manager service install`,
          // Another file: the one in use is that of the slot, and of nothing else.
          `cp ${SLOT} ${SLOT}.new && ${spoil} && mv ${SLOT}.new ${SLOT}`,
        );
        await host.sh(
          "piri-manager service restart; systemctl restart piri-manager",
        );
        await host.until(updated('"state":"failed"'));
        await host.until(CONNECTED);
        assertEquals(await stateOf(host), ["failed", GOOD]);
        assertEquals(await commandsOf(host), ["first", "second"]);
      });
    }

    await step(
      t,
      "one that has changed the database and accepted a result does not go back",
      async () => {
        await host.must(
          `/root/managers/${BAD}/piri-manager service install --confirm 30s`,
          "systemctl restart piri-manager",
        );
        await host.until(CONNECTED);
        await host.must(
          "piri-manager run web-1 -- echo third",
          fault("dies"),
        );
        await host.until(updated("would be lost"));
        assertMatch(
          await host.must("readlink /opt/piri/manager/current"),
          /0\.99\.0/,
        );

        await host.must(fault("none"));
        await host.until(updated('"state":"confirmed"'));
        assertEquals(await stateOf(host), ["confirmed", BAD]);
        assertEquals(await commandsOf(host), ["first", "second", "third"]);
      },
    );

    await step(
      t,
      "a version that cannot open the database is not installed",
      async () => {
        const { code, stderr } = await host.sh(
          install(GOOD, "--allow-downgrade"),
        );
        assertEquals(code, 1);
        assertMatch(stderr, /a newer Manager has used/);
        assertEquals(await stateOf(host), ["confirmed", BAD]);
      },
    );
  },
});
