import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  ServiceControl,
  type ServiceControlOptions,
} from "../../lib/service/service_control.ts";
import type { UpdateFacts } from "../../lib/service/service_report.ts";
import type { SlotChange } from "../../lib/service/slots.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeHost, FakeSystemd } from "./fake_host.ts";
import { whileTimePasses } from "./while_time_passes.ts";

const ignore = Deno.build.os === "windows";

const DIR = "/var/lib/piri-manager";

const UPDATE: UpdateFacts = {
  from: "0.2.0",
  to: "0.3.0",
  state: "trial",
  starts: 0,
  deadline: 0,
  confirmMs: 60_000,
  trialMs: 240_000,
  reason: "",
  detail: "",
};

/** Host on which version 0.2.0 of a Manager runs as a service, and the service of version 0.3.0 that is to follow. */
async function setUp(more: Partial<ServiceControlOptions> = {}) {
  const host = await FakeHost.with("/run/systemd/system", DIR);
  await host.files.write("/tmp/download", "program");
  host.answers.unshift(
    ["id -u", { stdout: `${Deno.uid()}\n` }],
    ["id -g", { stdout: `${Deno.gid()}\n` }],
    ["getent group", { stdout: `piri:x:${Deno.gid()}:\n` }],
  );
  const unit = "/etc/systemd/system/piri-manager.service";
  const systemd = new FakeSystemd(host, unit);
  const clock = new FakeClock();
  const controlOf = (version: string) =>
    new ServiceControl({
      name: "piri-manager",
      system: host,
      clock,
      executable: "/tmp/download",
      version,
      checkState: () => Promise.resolve({ hasLowPort: false }),
      ...more,
    });
  await controlOf("0.2.0").install({ dir: DIR });
  await controlOf("0.2.0").start();
  host.takeChanges();
  return {
    host,
    systemd,
    clock,
    control: controlOf("0.3.0"),
    current: () => host.files.readLink("/opt/piri/manager/current"),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}

Deno.test({
  name:
    "another version of a Manager begins a trial before it is the current one",
  ignore,
  async fn() {
    const changes: [SlotChange, string | undefined][] = [];
    await using at = await setUp({
      beginTrial: async (change) => {
        changes.push([change, await at.current()]);
        return [];
      },
      lastUpdate: () => Promise.resolve(UPDATE),
    });
    const { hints } = await at.control.install({
      dir: DIR,
      confirmMs: 3_000,
      allowDowngrade: true,
    });

    assertEquals(changes, [[{
      root: "/opt/piri/manager",
      from: "0.2.0",
      to: "0.3.0",
      dir: DIR,
      confirmMs: 3_000,
      allowDowngrade: true,
    }, "versions/0.2.0"]]);
    assertEquals(await at.current(), "versions/0.3.0");
    assertEquals(hints, [
      "it still runs as before; restart it: piri-manager service restart",
      "version 0.3.0 is then on trial: it goes back to 0.2.0 unless it works for 60 s",
    ]);
  },
});

Deno.test({
  name:
    "a version that must not take over is not switched to, and its slot goes",
  ignore,
  async fn() {
    await using at = await setUp({
      beginTrial: () => Promise.reject(new PiriError("REFUSED", "no")),
    });
    await assertRejects(() => at.control.install({ dir: DIR }), PiriError);

    assertEquals(await at.current(), "versions/0.2.0");
    assertEquals(await at.host.files.list("/opt/piri/manager/versions"), [
      "0.2.0",
    ]);
  },
});

Deno.test({
  name: "slots that a trial needs stay",
  ignore,
  async fn() {
    await using at = await setUp({
      beginTrial: () => Promise.resolve(["0.1.0"]),
    });
    for (const version of ["0.0.9", "0.1.0"]) {
      const path = `/opt/piri/manager/versions/${version}/bin/piri-manager`;
      await at.host.files.write(path, version);
    }
    await at.control.install({ dir: DIR });

    assertEquals(await at.host.files.list("/opt/piri/manager/versions"), [
      "0.1.0",
      "0.2.0",
      "0.3.0",
    ]);
  },
});

Deno.test({
  name: "a restart on trial waits until the version is confirmed",
  ignore,
  async fn() {
    let state: UpdateFacts["state"] = "trial";
    await using at = await setUp({
      lastUpdate: () => Promise.resolve({ ...UPDATE, state }),
    });
    at.clock.timer(10_000, () => state = "confirmed");
    const { steps } = await whileTimePasses(
      at.clock,
      at.control.restartOnTrial(DIR),
    );

    assertEquals(steps, [
      { done: true, what: "restarted piri-manager.service" },
      { done: true, what: "version 0.3.0 is confirmed" },
    ]);
    assertEquals(at.clock.monotonic() >= 10_000, true);
  },
});

Deno.test({
  name:
    "a restart on trial tells why the version was given up, once the one before runs",
  ignore,
  async fn() {
    let state: UpdateFacts["state"] = "trial";
    await using at = await setUp({
      lastUpdate: () =>
        Promise.resolve({ ...UPDATE, state, reason: "it was broken" }),
    });
    // Its first start fails.
    at.host.answers.unshift(["systemctl restart", () => {
      at.systemd.unit["ActiveState"] = "failed";
      return { code: 1, stderr: "Job failed" };
    }]);
    at.clock.timer(10_000, () => state = "back");
    at.clock.timer(20_000, () => at.systemd.unit["ActiveState"] = "active");
    const refused = assertRejects(
      () => at.control.restartOnTrial(DIR),
      PiriError,
      "Cannot keep version 0.3.0: it was broken; 0.2.0 runs again",
    );
    const error = await whileTimePasses(at.clock, refused);

    assertEquals(error.code, "FAILED_PRECONDITION");
    assertEquals(at.clock.monotonic() >= 20_000, true);
  },
});

Deno.test({
  name:
    "a restart on trial ends its wait for a version that is never decided about",
  ignore,
  async fn() {
    await using at = await setUp({
      lastUpdate: () =>
        Promise.resolve({ ...UPDATE, detail: "it would be lost" }),
    });
    const refused = assertRejects(
      () => at.control.restartOnTrial(DIR),
      PiriError,
      "confirmed after 360 s: it would be lost; see piri-manager service status",
    );
    const error = await whileTimePasses(at.clock, refused);

    assertEquals(error.code, "TIMED_OUT");
  },
});

Deno.test({
  name: "a restart without a trial is one",
  ignore,
  async fn() {
    await using at = await setUp({
      lastUpdate: () => Promise.resolve({ ...UPDATE, state: "confirmed" }),
    });
    const { steps } = await at.control.restartOnTrial(DIR);

    assertEquals(steps, [
      { done: true, what: "restarted piri-manager.service" },
    ]);
  },
});

Deno.test({
  name:
    "status tells of an update to the installed version, and of no earlier one",
  ignore,
  async fn() {
    const found: (string | undefined)[] = [];
    for (
      const [state, version] of [
        ["trial", "0.3.0"],
        ["trial", "0.4.0"],
        ["confirmed", "0.3.0"],
        ["confirmed", "0.2.0"],
        ["failed", "0.2.0"],
        ["failed", "0.4.0"],
      ] as const
    ) {
      await using at = await setUp({
        lastUpdate: () => Promise.resolve({ ...UPDATE, state }),
      });
      at.host.answers.unshift([
        "/opt/piri/manager/current/bin/piri-manager --version",
        { stdout: `piri-manager ${version}\n` },
      ]);
      found.push((await at.control.status(DIR)).update?.state);
    }

    assertEquals(found, [
      "trial",
      undefined,
      "confirmed",
      undefined,
      "failed",
      undefined,
    ]);
  },
});
