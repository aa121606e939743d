import { dirname, join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { operatorConfigPath } from "../operator_config.ts";

/** Facts that the choice of a Manager depends on. */
export interface ManagerFolderHost {
  readonly os: typeof Deno.build.os;
  env(name: string): string | undefined;
}

/** Folders of this machine. */
export interface FolderReader {
  exists(path: string): boolean;
  /** Names of the folders in a folder; none if it is not there. */
  folders(path: string): readonly string[];
}

/**
 * Folder of all logins of this user.
 *
 * @throws {PiriError} FAILED_PRECONDITION for a user without a home
 */
export function managersFolder({ os, env }: ManagerFolderHost): string {
  const config = operatorConfigPath({ env }, os);
  if (config !== undefined) return join(dirname(config), "managers");
  throw new PiriError(
    "FAILED_PRECONDITION",
    "Cannot keep logins: this user has no home (--dir FOLDER names a place)",
  );
}

/**
 * Folder of the Manager to talk to without `--dir`: the login that PIRI_MANAGER names, or else the state folder of this
 * machine if it is there, or else the only login.
 *
 * @throws {PiriError} INVALID_ARGUMENT if PIRI_MANAGER names no login, or if there are several and it names none
 */
export function managerFolder(
  host: ManagerFolderHost,
  stateFolder: () => string,
  disk: FolderReader = systemDisk,
): string {
  const chosen = host.env("PIRI_MANAGER") ?? "";
  if (chosen !== "") return chosenFolder(chosen, host, disk);
  const local = stateFolder();
  if (disk.exists(local)) return local;
  const names = loginsOf(host, disk);
  const [only, ...others] = names;
  if (only === undefined) return local;
  if (others.length === 0) return join(managersFolder(host), only);
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot choose a Manager: there are logins to ${
      names.join(", ")
    } (PIRI_MANAGER=${only} chooses one)`,
  );
}

function chosenFolder(
  name: string,
  host: ManagerFolderHost,
  disk: FolderReader,
): string {
  const path = /[/\\]/.test(name) ? name : join(managersFolder(host), name);
  if (disk.exists(path)) return path;
  const names = loginsOf(host, disk);
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use PIRI_MANAGER=${name}: there is no such login${
      names.length === 0 ? "" : `, only ${names.join(", ")}`
    } (piri-manager login makes one)`,
  );
}

function loginsOf(
  host: ManagerFolderHost,
  disk: FolderReader,
): readonly string[] {
  return operatorConfigPath(host, host.os) === undefined
    ? []
    : disk.folders(managersFolder(host)).toSorted();
}

const systemDisk: FolderReader = {
  exists(path) {
    try {
      Deno.statSync(path);
      return true;
    } catch (error) {
      // What may not be looked into is there.
      return !(error instanceof Deno.errors.NotFound);
    }
  },
  folders(path) {
    try {
      return [...Deno.readDirSync(path)].filter(({ isDirectory }) =>
        isDirectory
      )
        .map(({ name }) => name);
    } catch {
      return [];
    }
  },
};
