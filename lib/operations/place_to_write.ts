import { basename, dirname } from "@std/path";
import { syncFolder } from "../base/files.ts";
import { openFolderToWrite } from "../files/folder_to_write.ts";
import { makeFolder, remove, setMode } from "../files/host_files.ts";
import type { Guard } from "./guard.ts";
import { writeError } from "./target_file.ts";

const FOLDER_MODE = 0o755;

/** Place of a file that is about to be written. Disposed of before it is kept, the folders that were made go again. */
export interface PlaceToWrite extends Disposable {
  /** Path for calls of the system. Its folder stays the one that was judged. */
  readonly at: string;
  /** Keeps the folders that were made, durably. */
  keep(): Promise<void>;
}

/**
 * Finds the place of a path, and holds its folder open from here on: a link that somebody puts into its place meanwhile,
 * such as the owner of a folder above it or another command of a rogue Manager, leads nowhere.
 *
 * @throws {PiriError} REFUSED; FAILED_PRECONDITION without a folder; DENIED, DISK
 */
export function placeToWrite(
  path: string,
  { guard, parents }: { readonly guard: Guard; readonly parents: boolean },
): PlaceToWrite {
  using undo = new DisposableStack();
  const made: string[] = [];
  let isKept = false;
  try {
    const missing = parents ? missingAbove(path) : [];
    let folder = undo.use(
      openFolderToWrite(dirname([path, ...missing].at(-1) ?? path)),
    );
    const names = missing.toReversed().map((each) => basename(each));
    guard.require("write", [folder.real, ...names, basename(path)].join("/"));
    for (const name of names) {
      const at = folder.at(name);
      const isMade = makeIfMissing(at);
      if (isMade) {
        made.push(at);
        undo.defer(() => {
          if (!isKept) removeQuietly(at);
        });
      }
      folder = undo.use(folder.enter(name));
      // The mask of this process may have removed bits of the mode.
      if (isMade) setMode(folder.self, FOLDER_MODE);
    }
    const open = undo.move();
    return {
      at: folder.at(basename(path)),
      async keep() {
        for (const at of made) await syncFolder(dirname(at));
        isKept = true;
      },
      [Symbol.dispose]: () => open.dispose(),
    };
  } catch (error) {
    throw writeError(path, error, "the agent's user may not make its folder");
  }
}

/** Makes a folder. False if it is there: another command was faster. */
function makeIfMissing(path: string): boolean {
  try {
    makeFolder(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Removes a folder that was made for nothing. One that holds something by now stays. */
function removeQuietly(path: string): void {
  try {
    remove(path);
  } catch {
    // It holds something, or is gone.
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
