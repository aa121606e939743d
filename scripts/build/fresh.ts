import { join } from "@std/path";

/** Sources of the executables, relative to the root of the repository. */
export const SOURCES: readonly string[] = [
  ".deno-version",
  "agent.ts",
  "deno.json",
  "deno.lock",
  "lib",
  "manager.ts",
  "proto/gen",
  "scripts/build",
];

/** True if a file is missing, or older than one of these files or than anything in these folders. */
export async function isStale(
  file: string,
  root: string,
  sources: readonly string[],
): Promise<boolean> {
  const made = await newest(file);
  if (made === undefined) return true;
  for (const source of sources) {
    const changed = await newest(join(root, source));
    if (changed !== undefined && changed > made) return true;
  }
  return false;
}

/**
 * Time of the last change of a file, or of the newest file in a folder, in milliseconds; undefined if there is none.
 */
async function newest(path: string): Promise<number | undefined> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // A folder's own time changes when a file in it is removed.
  let latest = info.mtime?.getTime();
  if (!info.isDirectory) return latest;
  for await (const { name } of Deno.readDir(path)) {
    const time = await newest(join(path, name));
    if (time !== undefined && time > (latest ?? 0)) latest = time;
  }
  return latest;
}
