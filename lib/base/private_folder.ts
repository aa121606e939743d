import { dirname } from "@std/path";
import { diskError, PRIVATE_FOLDER } from "./files.ts";
import { ownRights } from "./own_rights.ts";
import { OTHERS_WRITE, requireFolderRights } from "./posix_rights.ts";
import type { WindowsRights } from "./windows_rights.ts";

/**
 * Makes a folder that nobody but its user may enter, with the folders above it. An empty folder that is there already
 * gets these rights, too; elsewhere than on Windows only if others could write to it, and if it is this user's.
 *
 * @throws {PiriError} DENIED, also for a folder of somebody else on Windows; DISK
 */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    if (Deno.build.os === "windows") await makeOnWindows(path, ownRights());
    else await makeOnPosix(path);
  } catch (error) {
    throw diskError(`make the folder "${path}"`, error);
  }
}

/**
 * Refuses a folder that others may write to, or that belongs to another user than this one and root. Others may read
 * it: the modes of the files in it keep what is secret. On Windows, refuses a folder that others have any rights to.
 *
 * @param anyOwnerForRoot True if root may use a folder of any user, as when it looks at that of a service.
 * @throws {PiriError} DENIED, with the line that mends it; NOT_FOUND, DISK
 */
export function requirePrivateFolder(
  path: string,
  options: { readonly anyOwnerForRoot?: boolean } = {},
): void {
  if (Deno.build.os === "windows") return ownRights().requireFolder(path);
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    throw diskError(`read "${path}"`, error);
  }
  requireFolderRights(path, info, Deno.uid() ?? 0, options);
}

async function makeOnPosix(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
  const { uid, mode } = await Deno.stat(path);
  const isWritable = ((mode ?? 0) & OTHERS_WRITE) !== 0;
  // It was there. What others have put into it is not to be trusted.
  if (isWritable && uid === Deno.uid() && await isEmpty(path)) {
    await Deno.chmod(path, PRIVATE_FOLDER);
  }
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
