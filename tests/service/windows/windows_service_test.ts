import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { findServiceHost } from "../../../lib/service/find_host.ts";
import type {
  ServiceName,
  ServicePlan,
} from "../../../lib/service/service_host.ts";
import { WindowsFiles } from "../../../lib/service/windows/windows_files.ts";
import { requireOwnUser } from "../../../lib/service/windows/windows_service.ts";
import { FakeHost } from "../fake_host.ts";
import { FakeWindowsParts } from "./fake_windows.ts";

/** A Windows, and the service of a program on it. */
async function windowsWith(name: ServiceName) {
  const windows = new FakeWindowsParts();
  const host = await FakeHost.with();
  host.variables["ProgramData"] = "C:\\ProgramData";
  const files = new WindowsFiles(name, windows, host.folder.path);
  const service = await findServiceHost(name, {
    ...host,
    windows: { ...windows, files },
  });
  const dir = `C:\\ProgramData\\${name}`;
  const plan: ServicePlan = {
    name,
    executable: `C:\\Program Files\\Piri\\versions\\0.3.0\\${name}.exe`,
    dir,
    scope: "system",
    user: "",
    group: "",
    hasLowPort: false,
  };
  return {
    host,
    windows,
    service,
    plan,
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}

Deno.test("a service of Windows is installed, started, stopped and removed, each once", async () => {
  await using site = await windowsWith("piri-agent");
  const { service, plan, windows: { services } } = site;
  assertEquals((await service.install(plan)).map(({ done }) => done), [true]);
  assertEquals((await service.install(plan)).map(({ done }) => done), [false]);
  await service.start();
  await service.start();
  await service.restart();
  await service.uninstall();
  assertEquals((await service.uninstall()).map(({ done }) => done), [false]);

  assertEquals(services.changes, [
    "create piri-agent as LocalSystem",
    "start piri-agent",
    "stop piri-agent",
    "start piri-agent",
    "stop piri-agent",
    "remove piri-agent",
  ]);
});

Deno.test("Windows starts the program itself, with its folder", async () => {
  await using site = await windowsWith("piri-agent");
  const { service, plan, windows: { services } } = site;
  await service.install({ ...plan, dir: "D:\\" });

  assertEquals(
    services.read("piri-agent")?.commandLine,
    '"C:\\Program Files\\Piri\\versions\\0.3.0\\piri-agent.exe" service run --dir "D:\\\\"',
  );
  assertEquals((await service.status()).dir, "D:\\");
});

Deno.test("another executable or folder changes the service", async () => {
  await using site = await windowsWith("piri-agent");
  const { service, plan, windows: { services } } = site;
  await service.install(plan);
  const [changed] = await service.install({ ...plan, dir: "D:\\piri" });

  assertEquals(changed, { done: true, what: "changed the service piri-agent" });
  assertEquals(services.changes.at(-1), "change piri-agent");
  assertEquals((await service.status()).dir, "D:\\piri");
});

Deno.test("the Manager has a user of its own, who is let into its folder once", async () => {
  await using site = await windowsWith("piri-manager");
  const { service, plan, host, windows: { services } } = site;
  await service.install(plan);
  await service.install(plan);

  assertEquals(services.changes, [
    "create piri-manager as NT SERVICE\\piri-manager",
  ]);
  assertEquals(host.lines, [
    "icacls C:\\ProgramData\\piri-manager /grant *S-1-5-80-3569983993-2286002428-1849249511-1428709897-3031460061:(OI)(CI)F /T /Q",
  ]);
});

Deno.test("the viewer of events knows the program while it is installed", async () => {
  await using site = await windowsWith("piri-agent");
  const { service, plan, windows: { registry } } = site;
  const key =
    "SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\piri-agent";
  await service.install(plan);

  assertEquals(
    registry.read(key, "EventMessageFile")?.text,
    "%SystemRoot%\\System32\\EventCreate.exe",
  );
  await service.uninstall();
  assertEquals(registry.read(key, "EventMessageFile"), undefined);
});

for (
  const [exitCode, detail] of [
    [0, "stopped"],
    [1067, "stopped, its process ended unexpectedly"],
    [1077, "stopped, not started since the system has"],
    [3, "stopped, exit code 3"],
  ] as const
) {
  Deno.test(`status tells of a service that has ended with ${exitCode}`, async () => {
    await using site = await windowsWith("piri-agent");
    const { service, plan, windows: { services } } = site;
    await service.install(plan);
    services.set("piri-agent", { exitCode });

    assertEquals(await service.status(), {
      definition: "HKLM\\SYSTEM\\CurrentControlSet\\Services\\piri-agent",
      dir: plan.dir,
      executable: plan.executable,
      enabled: true,
      running: false,
      pid: undefined,
      since: undefined,
      restarts: undefined,
      detail,
    });
  });
}

Deno.test("the log of a service is in its folder, also before it is installed", async () => {
  await using site = await windowsWith("piri-agent");
  const { service, plan } = site;
  assertEquals(
    service.logLine,
    'type "C:\\ProgramData\\piri-agent\\log\\piri-agent.log"',
  );
  await service.install({ ...plan, dir: "D:\\piri" });

  assertEquals(service.logLine, 'type "D:\\piri\\log\\piri-agent.log"');
});

Deno.test("another user than the service's own is refused", () => {
  assertThrows(
    () => requireOwnUser("piri-agent", "deploy"),
    PiriError,
    'Cannot install the service for "deploy": on Windows it runs as LocalSystem; leave out --user',
  );
});
