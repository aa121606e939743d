import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  installationOf,
  placeInSlot,
  removeSlots,
  slotPlaces,
} from "../../lib/service/slots.ts";
import { FakeHost } from "./fake_host.ts";

const PLACES = slotPlaces("piri-agent", "system", () => undefined);

/** Places a program of this text as the version. Returns what was done. */
async function place(
  system: FakeHost,
  version: string,
  text: string,
): Promise<boolean[]> {
  await system.files.write("/tmp/download", text);
  const steps = await placeInSlot("piri-agent", {
    executable: "/tmp/download",
    version,
    places: PLACES,
    system,
  });
  return steps.map(({ done }) => done);
}

Deno.test("a program is copied to the slot of its version, once", async () => {
  await using host = await FakeHost.with();

  assertEquals(await place(host, "0.3.0", "three"), [true, true, true]);
  assertEquals(await place(host, "0.3.0", "three"), [false, false, false]);
  const path = "/opt/piri/agent/versions/0.3.0/bin/piri-agent";
  assertEquals(await host.files.read(path), "three");
  const { mode } = await Deno.stat(host.files.at(path));
  assertEquals((mode ?? 0) & 0o777, 0o755);
  assertEquals(
    await host.files.readLink("/opt/piri/agent/current"),
    "versions/0.3.0",
  );
  assertEquals(
    await host.files.readLink("/usr/local/bin/piri-agent"),
    "/opt/piri/agent/current/bin/piri-agent",
  );
});

Deno.test("another build of the same version replaces the file, and writes into none that runs", async () => {
  await using host = await FakeHost.with();
  await place(host, "0.3.0", "three");
  const path = host.files.at("/opt/piri/agent/versions/0.3.0/bin/piri-agent");
  const { ino } = await Deno.stat(path);

  assertEquals(await place(host, "0.3.0", "other"), [true, false, false]);
  assertEquals(await Deno.readTextFile(path), "other");
  assertEquals((await Deno.stat(path)).ino === ino, false);
});

Deno.test({
  name: "a program in its slot that cannot be executed is copied again",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using host = await FakeHost.with();
    await place(host, "0.3.0", "three");
    const path = host.files.at("/opt/piri/agent/versions/0.3.0/bin/piri-agent");
    await Deno.chmod(path, 0o644);

    assertEquals(await place(host, "0.3.0", "three"), [true, false, false]);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o755);
  },
});

Deno.test("the slot before stays, and older ones go", async () => {
  await using host = await FakeHost.with();
  for (const version of ["0.1.0", "0.2.0", "0.3.0"]) {
    await place(host, version, version);
  }

  assertEquals(await host.files.list("/opt/piri/agent/versions"), [
    "0.2.0",
    "0.3.0",
  ]);
  assertEquals(await host.files.list("/opt/piri/agent"), [
    "bin",
    "current",
    "versions",
  ]);
});

Deno.test("a program that runs from its slot is not copied over itself", async () => {
  await using host = await FakeHost.with();
  await place(host, "0.3.0", "three");
  const path = "/opt/piri/agent/versions/0.3.0/bin/piri-agent";
  const steps = await placeInSlot("piri-agent", {
    executable: path,
    version: "0.3.0",
    places: PLACES,
    system: host,
  });

  assertEquals(steps.map(({ done }) => done), [false, false, false]);
  assertEquals(await host.files.read(path), "three");
});

Deno.test("somebody else's program of the same name on the PATH stays", async () => {
  await using host = await FakeHost.with();
  await host.files.write("/usr/local/bin/piri-agent", "mine");
  await place(host, "0.3.0", "three");
  await removeSlots(PLACES, host);

  assertEquals(await host.files.read("/usr/local/bin/piri-agent"), "mine");
});

Deno.test("a copy of the same program on the PATH becomes a link, and so follows later versions", async () => {
  await using host = await FakeHost.with();
  await host.files.write("/usr/local/bin/piri-agent", "three");

  assertEquals(await place(host, "0.3.0", "three"), [true, true, true]);
  assertEquals(
    await host.files.readLink("/usr/local/bin/piri-agent"),
    "/opt/piri/agent/current/bin/piri-agent",
  );
});

Deno.test("all slots and links go, and folders of others stay", async () => {
  await using host = await FakeHost.with("/opt/piri/manager");
  await place(host, "0.3.0", "three");
  await removeSlots(PLACES, host);

  assertEquals(await host.files.list("/opt/piri"), ["manager"]);
  assertEquals(await host.files.list("/usr/local/bin"), []);
  const [step] = await removeSlots(PLACES, host);
  assertEquals(step, { done: false, what: "there is no /opt/piri/agent" });
});

Deno.test("a user without root has slots at home", () => {
  const { root, command } = slotPlaces(
    "piri-manager",
    "user",
    (name) => ({ HOME: "/home/ann" })[name],
  );

  assertEquals([root, command], [
    "/home/ann/.local/share/piri/manager",
    "/home/ann/.local/bin/piri-manager",
  ]);
  assertThrows(
    () => slotPlaces("piri-manager", "user", () => undefined),
    PiriError,
    "HOME is not set",
  );
});

Deno.test("an executable in /usr/bin is a package's, and one in /usr/local/bin is not", () => {
  assertEquals(
    ["/usr/bin/piri-agent", "/usr/local/bin/piri-agent", "/opt/x/piri-agent"]
      .map(installationOf),
    ["package", "slots", "slots"],
  );
});

Deno.test("the version that is installed by hand becomes the guard of its updates", async () => {
  await using host = await FakeHost.with();
  for (const version of ["0.1.0", "0.2.0"]) await place(host, version, version);

  assertEquals(
    await host.files.read("/opt/piri/agent/bin/piri-guard"),
    "0.2.0",
  );
});
