import { dirname } from "@std/path";
import { diskError, PRIVATE_FOLDER } from "./files.ts";
import { ownRights } from "./own_rights.ts";
import type { WindowsRights } from "./windows_rights.ts";

/**
 * Makes a folder that nobody but its user may enter, with the folders above it. On Windows, an empty folder that is
 * there already gets these rights, too.
 *
 * @throws {PiriError} DENIED, also for a folder of somebody else on Windows; DISK
 */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    if (Deno.build.os === "windows") await makeOnWindows(path, ownRights());
    else await Deno.mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
  } catch (error) {
    throw diskError(`make the folder "${path}"`, error);
  }
}

/**
 * Refuses a folder that others have rights to. Checked only on Windows; elsewhere the modes of the files in it are.
 *
 * @throws {PiriError} DENIED, with the line that mends it
 */
export function requirePrivateFolder(path: string): void {
  if (Deno.build.os === "windows") ownRights().requireFolder(path);
}

/** Makes a private folder as `makePrivateFolder` does on Windows, by these rights. */
export async function makeOnWindows(
  path: string,
  rights: WindowsRights,
): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  if (!rights.makeFolder(path)) {
    // There is a folder already. If not, this says why none can be made.
    await Deno.mkdir(path, { recursive: true });
    if (await isEmpty(path)) rights.protect(path);
  }
  rights.requireFolder(path);
}

async function isEmpty(path: string): Promise<boolean> {
  for await (const _entry of Deno.readDir(path)) return false;
  return true;
}
