import { basename, dirname, join, resolve } from "@std/path";
import { PiriError } from "../base/errors.ts";
import { factsAt, HostFolder, linkAt } from "./host_files.ts";

/** Most links that a path may have, as the system counts. */
const MAX_LINKS = 40;
const TOO_MANY = "Too many links";

/**
 * Opens a folder to write in it. Links in its path are followed if they belong to root or to the agent's user. Those of
 * another user lead to that user's own folders only: somebody could otherwise put a link into the place of a folder
 * of theirs, and have a program of root write elsewhere.
 *
 * @throws {PiriError} FAILED_PRECONDITION for a link of somebody else. Errors of Deno.
 */
export function openFolderToWrite(path: string): HostFolder {
  if (Deno.build.os === "windows") return HostFolder.open(path);
  const links: ForeignLink[] = [];
  const folder = descend(resolve(path), links);
  try {
    requireOwn(folder, path, links);
    return folder;
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}

/**
 * Path without links of what is to be written, by the same rule. Its last names may be missing.
 *
 * @throws {PiriError} FAILED_PRECONDITION for a link of somebody else. Errors of Deno.
 */
export function realPlaceToWrite(path: string): string {
  return realPlace(resolve(path), path, []);
}

function realPlace(start: string, path: string, links: ForeignLink[]): string {
  let place = start;
  for (let count = 0; count <= MAX_LINKS; count++) {
    const name = basename(place);
    if (name === "") return place;
    try {
      using folder = descend(dirname(place), links);
      const at = folder.at(name);
      const facts = factsAt(at);
      if (facts?.kind !== "link") {
        requireOwn(folder, path, links);
        return folder.shownAt(name);
      }
      noteLink(folder, { name, uid: facts.uid ?? 0 }, links);
      place = resolve(folder.shown, linkAt(at));
    } catch (error) {
      const isMissing = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotADirectory;
      if (!isMissing) throw error;
      return join(realPlace(dirname(place), path, links), name);
    }
  }
  throw new Deno.errors.FilesystemLoop(TOO_MANY);
}

/** Link that somebody else than root and the agent's user could have made. */
interface ForeignLink {
  readonly path: string;
  readonly uid: number;
}

/** Opens a folder without following a link unseen, and notes the foreign ones. */
function descend(path: string, links: ForeignLink[]): HostFolder {
  // Most paths have no link, and the system finds that out five times faster.
  const folder = HostFolder.openWithoutLinks(path);
  if (folder !== undefined) return folder;
  let place = path;
  for (let count = 0; count <= MAX_LINKS; count++) {
    const end = walk(place, links);
    if (typeof end !== "string") return end;
    place = end;
  }
  throw new Deno.errors.FilesystemLoop(TOO_MANY);
}

/** Goes down a path to its end, or to its first link, whose path with its target it returns. */
function walk(path: string, links: ForeignLink[]): HostFolder | string {
  let folder = HostFolder.open("/");
  try {
    const names = path.split("/").filter((name) => name !== "");
    for (const [index, name] of names.entries()) {
      const at = folder.at(name);
      const facts = factsAt(at);
      if (facts?.kind === "link") {
        noteLink(folder, { name, uid: facts.uid ?? 0 }, links);
        const target = resolve(folder.shown, linkAt(at));
        folder[Symbol.dispose]();
        return join(target, ...names.slice(index + 1));
      }
      const next = folder.enter(name);
      folder[Symbol.dispose]();
      folder = next;
    }
    return folder;
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}

function noteLink(
  folder: HostFolder,
  { name, uid }: { readonly name: string; readonly uid: number },
  links: ForeignLink[],
): void {
  const path = folder.shownAt(name);
  // Whoever owns a folder can move a link of root in it.
  const owner = factsAt(folder.self)?.uid ?? 0;
  if (!isTrusted(owner)) links.push({ path, uid: owner });
  else if (!isTrusted(uid)) links.push({ path, uid });
}

function requireOwn(
  folder: HostFolder,
  path: string,
  links: readonly ForeignLink[],
): void {
  if (links.length === 0) return;
  const owner = factsAt(folder.self)?.uid ?? 0;
  const link = links.find(({ uid }) => uid !== owner);
  if (link === undefined) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot write in "${path}": user ${link.uid} can change the link "${link.path}", and it leads to "${folder.shown}" of another user; name that folder itself, or remove the link`,
  );
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === Deno.uid();
}
