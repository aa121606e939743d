import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { writeRunningNote } from "../../lib/service/running_note.ts";
import {
  ServiceControl,
  type ServiceControlOptions,
} from "../../lib/service/service_control.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeHost, FakeSystemd } from "./fake_host.ts";
import { whileTimePasses } from "./while_time_passes.ts";

/** Host with systemd, a downloaded program, and the control of its service. */
async function setUp(
  name: "piri-agent" | "piri-manager",
  more: Partial<ServiceControlOptions> = {},
) {
  const host = await FakeHost.with("/run/systemd/system", `/var/lib/${name}`);
  await host.files.write("/tmp/download", "program");
  const systemd = new FakeSystemd(host, `/etc/systemd/system/${name}.service`);
  const clock = new FakeClock();
  const control = new ServiceControl({
    name,
    system: host,
    clock,
    executable: "/tmp/download",
    version: "0.3.0",
    checkState: () => Promise.resolve({ hasLowPort: false }),
    ...more,
  });
  const dir = `/var/lib/${name}`;
  return {
    host,
    systemd,
    clock,
    control,
    dir,
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}

/** Answers of a host whose user piri is the user who runs the test. */
function withPiri(host: FakeHost): void {
  const uid = `${Deno.uid()}\n`;
  const gid = `${Deno.gid()}\n`;
  host.answers.unshift(
    ["id -u", { stdout: uid }],
    ["id -g", { stdout: gid }],
    ["getent group", { stdout: `piri:x:${gid.trim()}:\n` }],
  );
}

Deno.test("an agent is installed as root from its slot, and says what comes next", async () => {
  await using at = await setUp("piri-agent");
  const { steps, hints } = await at.control.install({ dir: at.dir });
  const unit = await at.host.files.read(
    "/etc/systemd/system/piri-agent.service",
  );

  assertEquals(steps.map(({ done }) => done), [true, true, true, true, true]);
  assertEquals(hints, ["start it: piri-agent service start"]);
  assertEquals(
    /^ExecStart=.*$/m.exec(unit ?? "")?.[0],
    "ExecStart=/opt/piri/agent/current/bin/piri-agent run",
  );
  assertEquals(/^User=/m.test(unit ?? ""), false);
});

Deno.test("a second install of the same changes nothing", async () => {
  await using at = await setUp("piri-agent");
  await at.control.install({ dir: at.dir });
  await at.control.start();
  const { steps, hints } = await at.control.install({ dir: at.dir });

  assertEquals(steps.some(({ done }) => done), false);
  assertEquals(hints, []);
});

Deno.test("an install over a running service says that it needs a restart", async () => {
  await using at = await setUp("piri-agent");
  await at.control.install({ dir: at.dir });
  await at.control.start();
  await at.host.files.write("/tmp/download", "newer");
  const { hints } = await at.control.install({ dir: at.dir });

  assertEquals(hints, [
    "it still runs as before; restart it: piri-agent service restart",
  ]);
});

Deno.test("a Manager gets a user of its own", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using at = await setUp("piri-manager");
  withPiri(at.host);
  const { steps } = await at.control.install({ dir: at.dir });
  const unit = await at.host.files.read(
    "/etc/systemd/system/piri-manager.service",
  );

  assertEquals(steps[0], { done: false, what: "there is a user piri" });
  assertEquals(
    unit?.match(/^(User|Group|NoNewPrivileges)=.*$/gm),
    ["User=piri", "Group=piri", "NoNewPrivileges=yes"],
  );
});

Deno.test("the user of a Manager is made where it is missing", async () => {
  await using at = await setUp("piri-manager");
  await at.host.files.write("/usr/sbin/useradd", "");
  at.host.answers.unshift(["id ", { code: 1 }]);
  // The host of the test never has the user.
  await assertRejects(
    () => at.control.install({ dir: at.dir }),
    PiriError,
    "this host has no such user",
  );

  assertEquals(at.host.takeChanges(), [
    "useradd --system --user-group --no-create-home --home-dir /var/lib/piri-manager --shell /usr/sbin/nologin piri",
  ]);
});

Deno.test("a program that runs from source is not made a service", async () => {
  await using at = await setUp("piri-agent", { executable: undefined });

  await assertRejects(
    () => at.control.install({ dir: at.dir }),
    PiriError,
    "runs from source",
  );
});

Deno.test("a folder that is not ready is refused before anything is copied", async () => {
  const refusal = new PiriError("FAILED_PRECONDITION", "not joined");
  await using at = await setUp("piri-agent", {
    checkState: () => Promise.reject(refusal),
  });

  await assertRejects(
    () => at.control.install({ dir: at.dir }),
    PiriError,
    "not joined",
  );
  assertEquals(await at.host.files.exists("/opt"), false);
});

Deno.test("a program of a package stays where it is", async () => {
  await using at = await setUp("piri-agent", {
    executable: "/usr/bin/piri-agent",
  });
  await at.control.install({ dir: at.dir });
  const { installation, executable } = await at.control.status(at.dir);

  assertEquals([installation, executable], [
    "package",
    "/usr/bin/piri-agent",
  ]);
  assertEquals(await at.host.files.exists("/opt"), false);
});

