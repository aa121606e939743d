import { basename, dirname } from "@std/path";
import { HostFolder, makeFolder, setMode } from "../files/host_files.ts";
import type { Guard } from "./guard.ts";
import { writeError } from "./target_file.ts";

const FOLDER_MODE = 0o755;

/** Place of a file that is about to be written. */
export interface PlaceToWrite extends Disposable {
  /** Path for calls of the system. Where rules bound the command, its folder stays the one that was judged. */
  readonly at: string;
  /** True if missing folders above it are yet to be made. */
  readonly makesParents: boolean;
}

/**
 * Finds the place of a path. A command that rules bound holds its folder open from here on: a link that somebody puts
 * into its place meanwhile, such as another command of a rogue Manager, leads nowhere.
 *
 * @throws {PiriError} REFUSED; FAILED_PRECONDITION without a folder; DENIED, DISK
 */
export function placeToWrite(
  path: string,
  { guard, parents }: { readonly guard: Guard; readonly parents: boolean },
): PlaceToWrite {
  if (!guard.isBounded) {
    return { at: path, makesParents: parents, [Symbol.dispose]() {} };
  }
  using undo = new DisposableStack();
  try {
    const missing = parents ? missingAbove(path) : [];
    let folder = undo.use(
      HostFolder.open(dirname([path, ...missing].at(-1) ?? path)),
    );
    const names = missing.toReversed().map((each) => basename(each));
    guard.require("write", [folder.real, ...names, basename(path)].join("/"));
    for (const name of names) {
      makeFolder(folder.at(name));
      folder = undo.use(folder.enter(name));
      setMode(folder.self, FOLDER_MODE);
    }
    const open = undo.move();
    return {
      at: folder.at(basename(path)),
      makesParents: false,
      [Symbol.dispose]: () => open.dispose(),
    };
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Folders above a path that are not there, the lowest first. */
function missingAbove(path: string): string[] {
  const missing: string[] = [];
  for (let at = dirname(path); !isThere(at); at = dirname(at)) missing.push(at);
  return missing;
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
