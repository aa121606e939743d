import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "@std/path";
import { BootedHost, step, whyNotBooted } from "../service/booted_host.ts";
import { compiled } from "../support/executables.ts";

const why = await whyNotBooted();
const remark = why === undefined ? "" : ` (ignored because ${why})`;

/** Starts a Manager as a service, and lets the same host join it as a service. */
const SET_UP = [
  "/mnt/piri-manager init --listen 127.0.0.1:7051",
  "/mnt/piri-manager service install",
  "piri-manager service start",
  'PIRI_JOIN_TOKEN=$(piri-manager agent add web-1 --json | sed \'s/.*"token":"\\([^"]*\\)".*/\\1/\') /mnt/piri-agent join --service',
];

const UNIT = (text: string) => `
- Settings: { type: file.Installed, path: /etc/app.conf, content: "${text}" }
- Unit:
    type: systemd.Unit
    name: app
    content: |
      [Service]
      ExecStart=/bin/sleep infinity
      [Install]
      WantedBy=multi-user.target
- App: { type: service.Running, name: app, enabled: yes, restart_on: Settings }
- Tidy:
    type: systemd.Timer
    name: tidy
    calendar: [daily, "Mon *-*-* 03:00"]
    command: 'echo "$NAME is 100%" > /run/tidy'
    env: { NAME: "it's \\"me\\" $HOME" }
- Static: { type: service.Enabled, name: systemd-journald }
- Name: { type: host.Name, name: web-one }
`;

/** Writes a state for all agents. */
function write(state: string): string {
  return `mkdir -p /var/lib/piri-manager/states && cat > /var/lib/piri-manager/states/all.yaml <<'END'\n${state}\nEND`;
}

const PLAN = "piri-manager plan all --exit-code";
const APPLY = "piri-manager apply all --yes";