Deno.test("uninstall keeps the state folder and says where it is, and purge removes it", async () => {
  await using at = await setUp("piri-agent");
  await at.host.files.makeFolder("/srv/piri");
  await at.control.install({ dir: "/srv/piri" });
  const kept = await at.control.uninstall({ dir: at.dir, purge: false });
  assertEquals(kept.stateDir, "/srv/piri");
  assertEquals(kept.steps.at(-1), {
    done: false,
    what: "kept the state folder /srv/piri",
  });
  assertEquals(await at.host.files.exists("/opt/piri"), false);

  await at.control.install({ dir: "/srv/piri" });
  await at.control.uninstall({ dir: at.dir, purge: true });
  assertEquals(await at.host.files.exists("/srv/piri"), false);
  assertEquals(await at.host.files.exists(at.dir), true);
});

Deno.test("a purge tells the Manager before the state goes, or says what to run there", async () => {
  const left: string[] = [];
  const reports = [];
  for (const refusal of [undefined, new PiriError("UNAVAILABLE", "Cannot x")]) {
    await using at = await setUp("piri-agent", {
      leaveFleet: (dir) => {
        left.push(dir.slice(-19));
        return refusal === undefined
          ? Promise.resolve()
          : Promise.reject(refusal);
      },
    });
    await at.control.install({ dir: at.dir });
    await at.control.uninstall({ dir: at.dir, purge: true });
    await at.host.files.write(`${at.dir}/agent.yaml`, "");
    const report = await at.control.uninstall({ dir: at.dir, purge: true });
    reports.push([
      report.steps.map(({ what }) => what).slice(-2),
      report.hints,
    ]);
    assertEquals(await at.host.files.exists(at.dir), false);
  }

  assertEquals(left, ["/var/lib/piri-agent", "/var/lib/piri-agent"]);
  const removed = "removed the state folder /var/lib/piri-agent";
  assertEquals(reports.map(([steps = []]) => steps.at(-1)), [removed, removed]);
  assertEquals(reports.map(([steps = []]) => steps[0]), [
    "told the Manager, where it is retired now",
    "there is no /opt/piri/agent",
  ]);
  assertEquals(reports.map(([, hints]) => hints), [[], [
    "the Manager was not told (Cannot x); run there: piri-manager agent set NAME --retired",
  ]]);
});

Deno.test("a start that systemd takes and that starts nothing is an error", async () => {
  await using at = await setUp("piri-agent");
  at.systemd.starts = false;
  await at.control.install({ dir: at.dir });

  await assertRejects(
    () => at.control.start(),
    PiriError,
    "it does not run, inactive (dead); its log: journalctl",
  );
});

Deno.test("a service that is not installed cannot be started, stopped or restarted", async () => {
  await using at = await setUp("piri-agent");

  for (const act of ["start", "stop", "restart"] as const) {
    const { code } = await assertRejects(
      () => at.control[act](),
      PiriError,
      "run piri-agent service install",
    );
    assertEquals(code, "NOT_FOUND");
  }
});

Deno.test("the connection is that of the process which runs, and of no earlier one", async () => {
  await using at = await setUp("piri-agent");
  await at.control.install({ dir: at.dir });
  await at.control.start();
  const facts = { version: "0.3.0", connected: true, detail: "mgr:7051" };
  const note = at.host.files.at(at.dir);
  await writeRunningNote(note, { ...facts, pid: 16 });
  const before = await at.control.status(at.dir);
  await writeRunningNote(note, { ...facts, pid: 17 });
  const after = await at.control.status(at.dir);

  assertEquals(before.process, undefined);
  assertEquals(after.process, { ...facts, pid: 17 });
});

Deno.test("a restart when idle asks the process, and waits for another one", async () => {
  await using at = await setUp("piri-agent");
  await at.control.install({ dir: at.dir });
  await at.control.start();
  const facts = { version: "0.3.0", connected: true, detail: "mgr:7051" };
  const folder = at.host.files.at(at.dir);
  const restarts = () => at.control.restartWhenIdle(at.dir, 60_000);
  await writeRunningNote(folder, { ...facts, pid: 17 });
  const old = await assertRejects(restarts, PiriError, "does not know how");
  await writeRunningNote(folder, { ...facts, pid: 17, restartable: true });
  const busy = assertRejects(restarts, PiriError, "it runs commands");
  const late = await whileTimePasses(at.clock, busy);
  at.host.onAskedToRestart = () => at.systemd.unit["MainPID"] = "18";
  const { steps } = await whileTimePasses(at.clock, restarts());

  assertEquals([old.code, late.code], ["UNSUPPORTED", "TIMED_OUT"]);
  assertEquals(steps, [
    { done: true, what: "restarted piri-agent, which ran no command" },
  ]);
  assertEquals(at.host.askedToRestart, [17, 17]);
});

Deno.test("a wait for the connection ends with it, or with the reason why there is none", async () => {
  await using at = await setUp("piri-agent");
  await at.control.install({ dir: at.dir });
  await at.control.start();
  const folder = at.host.files.at(at.dir);
  const facts = { pid: 17, version: "0.3.0", detail: "no route to mgr" };
  await writeRunningNote(folder, { ...facts, connected: false });
  await assertRejects(
    () => at.control.waitUntilConnected(at.dir, 0),
    PiriError,
    "connected after 0 s: no route to mgr; it goes on trying",
  );
  await writeRunningNote(folder, { ...facts, connected: true, detail: "m:1" });

  assertEquals(await at.control.waitUntilConnected(at.dir, 0), "m:1");
});
