import { assertEquals, assertMatch } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import type { HostSystem } from "../../../lib/service/host_system.ts";
import {
  placeInSlot,
  placesOn,
  removeSlots,
} from "../../../lib/service/slots.ts";
import { WindowsFiles } from "../../../lib/service/windows/windows_files.ts";
import { FakeHost } from "../fake_host.ts";
import { FakeWindowsParts } from "./fake_windows.ts";

/** Files of a Windows: one that runs can be renamed, and not removed or replaced. */
class RunningFiles extends WindowsFiles {
  readonly running = new Set<string>();

  override async remove(path: string): Promise<boolean> {
    for (const each of this.running) {
      if (each !== path && !each.startsWith(`${path}/`)) continue;
      throw new PiriError("DENIED", `Cannot remove "${each}": it runs`);
    }
    return await super.remove(path);
  }

  override async moveProgram(from: string, to: string): Promise<void> {
    await super.moveProgram(from, to);
    if (this.running.delete(from)) this.running.add(to);
  }
}

/** A Windows, with its paths written as on this machine. */
class Site implements AsyncDisposable {
  readonly windows = new FakeWindowsParts("C:\\Windows;/Tools/");
  readonly files: RunningFiles;
  readonly system: HostSystem;
  readonly #host: FakeHost;

  private constructor(host: FakeHost) {
    this.#host = host;
    host.variables["ProgramFiles"] = "/Program Files";
    this.files = new RunningFiles(
      "piri-agent",
      this.windows,
      host.folder.path,
    );
    this.system = {
      ...host,
      os: "windows",
      files: this.files,
      windows: { ...this.windows, files: this.files },
    };
  }

  static async make(): Promise<Site> {
    return new Site(await FakeHost.with());
  }

  places(version: string) {
    return placesOn(this.system, {
      name: "piri-agent",
      scope: "system",
      version,
    });
  }

  /** Places a program of this text as a version. Returns what was done. */
  async place(
    version: string,
    text: string,
    inUse?: string,
  ): Promise<boolean[]> {
    await this.files.write("/download", text);
    const steps = await placeInSlot("piri-agent", {
      executable: "/download",
      version,
      places: this.places(version),
      system: this.system,
      inUse,
    });
    return steps.map(({ done }) => done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host[Symbol.asyncDispose]();
  }
}

const ROOT = "/Program Files/Piri/agent";

Deno.test("a program is copied to its slot and to the PATH, once", async () => {
  await using site = await Site.make();

  assertEquals(await site.place("0.3.0", "three"), [true, true, true]);
  assertEquals(await site.place("0.3.0", "three"), [false, false, false]);
  for (
    const path of ["versions/0.3.0/piri-agent.exe", "bin/piri-agent.exe"]
  ) assertEquals(await site.files.read(`${ROOT}/${path}`), "three");
  assertEquals(site.windows.path, `C:\\Windows;/Tools/;${ROOT}/bin`);
  assertEquals(site.windows.registry.announced, 1);
});

Deno.test("the slot that the service names stays, and older ones go", async () => {
  await using site = await Site.make();
  await site.place("0.1.0", "one");
  const { executable } = site.places("0.2.0");
  await site.place("0.2.0", "two", executable);
  await site.place("0.3.0", "three", executable);

  assertEquals(await site.files.list(`${ROOT}/versions`), ["0.2.0", "0.3.0"]);
});

Deno.test("a program that runs is renamed for its successor, and removed later", async () => {
  await using site = await Site.make();
  await site.place("0.3.0", "three");
  site.files.running.add(`${ROOT}/bin/piri-agent.exe`);
  assertEquals(await site.place("0.3.0", "other"), [true, true, false]);

  assertEquals(await site.files.read(`${ROOT}/bin/piri-agent.exe`), "other");
  const [later = "", ...more] = site.windows.removedLater;
  assertMatch(later, /\/Piri\/agent\/bin\/removed-[0-9a-f-]+\.exe$/);
  assertEquals(more, []);
  assertEquals(await Deno.readTextFile(later), "three");
});

Deno.test("all slots are removed, also while one of their programs runs", async () => {
  await using site = await Site.make();
  await site.place("0.3.0", "three");
  const { executable } = site.places("0.3.0");
  site.files.running.add(executable);
  const steps = await removeSlots(site.places("0.3.0"), site.system);

  assertEquals(steps.map(({ done }) => done), [true, true]);
  assertEquals(await site.files.exists(ROOT), false);
  const [later = ""] = site.windows.removedLater;
  assertMatch(later, /\/Program Files\/Piri\/removed-[0-9a-f-]+\.exe$/);
  assertEquals(site.windows.path, "C:\\Windows;/Tools/");
});

Deno.test("a PATH without the folder is left alone", async () => {
  await using site = await Site.make();
  const steps = await removeSlots(site.places("0.3.0"), site.system);

  assertEquals(steps.map(({ done }) => done), [false, false]);
  assertEquals(site.windows.registry.announced, 0);
});
