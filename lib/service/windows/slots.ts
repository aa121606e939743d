import { dirname, join } from "@std/path";
import type { HostSystem } from "../host_system.ts";
import type { SlotPlaces } from "../slot_places.ts";
import { type ServiceName, type Step, step } from "../service_host.ts";
import type { RegistryText, WindowsParts } from "./services.ts";
import {
  slotProgram,
  type WindowsFiles,
  type WindowsHost,
} from "./windows_files.ts";

/** Key of the variables of the system. */
const VARIABLES =
  "SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment";

/**
 * Places of a version on Windows. No link leads to the version in use: the line of the service names its slot. A copy of
 * it is on the PATH.
 */
export function windowsPlaces(
  name: ServiceName,
  { version, env }: Pick<HostSystem, "env"> & { readonly version: string },
): SlotPlaces {
  const short = name.replace("piri-", "");
  const programs = env("ProgramFiles") ?? "C:\\Program Files";
  const root = join(programs, "Piri", short);
  return {
    root,
    current: "",
    executable: slotProgram(root, version, name),
    command: join(root, "bin", `${name}.exe`),
    guard: join(root, "bin", "piri-guard.exe"),
  };
}

/** Copies an executable to the slot of its version and to the PATH. The slot that is in use stays, others go. */
export async function placeOnWindows(
  executable: string,
  { places, windows, inUse }: {
    readonly places: SlotPlaces;
    readonly windows: WindowsHost;
    /** Executable that the service names; undefined without a service. */
    readonly inUse: string | undefined;
  },
): Promise<Step[]> {
  const { files } = windows;
  const steps: Step[] = [];
  for (const path of [places.executable, places.command]) {
    const copied = await files.differs(executable, path);
    if (copied) await files.secondName(executable, path);
    steps.push(step(copied, `copied to ${path}`, `${path} is the same`));
  }
  const isInUse = inUse?.toLowerCase() === places.executable.toLowerCase();
  if (!isInUse || !await files.exists(places.guard)) {
    await files.secondName(executable, places.guard);
  }
  const versions = join(places.root, "versions");
  const kept = [places.executable, inUse ?? ""].map((path) =>
    dirname(path).toLowerCase()
  );
  for (const each of await files.list(versions)) {
    const slot = join(versions, each);
    if (kept.includes(slot.toLowerCase())) continue;
    await removeAll(slot, places.root, files);
  }
  return [...steps, addToPath(dirname(places.command), windows)];
}

/** Removes all slots, and the folder from the PATH. */
export async function removeFromWindows(
  { root, command }: SlotPlaces,
  windows: WindowsHost,
): Promise<Step[]> {
  const { files } = windows;
  const fromPath = removeFromPath(dirname(command), windows);
  const done = await files.exists(root);
  if (done) await removeAll(root, dirname(root), files);
  await files.removeEmpty(dirname(root));
  return [fromPath, step(done, `removed ${root}`, `there is no ${root}`)];
}

/** Removes a folder in which programs may run. Those go to another folder until the next start of the system. */
async function removeAll(
  folder: string,
  aside: string,
  files: WindowsFiles,
): Promise<void> {
  for (const name of await files.list(folder)) {
    const path = join(folder, name);
    if (await files.isFolder(path)) await removeAll(path, aside, files);
    else await files.putAside(path, aside);
  }
  await files.remove(folder);
}

/** Adds a folder to the PATH of the system. */
function addToPath(folder: string, { registry }: WindowsParts): Step {
  const path = pathOf(registry);
  const folders = foldersOf(path);
  if (folders.some((each) => isSame(each, folder))) {
    return step(false, "", `${folder} is in the PATH`);
  }
  writePath(registry, { ...path, text: [...folders, folder].join(";") });
  return step(
    true,
    `added ${folder} to the PATH of the system, for programs that start from now on`,
    "",
  );
}

function removeFromPath(folder: string, { registry }: WindowsParts): Step {
  const path = pathOf(registry);
  const folders = foldersOf(path);
  const left = folders.filter((each) => !isSame(each, folder));
  const done = left.length < folders.length;
  if (done) writePath(registry, { ...path, text: left.join(";") });
  return step(
    done,
    `removed ${folder} from the PATH of the system`,
    `${folder} is not in the PATH`,
  );
}

function pathOf(registry: WindowsParts["registry"]): RegistryText {
  return registry.read(VARIABLES, "Path") ?? { type: "expanded", text: "" };
}

function writePath(
  registry: WindowsParts["registry"],
  value: RegistryText,
): void {
  registry.write(VARIABLES, "Path", value);
  registry.announceVariables();
}

function foldersOf({ text }: RegistryText): string[] {
  return text.split(";").filter((folder) => folder !== "");
}

function isSame(a: string, b: string): boolean {
  const plain = (folder: string) => folder.replace(/\\$/, "").toLowerCase();
  return plain(a) === plain(b);
}
