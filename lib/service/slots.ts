import { PiriError } from "../base/errors.ts";
import type { HostSystem } from "./host_system.ts";
import {
  type Scope,
  type ServiceName,
  type Step,
  step,
} from "./service_host.ts";
import type { SlotPlaces } from "./slot_places.ts";
import {
  placeOnWindows,
  removeFromWindows,
  windowsPlaces,
} from "./windows/slots.ts";

/** Kind of an installation: one that Piri replaces itself, or one of a package manager. */
export type Installation = "slots" | "package";

/**
 * Paths of the slots of a program.
 *
 * @throws {PiriError} FAILED_PRECONDITION for a user without a home
 */
export function slotPlaces(
  name: ServiceName,
  scope: Scope,
  env: (name: string) => string | undefined,
): SlotPlaces {
  const short = name.replace("piri-", "");
  if (scope === "system") {
    return placesIn(name, `/opt/piri/${short}`, "/usr/local/bin");
  }
  const home = env("HOME");
  if (!home?.startsWith("/")) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot choose a folder for the program: HOME is not set",
    );
  }
  const data = env("XDG_DATA_HOME");
  const base = data?.startsWith("/") ? data : `${home}/.local/share`;
  return placesIn(name, `${base}/piri/${short}`, `${home}/.local/bin`);
}

/**
 * Paths of the slots of a version on this host.
 *
 * @throws {PiriError} FAILED_PRECONDITION for a user without a home
 */
export function placesOn(
  { os, env }: Pick<HostSystem, "os" | "env">,
  { name, scope, version }: {
    readonly name: ServiceName;
    readonly scope: Scope;
    readonly version: string;
  },
): SlotPlaces {
  return os === "windows"
    ? windowsPlaces(name, { version, env })
    : slotPlaces(name, scope, env);
}

function placesIn(name: string, root: string, bin: string): SlotPlaces {
  return {
    root,
    current: `${root}/current`,
    executable: `${root}/current/bin/${name}`,
    command: `${bin}/${name}`,
    guard: `${root}/bin/piri-guard`,
  };
}

/** Kind of the installation that an executable is a part of. */
export function installationOf(executable: string): Installation {
  return /^\/usr\/s?bin\//.test(executable) ? "package" : "slots";
}

/**
 * Copies an executable to the slot of its version and makes that the current one. The slot before stays, others go.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function placeInSlot(
  name: ServiceName,
  { executable, version, places, system, inUse }: {
    readonly executable: string;
    readonly version: string;
    readonly places: SlotPlaces;
    readonly system: HostSystem;
    /** Executable that the service names; undefined without a service. */
    readonly inUse?: string | undefined;
  },
): Promise<Step[]> {
  const { files, windows } = system;
  if (windows !== undefined) {
    return await placeOnWindows(executable, {
      places,
      system,
      windows,
      inUse,
    });
  }
  const slot = `versions/${version}`;
  const path = `${places.root}/${slot}/bin/${name}`;
  const copied = await differs(executable, path, system);
  if (copied) await files.copyProgram(executable, path);
  // Where it is enforced, SELinux lets services start only what has the label of its place.
  if (copied && await files.exists("/sys/fs/selinux/enforce")) {
    await system.run("restorecon", path);
  }
  const before = await files.readLink(places.current);
  const switched = await files.link(places.current, slot);
  const linked = await linkCommand(places, system);
  if (
    name === "piri-agent" && (switched || !await files.exists(places.guard))
  ) {
    await files.secondName(path, places.guard);
  }
  const kept = [slot, ...before === undefined ? [] : [before]];
  for (const each of await files.list(`${places.root}/versions`)) {
    if (switched && !kept.includes(`versions/${each}`)) {
      await files.remove(`${places.root}/versions/${each}`);
    }
  }
  return [
    step(copied, `copied to ${path}`, `${path} is the same`),
    step(
      switched,
      `${places.current} leads to version ${version}`,
      `${places.current} leads to version ${version} already`,
    ),
    ...linked,
  ];
}

/** Puts the program on the PATH, in place of a copy of itself, but not of a file of somebody else. */
async function linkCommand(
  { command, executable }: SlotPlaces,
  system: HostSystem,
): Promise<Step[]> {
  const { files } = system;
  if (
    await files.readLink(command) === undefined &&
    await files.exists(command) && await differs(command, executable, system)
  ) {
    return [step(false, "", `left ${command}, which is another file`)];
  }
  const done = await files.link(command, executable);
  return [
    step(
      done,
      `${command} leads to ${executable}`,
      `${command} leads there already`,
    ),
  ];
}

async function differs(
  from: string,
  to: string,
  { files }: HostSystem,
): Promise<boolean> {
  const there = await files.realPath(to);
  if (there === undefined) return true;
  if (there === await files.realPath(from)) return false;
  return await files.sha256(from) !== await files.sha256(to);
}

/** Removes all slots and the links to them. */
export async function removeSlots(
  places: SlotPlaces,
  system: HostSystem,
): Promise<Step[]> {
  const { root, command, executable } = places;
  const { files, windows } = system;
  if (windows !== undefined) {
    return await removeFromWindows(places, system, windows);
  }
  const steps: Step[] = [];
  if (await files.readLink(command) === executable) {
    await files.remove(command);
    steps.push(step(true, `removed ${command}`, ""));
  }
  const done = await files.remove(root);
  await files.removeEmpty(root.slice(0, root.lastIndexOf("/")));
  steps.push(step(done, `removed ${root}`, `there is no ${root}`));
  return steps;
}
