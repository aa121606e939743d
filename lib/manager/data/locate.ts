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
    `Cannot use the file name ${shown}: ${reason}`,
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

/**
 * Returns the real path of a file in a folder, or undefined if there is no such file.
 *
 * A symbolic link may lead to any place within the folder. A link that leads out of it counts as no file.
 */
export async function locate(
  folder: string,
  name: string,
): Promise<string | undefined> {
  const root = await realPath(folder);
  if (root === undefined) return undefined;
  const path = await realPath(join(root, name));
  if (path === undefined || !isInside(root, path)) return undefined;
  // Opening a named pipe would wait for a writer for ever.
  return (await Deno.stat(path)).isFile ? path : undefined;
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return !isAbsolute(way) && way.split(SEPARATOR)[0] !== "..";
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory ||
      error instanceof Deno.errors.FilesystemLoop
    ) {
      return undefined;
    }
    throw error;
  }
}
