import { byteCalls } from "./byte_calls.ts";
import { pins } from "./host_files.ts";
import { bytesOfName } from "./names.ts";

/** Owner and mode to set; what is absent stays as it is. */
export interface NewAttributes {
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/**
 * Sets owner and mode of what is at a path, never through a link. The agent on Linux does it by the number of an open
 * file, so that nobody can put something else into its place meanwhile.
 *
 * @param isRight Judges what is there; false makes it an error.
 */
export function setAttributes(
  path: string,
  wanted: NewAttributes,
  isRight: (found: Deno.FileInfo) => boolean = () => true,
): void {
  if (Deno.build.os === "windows") return;
  const calls = pins() ? byteCalls() : undefined;
  if (calls === undefined) {
    return setOn(path, wanted, { info: Deno.lstatSync(path), isRight });
  }
  const fd = calls.openFile(bytesOfName(path));
  try {
    const own = `/proc/self/fd/${fd}`;
    // The number of a link that is open leads to the link itself.
    setOn(own, wanted, { info: Deno.statSync(own), isRight });
  } finally {
    calls.close(fd);
  }
}

function setOn(
  path: string,
  { mode, uid, gid }: NewAttributes,
  { info, isRight }: {
    readonly info: Deno.FileInfo;
    readonly isRight: (found: Deno.FileInfo) => boolean;
  },
): void {
  if (info.isSymlink || !isRight(info)) {
    throw new Deno.errors.NotSupported(
      "It was replaced by something else meanwhile",
    );
  }
  const owner = uid === undefined || uid === info.uid ? null : uid;
  const group = gid === undefined || gid === info.gid ? null : gid;
  const isGiven = owner !== null || group !== null;
  if (isGiven) Deno.chownSync(path, owner, group);
  // A change of owner clears bits of the mode, so that it is set again.
  const kept = isGiven && info.mode !== null ? info.mode & 0o7777 : undefined;
  const bits = mode ?? kept;
  if (bits !== undefined) Deno.chmodSync(path, bits);
}
