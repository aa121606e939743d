import { PiriError } from "../../../base/errors.ts";
import { OS_RELEASE_PATHS, readOsRelease } from "../../../base/os_release.ts";
import {
  PACKAGE_MANAGERS,
  type PackageManagerName,
} from "../../../base/package_managers.ts";
import { bytesOf } from "../../file_content.ts";
import type { HostReader } from "../../host/host.ts";
import { hasProgram, PROGRAM_FOLDERS } from "../programs.ts";
import { apk } from "./apk.ts";
import { apt } from "./apt.ts";
import { brew } from "./brew.ts";
import { dnfAs } from "./dnf.ts";
import type { PackageManager } from "./package_manager.ts";
import { pacman } from "./pacman.ts";
import { zypper } from "./zypper.ts";

/** Means of each manager. */
const MANAGERS: Readonly<Record<PackageManagerName, PackageManager>> = {
  apt,
  dnf: dnfAs("dnf"),
  yum: dnfAs("yum"),
  zypper,
  pacman,
  apk,
  brew,
};

/** Patterns of the names of packages, of all managers. */
export const PACKAGE_PATTERNS: readonly RegExp[] = Object.values(MANAGERS)
  .map(({ names }) => names);

const MAX_RELEASE_BYTES = 65_536;

/**
 * Finds the package manager of a host, once for all steps: by its system, else by the programs that it has.
 *
 * @throws {PiriError} UNSUPPORTED if it has none
 */
export function findManager(reader: HostReader): Promise<PackageManager> {
  const paths = [...OS_RELEASE_PATHS, ...PROGRAM_FOLDERS];
  return reader.shared(
    { name: "package manager", paths },
    () => searchManager(reader),
  );
}

async function searchManager(reader: HostReader): Promise<PackageManager> {
  const systems = await systemsOf(reader);
  const own = systems.flatMap((system) =>
    PACKAGE_MANAGERS.filter((known) => known.systems.includes(system))
  );
  for (const { program, name } of [...own, ...PACKAGE_MANAGERS]) {
    if (hasProgram(program, reader)) return MANAGERS[name];
  }
  const programs = PACKAGE_MANAGERS.map(({ program }) => program);
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot manage packages on this host: it has none of ${
      programs.join(", ")
    }`,
  );
}

/** Words for the system, the closest first: its own id, then those that it is like. */
async function systemsOf(reader: HostReader): Promise<string[]> {
  for (const path of OS_RELEASE_PATHS) {
    if (reader.followed(path)?.kind !== "file") continue;
    const content = await reader.content(path);
    const bytes = await bytesOf(content, MAX_RELEASE_BYTES, `"${path}"`);
    const { id, like } = readOsRelease(new TextDecoder().decode(bytes));
    return [id, ...like].filter((word) => word !== "");
  }
  return [];
}
