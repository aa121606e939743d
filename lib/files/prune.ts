import { PiriError } from "../base/errors.ts";
import { fileError } from "./file_errors.ts";
import {
  factsAt,
  type FileFacts,
  type HostFolder,
  makeHardLink,
  namesIn,
  remove,
  rename,
} from "./host_files.ts";

/** Name in an open folder. */
export interface OpenPlace {
  readonly folder: HostFolder;
  readonly name: string;
}

/** Choices for deleting. */
export interface PruneOptions {
  /** True if what would be deleted stays as NAME~, and such copies of earlier runs stay, too. */
  readonly backup: boolean;
  readonly signal: AbortSignal;
}

/**
 * Deletes all names of a folder but the kept ones, and returns how many files, folders and links that were. Links are
 * deleted, and never followed.
 *
 * @throws {PiriError} DENIED, DISK; CANCELLED
 */
export function prune(
  folder: HostFolder,
  kept: ReadonlySet<string>,
  { backup, signal }: PruneOptions,
): number {
  const extra = namesIn(folder.self)
    .filter((name) => !kept.has(name))
    .filter((name) => !backup || !name.endsWith("~"));
  let deleted = 0;
  for (const name of extra) {
    const place = { folder, name };
    if (backup) {
      setAside(place, signal);
      deleted++;
    } else deleted += removeAll(place, signal);
  }
  return deleted;
}

/** Keeps what is about to be replaced as NAME~. A file stays where it is until then. */
export function keepAside({ folder, name }: OpenPlace, facts: FileFacts): void {
  const backup = folder.at(`${name}~`);
  if (factsAt(backup) !== undefined) remove(backup);
  if (facts.kind === "file") makeHardLink(folder.at(name), backup);
  else rename(folder.at(name), backup);
}

function setAside({ folder, name }: OpenPlace, signal: AbortSignal): void {
  const backup = `${name}~`;
  if (factsAt(folder.at(backup)) !== undefined) {
    removeAll({ folder, name: backup }, signal);
  }
  rename(folder.at(name), folder.at(backup));
}

function removeAll({ folder, name }: OpenPlace, signal: AbortSignal): number {
  let removed = 1;
  try {
    if (signal.aborted) {
      throw new PiriError(
        "CANCELLED",
        `Cannot remove "${folder.shownAt(name)}": it was cancelled`,
      );
    }
    if (factsAt(folder.at(name))?.kind === "folder") {
      using inner = folder.enter(name);
      for (const each of namesIn(inner.self)) {
        removed += removeAll({ folder: inner, name: each }, signal);
      }
    }
    remove(folder.at(name));
    return removed;
  } catch (error) {
    throw fileError("remove", folder.shownAt(name), error);
  }
}
