import { PiriError } from "./errors.ts";

/** Owner and mode of a file or a folder, as `Deno.FileInfo` has them. */
export type PosixRights = Pick<Deno.FileInfo, "uid" | "mode">;

const ROOT = 0;

/** Bits of a mode by which group or others may write. */
export const OTHERS_WRITE = 0o022;

/** Bits of a mode that give group or others any right. */
const OTHERS = 0o077;

/**
 * Refuses a folder that group or others may write to, or that belongs to neither this user nor root.
 *
 * @param own Number of this user.
 * @param anyOwnerForRoot True if root may use a folder of any user, as when it looks at what a service of another user has.
 * @throws {PiriError} DENIED, with the line that mends it
 */
export function requireFolderRights(
  path: string,
  { uid, mode }: PosixRights,
  own: number,
  { anyOwnerForRoot = false } = {},
): void {
  const anybody = anyOwnerForRoot && own === ROOT;
  if (!anybody && isStranger(uid, own)) {
    throw denied(
      path,
      `it belongs to uid ${uid}, who can change what is in it; run this as that user, or look at what is in it and run chown -R ${own} ${path}`,
    );
  }
  if (((mode ?? 0) & OTHERS_WRITE) === 0) return;
  const take = own === ROOT || own === uid ? "" : `chown -R ${own} ${path} && `;
  throw denied(
    path,
    `its mode is ${
      octalMode((mode ?? 0) & 0o1777)
    }, so others may write to it; look at what is in it, and run ${take}chmod 700 ${path}`,
  );
}

/**
 * Refuses a file that belongs to neither this user nor root. Root may also use those of the folder's owner, who could
 * replace them in any case.
 *
 * @param folderUid Owner of the file's folder.
 * @throws {PiriError} DENIED, with the line that mends it
 */
export function requireFileOwner(
  path: string,
  { uid }: PosixRights,
  own: number,
  folderUid: number | null,
): void {
  if (!isStranger(uid, own)) return;
  if (own === ROOT && uid === folderUid) return;
  throw denied(
    path,
    `it belongs to uid ${uid}, who can change it; look at what is in it, and run chown ${
      own === ROOT ? folderUid ?? own : own
    } ${path}`,
  );
}

/**
 * Refuses a file that group or others may read or write.
 *
 * @throws {PiriError} DENIED, with the line that mends it
 */
export function requireFileMode(path: string, { mode }: PosixRights): void {
  if (!isOpenToOthers({ mode })) return;
  throw denied(
    path,
    `its mode is ${
      octalMode((mode ?? 0) & 0o777)
    }, so others may read it; run chmod 600 ${path}`,
  );
}

/** True if group or others have any right. */
export function isOpenToOthers({ mode }: Pick<PosixRights, "mode">): boolean {
  return ((mode ?? 0) & OTHERS) !== 0;
}

/** Permissions as people write them, such as 0644. */
export function octalMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** True for the number of a user who is neither this one nor root. Null is a system without numbers. */
function isStranger(uid: number | null, own: number): boolean {
  return uid !== null && uid !== own && uid !== ROOT;
}

function denied(path: string, why: string): PiriError {
  return new PiriError("DENIED", `Cannot use "${path}": ${why}`);
}
