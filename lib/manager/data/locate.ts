import { isAbsolute, join, relative, SEPARATOR } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { NAME_PATTERN } from "../../base/limits.ts";

const MAX_NAME_LENGTH = 1_024;

/**
 * Refuses a file name that is not a plain relative path without "..", written with slashes on every system.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function requireSafeName(name: string): void {
  const reason = name === ""
    ? "it is empty"
    : name.length > MAX_NAME_LENGTH
    ? `its ${name.length} characters are over the limit of ${MAX_NAME_LENGTH}`
    : name.includes("\0")
    ? "it has a NUL in it"
    // A colon marks a drive or a stream on Windows.
    : name.includes("\\") || (Deno.build.os === "windows" && name.includes(":"))
    ? "folders are divided by / and nothing else"
    : name.startsWith("/")
    ? "it is absolute"
    : name.split("/").some((part) => part === "" || /^\.\.?$/.test(part))
    ? "it has an empty part, . or .. in it"
    : undefined;
  if (reason === undefined) return;
  const shown = JSON.stringify(name.slice(0, 100));
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use the file name ${shown}: ${reason}; name a file by its path below files/all, as nginx/site.conf`,
  );
}

/** Returns the name of an agent or group, checked once more: somebody may have changed the database. */
export function folderSafe(name: string): string {
  if (NAME_PATTERN.test(name)) return name;
  throw new PiriError(
    "INTERNAL",
    `Cannot use ${JSON.stringify(name)} as a file name: it is not a name`,
  );
}

/** Reason why a place that is not empty has no file. */
export type Obstacle =
  | "outside"
  | "nowhere"
  | "folder"
  | "pipe"
  | "socket"
  | "device";

/** File at a place in a folder, or the reason why there is none. An empty place has no reason. */
export type Located =
  | { readonly path: string; readonly info: Deno.FileInfo }
  | { readonly obstacle?: Obstacle };

/**
 * Looks for a file in a folder.
 *
 * A symbolic link may lead to any place within the folder. A link that leads out of it counts as no file.
 */
export async function locate(folder: string, name: string): Promise<Located> {
  // Most places that are looked at have nothing, as those for a host alone: one question tells.
  if (await infoAt(join(folder, name)) === undefined) return {};
  const root = await realPath(folder);
  if (root === undefined) return {};
  const place = join(root, name);
  const path = await realPath(place);
  if (path === undefined) {
    // It may have gone, or come, since.
    return (await infoAt(place))?.isSymlink ? { obstacle: "nowhere" } : {};
  }
  if (!isInside(root, path)) return { obstacle: "outside" };
  const info = await Deno.stat(path);
  // Opening a named pipe would wait for a writer for ever.
  return info.isFile ? { path, info } : { obstacle: kindOf(info) };
}

/** Facts about what is at a place, also a link that leads nowhere; undefined if there is nothing. */
async function infoAt(place: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(place);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function kindOf(info: Deno.FileInfo): Obstacle {
  if (info.isDirectory) return "folder";
  if (info.isFifo) return "pipe";
  return info.isSocket ? "socket" : "device";
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return !isAbsolute(way) && way.split(SEPARATOR)[0] !== "..";
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.FilesystemLoop;
}
