import { basename, dirname, isAbsolute, join } from "@std/path";
import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import { fileError } from "../files/file_errors.ts";
import { openFolderToWrite } from "../files/folder_to_write.ts";
import { HostFolder } from "../files/host_files.ts";
import type { Guard } from "./guard.ts";

/**
 * An absolute path of a file or folder on the agent's host. The Manager checks parameters too, and may run on another
 * system: `openPlace` decides on the agent.
 */
export const anyHostPath = v.pipe(
  v.string(),
  v.regex(
    /^(?:[A-Za-z]:)?[\\/]/,
    "Expected an absolute path, as /srv/site or C:\\site",
  ),
);

/** Place of a path: its folder, which is open, and its name in there. */
export interface HostPlace extends Disposable {
  readonly folder: HostFolder;
  /** "." for the folder itself: the path ended as a folder's does. */
  readonly name: string;
  /** Path of it, in which the folder is named without links. */
  readonly real: string;
}

/**
 * Opens the folder of a path. A path that ends with "/" stands for the folder that it leads to, also by a link.
 *
 * @param guard Judges the folder that was opened, so that no link can be put in its place after that.
 * @throws {PiriError} INVALID_ARGUMENT for a path that is not absolute here; REFUSED; NOT_FOUND, DENIED, DISK
 */
export function openPlace(
  path: string,
  attempt: "read" | "write",
  guard: Guard,
): HostPlace {
  requireAbsolute(path, attempt);
  const isFolder = isAbsolute(path.slice(-1));
  using undo = new DisposableStack();
  try {
    const above = isFolder ? path : dirname(path);
    const folder = undo.use(
      attempt === "read" ? HostFolder.open(above) : openFolderToWrite(above),
    );
    const name = isFolder ? "." : basename(path);
    const real = guard.isFree ? path : join(folder.real, name);
    guard.require(attempt, real);
    const open = undo.move();
    return { folder, name, real, [Symbol.dispose]: () => open.dispose() };
  } catch (error) {
    throw fileError(attempt, path, error);
  }
}

/** Refuses a path that is not absolute on this host. */
export function requireAbsolute(path: string, attempt: string): void {
  if (isAbsolute(path) && !path.includes("\0")) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot ${attempt} "${path}": on this host (${Deno.build.os}) that is not an absolute path`,
  );
}