Deno.test({
  name: `steps keep services as they should be on a booted systemd${remark}`,
  ignore: why !== undefined,
  async fn(t) {
    const executables = await compiled();
    if ("unavailable" in executables) {
      throw new TypeError(executables.unavailable);
    }
    const [manager = ""] = executables.manager;
    await using host = await BootedHost.boot(dirname(manager));
    await host.must(...SET_UP);

    await step(
      t,
      "a unit and a timer are made, as they were planned",
      async () => {
        await host.must(write(UNIT("1")));
        const { code, stdout } = await host.sh(PLAN);
        assertStringIncludes(stdout, "App: enabled no -> yes");
        assertEquals(code, 10);

        await host.must(APPLY);

        assertEquals(
          await host.must("systemctl is-active app.service tidy.timer"),
          "active\nactive\n",
        );
        assertEquals(
          await host.must("systemctl is-enabled app.service tidy.timer"),
          "enabled\nenabled\n",
        );
        assertEquals(
          await host.must("uname -n; cat /etc/hostname"),
          "web-one\nweb-one\n",
        );
      },
    );

    await step(t, "a second plan has nothing to do", async () => {
      const { code, stdout } = await host.sh(PLAN);
      assertEquals([code, stdout.includes("nothing to do")], [0, true], stdout);
    });

    await step(
      t,
      "the timer's command gets its variables, and its line as written",
      async () => {
        await host.must("systemctl start tidy.service");
        assertEquals(
          await host.must("cat /run/tidy"),
          'it\'s "me" $HOME is 100%\n',
        );
      },
    );

    await step(
      t,
      "a change of the settings restarts the service, once",
      async () => {
        const pid = "systemctl show -p MainPID --value app";
        const before = await host.must(pid);
        await host.must(write(UNIT("2")));
        assertMatch(
          (await host.sh(PLAN)).stdout,
          /App: restart, as Settings changes/,
        );
        await host.must(APPLY);
        const after = await host.must(pid);
        assertEquals(after === before, false);
        const { code, stdout } = await host.sh(PLAN);
        assertEquals([code, await host.must(pid)], [0, after], stdout);
      },
    );

    await step(t, "a unit whose file is newer is read anew", async () => {
      await host.must("touch /etc/systemd/system/app.service");
      assertMatch((await host.sh(PLAN)).stdout, /files are read anew/);
      await host.must(APPLY);
      assertEquals((await host.sh(PLAN)).code, 0);
    });

    await step(
      t,
      "a service that ends after its start fails with its log",
      async () => {
        await host.must(write(`
- Bad:
    type: systemd.Unit
    name: bad
    content: |
      [Service]
      ExecStart=/bin/sh -c 'echo no port; sleep 0.5; exit 3'
- Runs: { type: service.Running, name: bad }
`));
        const { code, stdout } = await host.sh(APPLY);
        assertEquals(code, 1);
        assertMatch(stdout, /failed \(exit-code\).*no port/s);
      },
    );

    await step(
      t,
      "a unit that needs one that does not start names it",
      async () => {
        await host.must(write(`
- Broken:
    type: systemd.Unit
    name: broken
    content: |
      [Service]
      Type=oneshot
      ExecStart=/bin/false
- Needy:
    type: systemd.Unit
    name: needy
    running: yes
    content: |
      [Unit]
      Requires=broken.service
      After=broken.service
      [Service]
      ExecStart=/bin/sleep infinity
`));
        const { stdout } = await host.sh(APPLY);
        assertMatch(stdout, /broken\.service is failed/);
      },
    );

    await step(t, "a unit that shall be absent is gone", async () => {
      await host.must(write(`
- Unit: { type: systemd.Unit, name: app, absent: yes }
- Timer: { type: systemd.Timer, name: tidy, absent: yes }
`));
      await host.must(APPLY);
      assertEquals(
        await host.must("systemctl show -p LoadState --value app tidy.timer"),
        "not-found\n\nnot-found\n",
      );
      assertEquals(
        await host.must(
          "ls /etc/systemd/system | grep -c 'app\\|tidy' || true",
        ),
        "0\n",
      );
      assertEquals((await host.sh(PLAN)).code, 0);
    });

    await step(
      t,
      "jobs of cron, addresses, the time zone and the locale are set, once",
      async () => {
        await host.must(
          "mkdir -p /etc/cron.d",
          "printf '127.0.0.1 localhost\n10.0.0.8 db # old\n' > /etc/hosts",
          write(`
- Job: { type: cron.Job, name: report, schedule: "30 4 * * mon-fri", command: "date +%F" }
- Db: { type: host.Entry, ip: 10.0.0.9, names: [db, db.lan] }
- Zone: { type: host.Timezone, zone: Europe/Berlin }
- Locale: { type: host.Locale, locale: C.UTF-8 }
- Logs: { type: service.Reload, name: app-logs, if: { path: /nowhere } }
`),
          APPLY,
        );

        assertEquals(
          await host.must("cat /etc/cron.d/report"),
          "# Managed by Piri: changes here are lost.\n30 4 * * mon-fri root date +\\%F\n",
        );
        assertEquals(
          await host.must("getent hosts db"),
          "10.0.0.9        db db.lan\n",
        );
        assertEquals(
          await host.must("date -d '2026-01-01 12:00 UTC' +%H:%M"),
          "13:00\n",
        );
        assertEquals(
          await host.must("tail -n 1 /etc/default/locale"),
          "LANG=C.UTF-8\n",
        );
        assertEquals((await host.sh(PLAN)).code, 0);
      },
    );

    await step(t, "one step restarts a service", async () => {
      const pid = "systemctl show -p MainPID --value systemd-journald";
      const before = await host.must(pid);
      await host.must(
        "piri-manager run web-1 --op service.Restart name=systemd-journald",
      );
      assertEquals(await host.must(pid) === before, false);
    });

    await step(t, "the agent does not end itself", async () => {
      for (
        const operation of [
          "service.Stopped, name: piri-agent",
          "service.Restart, name: piri-agent",
          "service.Masked, name: piri-agent",
        ]
      ) {
        await host.must(write(`- It: { type: ${operation} }`));
        const { code, stdout, stderr } = await host.sh(PLAN);
        assertEquals(code, 1, stdout);
        assertStringIncludes(stdout + stderr, "the agent runs in it");
      }
    });
  },
});
