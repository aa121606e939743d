import { AT_FDCWD, NUMBERS, openSyscalls } from "./syscalls.ts";

const AT_SYMLINK_NOFOLLOW = 0x100n;
/** Fields that are asked for, of statx(2): kind, count of names, mount. */
const STATX_TYPE = 0x1;
const STATX_NLINK = 0x4;
const STATX_MNT_ID = 0x1000;
const ASKED = STATX_TYPE | STATX_NLINK | STATX_MNT_ID;

const S_IFMT = 0o170_000;
const S_IFREG = 0o100_000;
const S_IFLNK = 0o120_000;

/** Longest path that is asked for, in bytes: that of Linux. */
const MAX_PATH_BYTES = 4_096;

/** Place of a file or folder in the system. */
export interface Place {
  /** Number of its mount: within one, a folder has one path without links. */
  readonly mount: bigint;
  readonly isLink: boolean;
  readonly isFile: boolean;
  /** Count of its names. */
  readonly names: number;
}

const encoder = new TextEncoder();
// Used again by each call, which is over before the next one begins.
const pathBuffer = new Uint8Array(MAX_PATH_BYTES + 1);
const answer = new Uint8Array(256);
const fields = new DataView(answer.buffer);

/**
 * Place of what is at a path, without following a link, by one call of Linux. Undefined if there is nothing, if it may
 * not be seen, before Linux 5.8, and on other systems.
 */
export function placeOf(path: string): Place | undefined {
  const symbols = openSyscalls()?.symbols;
  if (symbols === undefined || !path.isWellFormed() || path.includes("\0")) {
    return undefined;
  }
  const { read, written } = encoder.encodeInto(path, pathBuffer);
  if (read < path.length || written > MAX_PATH_BYTES) return undefined;
  pathBuffer[written] = 0;
  const result = symbols.withFlagsAndBuffer(
    NUMBERS.statx,
    AT_FDCWD,
    pathBuffer,
    AT_SYMLINK_NOFOLLOW,
    BigInt(ASKED),
    answer,
  );
  if (result < 0n) return undefined;
  if ((fields.getUint32(0, true) & ASKED) !== ASKED) return undefined;
  const kind = fields.getUint16(28, true) & S_IFMT;
  return {
    mount: fields.getBigUint64(144, true),
    isLink: kind === S_IFLNK,
    isFile: kind === S_IFREG,
    names: fields.getUint32(16, true),
  };
}
