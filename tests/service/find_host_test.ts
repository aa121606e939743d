import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { findServiceHost } from "../../lib/service/find_host.ts";
import { FakeHost } from "./fake_host.ts";

Deno.test("the service manager is the one that runs, whatever else is there", async () => {
  await using systemd = await FakeHost.with(
    "/run/systemd/system",
    "/run/openrc",
  );
  await using openrc = await FakeHost.with("/run/openrc", "/usr/lib/systemd");
  await using mac = await FakeHost.with();
  mac.os = "darwin";

  const kinds: string[] = [];
  for (const host of [systemd, openrc, mac]) {
    kinds.push((await findServiceHost("piri-agent", host)).kind);
  }
  assertEquals(kinds, ["systemd", "openrc", "launchd"]);
});

Deno.test("a service of systemd is the user's without root", async () => {
  await using host = await FakeHost.with("/run/systemd/system");
  host.isRoot = false;

  const { scope, logLine } = await findServiceHost("piri-agent", host);
  assertEquals([scope, logLine], [
    "user",
    "journalctl --user -u piri-agent.service -n 20",
  ]);
});

Deno.test("OpenRC and launchd refuse without root, and name the line to type", async () => {
  await using openrc = await FakeHost.with("/run/openrc");
  await using mac = await FakeHost.with();
  mac.os = "darwin";

  for (const host of [openrc, mac]) {
    host.isRoot = false;
    const { code } = await assertRejects(
      () => findServiceHost("piri-agent", host),
      PiriError,
      "sudo piri-agent service",
    );
    assertEquals(code, "DENIED");
  }
});

Deno.test("a host without a service manager is told what to run by hand", async () => {
  await using linux = await FakeHost.with();
  await using windows = await FakeHost.with();
  windows.os = "windows";

  for (const host of [linux, windows]) {
    const { code } = await assertRejects(
      () => findServiceHost("piri-manager", host),
      PiriError,
      "run this by hand: piri-manager serve",
    );
    assertEquals(code, "UNAVAILABLE");
  }
});

Deno.test("a container is told that it needs no service, unless it has a service manager", async () => {
  await using docker = await FakeHost.with("/.dockerenv");
  await using podman = await FakeHost.with("/run/.containerenv");
  await using kubernetes = await FakeHost.with();
  kubernetes.variables.KUBERNETES_SERVICE_HOST = "10.0.0.1";
  await using booted = await FakeHost.with(
    "/.dockerenv",
    "/run/systemd/system",
  );

  for (const host of [docker, podman, kubernetes]) {
    await assertRejects(
      () => findServiceHost("piri-agent", host),
      PiriError,
      "this is a container, which needs none; let it run piri-agent run",
    );
  }
  assertEquals((await findServiceHost("piri-agent", booted)).kind, "systemd");
});
