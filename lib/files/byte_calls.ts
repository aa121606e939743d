import {
  AT_FDCWD,
  NUMBERS,
  OPEN,
  openSyscalls,
  pathBytes,
  type Syscalls,
} from "./syscalls.ts";

const AT_SYMLINK_NOFOLLOW = 0x100n;
const AT_REMOVEDIR = 0x200n;
const STATX_BASIC = 0x7ff;
const STATX_MNT_ID = 0x1000;
const STATX_ASKED = BigInt(STATX_BASIC | STATX_MNT_ID);

// Used again by each call, which is over before the next one begins.
const statAnswer = new Uint8Array(256);
const statFields = new DataView(statAnswer.buffer);

/** Flag of openat2(2): a link anywhere in the path is an error. */
const RESOLVE_NO_SYMLINKS = 0x04n;

/** Numbers of a file that a stat tells. */
export interface RawStat {
  readonly mode: number;
  /** Count of the names of the file. */
  readonly names: number;
  /** Number of the mount: within one, a folder has one path without links. Undefined before Linux 5.8. */
  readonly mount: bigint | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Calls of Linux that take names as bytes, and folders by their number. They throw errors of Deno. */
export interface ByteCalls {
  /** Opens a folder, and returns its number. It is not read, only used. */
  openFolder(path: Uint8Array, follow: boolean): number;
  /**
   * Opens a folder by a path that has no link, and returns its number; undefined if the path has a link, for any other
   * error, and where the system is too old to tell (before Linux 5.6).
   */
  openFolderWithoutLinks(path: Uint8Array): number | undefined;
  close(fd: number): void;
  /** Opens a file for Deno, which knows it by a path with its number. */
  openFile(path: Uint8Array): number;
  list(path: Uint8Array): Uint8Array[];
  stat(path: Uint8Array): RawStat;
  readLink(path: Uint8Array): Uint8Array;
  makeFolder(path: Uint8Array): void;
  link(target: Uint8Array, path: Uint8Array): void;
  hardLink(from: Uint8Array, to: Uint8Array): void;
  rename(from: Uint8Array, to: Uint8Array): void;
  remove(path: Uint8Array, isFolder: boolean): void;
  setMode(path: Uint8Array, mode: number): void;
  setOwner(path: Uint8Array, uid: number, gid: number): void;
  setTime(path: Uint8Array, mtimeMs: number): void;
  /** Writes all that the file system of a folder has in memory to its disk. */
  sync(path: Uint8Array): void;
}

let calls: ByteCalls | undefined;

/** Opens the C library; undefined where it cannot be used, as on systems other than Linux. */
export function byteCalls(): ByteCalls | undefined {
  const syscalls = openSyscalls();
  if (syscalls !== undefined) calls ??= wrap(syscalls);
  return calls;
}

function wrap({ symbols, done }: Syscalls): ByteCalls {
  const openAt = (path: Uint8Array, flags: bigint) =>
    done(
      symbols.withPath(
        NUMBERS.openat,
        AT_FDCWD,
        pathBytes(path),
        flags,
        0n,
        0n,
      ),
    );
  return {
    openFolder: (path, follow) =>
      openAt(
        path,
        OPEN.path | OPEN.folder | OPEN.closeOnExec |
          (follow ? 0n : OPEN.noFollow),
      ),
    openFolderWithoutLinks(path) {
      // struct open_how: flags, mode, resolve.
      const how = new BigUint64Array([
        OPEN.path | OPEN.folder | OPEN.closeOnExec,
        0n,
        RESOLVE_NO_SYMLINKS,
      ]);
      const fd = symbols.withPathAndBuffer(
        NUMBERS.openat2,
        AT_FDCWD,
        pathBytes(path),
        how,
        BigInt(how.byteLength),
        0n,
      );
      return fd < 0n ? undefined : Number(fd);
    },
    close: (fd) => void symbols.withFile(NUMBERS.close, BigInt(fd)),
    openFile: (path) =>
      openAt(path, OPEN.path | OPEN.noFollow | OPEN.closeOnExec),

    list(path) {
      const fd = openAt(path, OPEN.folder | OPEN.closeOnExec);
      try {
        const names: Uint8Array[] = [];
        const buffer = new Uint8Array(65_536);
        for (;;) {
          const read = done(
            symbols.withBuffer(
              NUMBERS.getdents64,
              BigInt(fd),
              buffer,
              BigInt(buffer.length),
            ),
          );
          if (read === 0) return names;
          names.push(...entriesIn(buffer.subarray(0, read)));
        }
      } finally {
        symbols.withFile(NUMBERS.close, BigInt(fd));
      }
    },

    stat(path) {
      done(
        symbols.withFlagsAndBuffer(
          NUMBERS.statx,
          AT_FDCWD,
          pathBytes(path),
          AT_SYMLINK_NOFOLLOW,
          STATX_ASKED,
          statAnswer,
        ),
      );
      return statIn(statFields);
    },

    readLink(path) {
      const buffer = new Uint8Array(4_096);
      const length = done(
        symbols.withPathAndBuffer(
          NUMBERS.readlinkat,
          AT_FDCWD,
          pathBytes(path),
          buffer,
          BigInt(buffer.length),
          0n,
        ),
      );
      return buffer.slice(0, length);
    },

    makeFolder: (path) =>
      void done(
        symbols.withPath(
          NUMBERS.mkdirat,
          AT_FDCWD,
          pathBytes(path),
          0o700n,
          0n,
          0n,
        ),
      ),
    link: (target, path) =>
      void done(
        symbols.withTarget(
          NUMBERS.symlinkat,
          pathBytes(target),
          AT_FDCWD,
          pathBytes(path),
        ),
      ),
    hardLink: (from, to) =>
      void done(
        symbols.withTwoPaths(
          NUMBERS.linkat,
          AT_FDCWD,
          pathBytes(from),
          AT_FDCWD,
          pathBytes(to),
          0n,
        ),
      ),
    rename: (from, to) =>
      void done(
        symbols.withTwoPaths(
          NUMBERS.renameat2,
          AT_FDCWD,
          pathBytes(from),
          AT_FDCWD,
          pathBytes(to),
          0n,
        ),
      ),
    remove: (path, isFolder) =>
      void done(
        symbols.withPath(
          NUMBERS.unlinkat,
          AT_FDCWD,
          pathBytes(path),
          isFolder ? AT_REMOVEDIR : 0n,
          0n,
          0n,
        ),
      ),
    setMode: (path, mode) =>
      void done(
        symbols.withPath(
          NUMBERS.fchmodat,
          AT_FDCWD,
          pathBytes(path),
          BigInt(mode),
          0n,
          0n,
        ),
      ),
    setOwner: (path, uid, gid) =>
      void done(
        symbols.withPath(
          NUMBERS.fchownat,
          AT_FDCWD,
          pathBytes(path),
          BigInt(uid),
          BigInt(gid),
          AT_SYMLINK_NOFOLLOW,
        ),
      ),
    setTime: (path, mtimeMs) =>
      void done(
        symbols.withPathAndBuffer(
          NUMBERS.utimensat,
          AT_FDCWD,
          pathBytes(path),
          timesOf(mtimeMs),
          AT_SYMLINK_NOFOLLOW,
          0n,
        ),
      ),
    sync(path) {
      const fd = openAt(path, OPEN.folder | OPEN.closeOnExec);
      symbols.withFile(NUMBERS.syncfs, BigInt(fd));
      symbols.withFile(NUMBERS.close, BigInt(fd));
    },
  };
}

/** Names in the records of getdents64(2), without "." and "..". */
function entriesIn(records: Uint8Array): Uint8Array[] {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  const names: Uint8Array[] = [];
  for (let at = 0; at < records.length;) {
    const length = view.getUint16(at + 16, true);
    const name = records.subarray(at + 19, at + length);
    const end = name.indexOf(0);
    const isDots = (end === 1 || end === 2) && name[0] === 46 &&
      (end === 1 || name[1] === 46);
    if (!isDots) names.push(name.slice(0, end));
    at += length;
  }
  return names;
}

/** Fields of struct statx: its layout is the same on all processors. */
function statIn(view: DataView): RawStat {
  const hasMount = (view.getUint32(0, true) & STATX_MNT_ID) !== 0;
  const seconds = Number(view.getBigInt64(112, true));
  return {
    names: view.getUint32(16, true),
    mount: hasMount ? view.getBigUint64(144, true) : undefined,
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: view.getUint16(28, true),
    size: Number(view.getBigUint64(40, true)),
    mtimeMs: seconds * 1_000 + Math.floor(view.getUint32(120, true) / 1e6),
  };
}

/** The times of a file for utimensat(2): access, and change of the content. */
function timesOf(mtimeMs: number): BigInt64Array<ArrayBuffer> {
  const seconds = BigInt(Math.floor(mtimeMs / 1_000));
  const nanoseconds = BigInt(Math.round((mtimeMs % 1_000 + 1_000) % 1_000)) *
    1_000_000n;
  return new BigInt64Array([seconds, nanoseconds, seconds, nanoseconds]);
}
