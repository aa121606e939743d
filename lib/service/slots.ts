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

/** Switch of a service from one version to another. */
export interface SlotChange {
  /** Folder of the installation. */
  readonly root: string;
  /** Version in use. */
  readonly from: string;
  /** Version that is to be used. */
  readonly to: string;
  /** State folder of the service. */
  readonly dir: string;
  /** Time for which the version has to work until it is confirmed, in milliseconds. */
  readonly confirmMs?: number | undefined;
  readonly allowDowngrade?: boolean | undefined;
}

/** Options of a trial. */
export type TrialOptions = Pick<SlotChange, "confirmMs" | "allowDowngrade">;

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
 * @throws {PiriError} DENIED, DISK; that of `beforeSwitch`: then nothing is switched
 */
export async function placeInSlot(
  name: ServiceName,
  { executable, version, places, system, inUse, beforeSwitch }: {
    readonly executable: string;
    readonly version: string;
    readonly places: SlotPlaces;
    readonly system: HostSystem;
    /** Executable that the service names; undefined without a service. */
    readonly inUse?: string | undefined;
    /** Makes a switch to another version a trial. Returns the versions whose slots have to stay. */
    readonly beforeSwitch?:
      | ((
        change: Pick<SlotChange, "root" | "from" | "to">,
      ) => Promise<readonly string[]>)
      | undefined;
  },
): Promise<Step[]> {
  const { files, windows } = system;
  if (windows !== undefined) {
    return await placeOnWindows(executable, { places, windows, inUse });
  }
  const { root } = places;
  const slot = `versions/${version}`;
  const path = `${root}/${slot}/bin/${name}`;
  const isNew = !await files.exists(path);
  const copied = await files.differs(executable, path) ||
    !await files.isProgram(path);
  if (copied) await files.copyProgram(executable, path);
  // Where it is enforced, SELinux lets services start only what has the label of its place.
  if (copied && await files.exists("/sys/fs/selinux/enforce")) {
    await system.run("restorecon", path);
  }
  const before = await files.readLink(places.current);
  const from = /^versions\/([^/]+)$/.exec(before ?? "")?.[1];
  const kept = [version];
  if (from !== undefined) kept.push(from);
  if (from !== undefined && from !== version && beforeSwitch !== undefined) {
    try {
      kept.push(...await beforeSwitch({ root, from, to: version }));
    } catch (error) {
      if (isNew) await files.remove(`${root}/${slot}`);
      throw error;
    }
  }
  const switched = await files.link(places.current, slot);
  const linked = await linkCommand(places, system);
  // The guard of a trial was chosen before the switch.
  if (
    name === "piri-agent" && switched || !await files.exists(places.guard)
  ) {
    await files.secondName(path, places.guard);
  }
  for (const each of await files.list(`${root}/versions`)) {
    if (switched && !kept.includes(each)) {
      await files.remove(`${root}/versions/${each}`);
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
    await files.exists(command) && await files.differs(command, executable)
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

/** Removes all slots and the links to them. */
export async function removeSlots(
  places: SlotPlaces,
  system: HostSystem,
): Promise<Step[]> {
  const { root, command, executable } = places;
  const { files, windows } = system;
  if (windows !== undefined) {
    return await removeFromWindows(places, windows);
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

/** Version that an executable says it has. */
export async function versionOf(
  executable: string,
  { run }: HostSystem,
): Promise<string | undefined> {
  const { code, stdout } = await run(executable, "--version");
  return code === 0 ? /^\S+ (\S+)/.exec(stdout)?.[1] : undefined;
}
