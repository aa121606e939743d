import { join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import type { HostReader, PathFacts } from "../host/host.ts";

/** Most paths of a folder that a step looks at. */
const MAX_PATHS = 100_000;

/** All at and below a path, a folder before what is in it. */
export function treeAt(
  path: string,
  reader: HostReader,
): [string, PathFacts][] {
  const found: [string, PathFacts][] = [];
  const visit = (at: string) => {
    const facts = reader.facts(at);
    if (facts === undefined) return;
    found.push([at, facts]);
    if (found.length > MAX_PATHS) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot look at all in "${path}": it has over ${MAX_PATHS} files and folders, which is the limit`,
      );
    }
    if (facts.kind !== "folder") return;
    for (const name of reader.names(at)) visit(join(at, name));
  };
  visit(path);
  return found;
}

/**
 * All below a folder that is not named, what is in a folder before it. A folder that is named itself is left alone with
 * all that is in it.
 */
export function unnamedIn(
  path: string,
  reader: HostReader,
  named: (path: string) => "itself" | "below" | undefined,
): string[] {
  const unnamed: string[] = [];
  /** True if something is left in the folder. */
  const keepsIn = (folder: string): boolean => {
    let keeps = false;
    for (const name of reader.names(folder)) {
      const each = join(folder, name);
      const how = named(each);
      const isFolder = reader.facts(each)?.kind === "folder";
      const isKept = how === "itself" ||
        (isFolder && keepsIn(each)) || how === "below";
      if (isKept) keeps = true;
      else unnamed.push(each);
    }
    return keeps;
  };
  keepsIn(path);
  return unnamed;
}

/**
 * Refuses to remove the root, a home or a mount point.
 *
 * @throws {PiriError} REFUSED
 */
export function requireRemovable(path: string, reader: HostReader): void {
  const real = reader.facts(path)?.kind === "folder"
    ? reader.realPath(path)
    : path;
  const why = real === "/"
    ? "it is the root of all folders"
    : reader.isHome(real)
    ? "it is the home of a user"
    : reader.isMountPoint(real)
    ? "a file system is mounted there"
    : undefined;
  if (why === undefined) return;
  throw new PiriError("REFUSED", `Cannot remove "${path}": ${why}`);
}
