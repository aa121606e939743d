/** Numbers of the system calls of Linux. */
const NUMBERS = Deno.build.arch === "aarch64"
  ? {
    openat: 56n,
    mkdirat: 34n,
    unlinkat: 35n,
    renameat2: 276n,
    symlinkat: 36n,
    linkat: 37n,
    readlinkat: 78n,
    fchmodat: 53n,
    fchownat: 54n,
    utimensat: 88n,
    statx: 291n,
    getdents64: 61n,
    syncfs: 267n,
    close: 57n,
  }
  : {
    openat: 257n,
    mkdirat: 258n,
    unlinkat: 263n,
    renameat2: 316n,
    symlinkat: 266n,
    linkat: 265n,
    readlinkat: 267n,
    fchmodat: 268n,
    fchownat: 260n,
    utimensat: 280n,
    statx: 332n,
    getdents64: 217n,
    syncfs: 306n,
    close: 3n,
  };

const SYMBOLS = {
  withPath: {
    name: "syscall",
    parameters: ["i64", "i64", "buffer", "i64", "i64", "i64"],
    result: "i64",
  },
  withPathAndBuffer: {
    name: "syscall",
    parameters: ["i64", "i64", "buffer", "buffer", "i64", "i64"],
    result: "i64",
  },
  withTwoPaths: {
    name: "syscall",
    parameters: ["i64", "i64", "buffer", "i64", "buffer", "i64"],
    result: "i64",
  },
  withTarget: {
    name: "syscall",
    parameters: ["i64", "buffer", "i64", "buffer"],
    result: "i64",
  },
  withFlagsAndBuffer: {
    name: "syscall",
    parameters: ["i64", "i64", "buffer", "i64", "i64", "buffer"],
    result: "i64",
  },
  withBuffer: {
    name: "syscall",
    parameters: ["i64", "i64", "buffer", "i64"],
    result: "i64",
  },
  withFile: { name: "syscall", parameters: ["i64", "i64"], result: "i64" },
  errno: { name: "__errno_location", parameters: [], result: "pointer" },
} as const;

type Calls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** From the folder of this process, for paths that are not absolute. */
const AT_FDCWD = -100n;
const AT_SYMLINK_NOFOLLOW = 0x100n;
const AT_REMOVEDIR = 0x200n;
const O_CLOEXEC = 0o2_000_000n;
const O_DIRECTORY = Deno.build.arch === "aarch64" ? 0o40_000n : 0o200_000n;
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100_000n : 0o400_000n;
const O_PATH = 0o10_000_000n;
const STATX_BASIC = 0x7ffn;

const ENOENT = 2;
const EACCES = 13;
const EPERM = 1;
const EEXIST = 17;
const ENOTDIR = 20;
const EISDIR = 21;
const ENOTEMPTY = 39;
const ELOOP = 40;

/** Numbers of a file that a stat tells. */
export interface RawStat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Calls of Linux that take names as bytes, and folders by their number. They throw errors of Deno. */
export interface ByteCalls {
  /** Opens a folder, and returns its number. It is not read, only used. */
  openFolder(path: Uint8Array, follow: boolean): number;
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
let tried = false;

/** Opens the C library; undefined where it cannot be used, as on systems other than Linux. */
export function byteCalls(): ByteCalls | undefined {
  if (!tried) {
    tried = true;
    calls = Deno.build.os === "linux" ? open() : undefined;
  }
  return calls;
}

function open(): ByteCalls | undefined {
  // The first name is glibc's, the second is musl's.
  for (const name of ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`]) {
    try {
      return wrap(Deno.dlopen(name, SYMBOLS).symbols);
    } catch {
      // Try the next name.
    }
  }
  return undefined;
}

function wrap(symbols: Calls): ByteCalls {
  const done = (result: bigint): number => {
    if (result >= 0n) return Number(result);
    throw errorOf(errnoIn(symbols));
  };
  const openAt = (path: Uint8Array, flags: bigint) =>
    done(
      symbols.withPath(NUMBERS.openat, AT_FDCWD, z(path), flags, 0n, 0n),
    );
  return {
    openFolder: (path, follow) =>
      openAt(
        path,
        O_PATH | O_DIRECTORY | O_CLOEXEC | (follow ? 0n : O_NOFOLLOW),
      ),
    close: (fd) => void symbols.withFile(NUMBERS.close, BigInt(fd)),
    openFile: (path) => openAt(path, O_PATH | O_NOFOLLOW | O_CLOEXEC),

    list(path) {
      const fd = openAt(path, O_DIRECTORY | O_CLOEXEC);
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
      const buffer = new Uint8Array(256);
      done(
        symbols.withFlagsAndBuffer(
          NUMBERS.statx,
          AT_FDCWD,
          z(path),
          AT_SYMLINK_NOFOLLOW,
          STATX_BASIC,
          buffer,
        ),
      );
      return statIn(buffer);
    },

    readLink(path) {
      const buffer = new Uint8Array(4_096);
      const length = done(
        symbols.withPathAndBuffer(
          NUMBERS.readlinkat,
          AT_FDCWD,
          z(path),
          buffer,
          BigInt(buffer.length),
          0n,
        ),
      );
      return buffer.slice(0, length);
    },

    makeFolder: (path) =>
      void done(
        symbols.withPath(NUMBERS.mkdirat, AT_FDCWD, z(path), 0o700n, 0n, 0n),
      ),
    link: (target, path) =>
      void done(
        symbols.withTarget(NUMBERS.symlinkat, z(target), AT_FDCWD, z(path)),
      ),
    hardLink: (from, to) =>
      void done(
        symbols.withTwoPaths(
          NUMBERS.linkat,
          AT_FDCWD,
          z(from),
          AT_FDCWD,
          z(to),
          0n,
        ),
      ),
    rename: (from, to) =>
      void done(
        symbols.withTwoPaths(
          NUMBERS.renameat2,
          AT_FDCWD,
          z(from),
          AT_FDCWD,
          z(to),
          0n,
        ),
      ),
    remove: (path, isFolder) =>
      void done(
        symbols.withPath(
          NUMBERS.unlinkat,
          AT_FDCWD,
          z(path),
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
          z(path),
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
          z(path),
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
          z(path),
          timesOf(mtimeMs),
          AT_SYMLINK_NOFOLLOW,
          0n,
        ),
      ),
    sync(path) {
      const fd = openAt(path, O_DIRECTORY | O_CLOEXEC);
      symbols.withFile(NUMBERS.syncfs, BigInt(fd));
      symbols.withFile(NUMBERS.close, BigInt(fd));
    },
  };
}

/** Bytes of a path, ended by NUL. */
function z(path: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(path.length + 1);
  bytes.set(path);
  return bytes;
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
function statIn(buffer: Uint8Array): RawStat {
  const view = new DataView(buffer.buffer);
  const seconds = Number(view.getBigInt64(112, true));
  return {
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

function errnoIn(symbols: Calls): number {
  const pointer = symbols.errno();
  return pointer === null ? 0 : new Deno.UnsafePointerView(pointer).getInt32();
}

function errorOf(errno: number): Error {
  switch (errno) {
    case ENOENT:
      return new Deno.errors.NotFound("No such file or folder");
    case EACCES:
    case EPERM:
      return new Deno.errors.PermissionDenied("Permission denied");
    case EEXIST:
      return new Deno.errors.AlreadyExists("It exists");
    case ENOTDIR:
    case ELOOP:
      return new Deno.errors.NotADirectory("Not a folder");
    case EISDIR:
      return new Deno.errors.IsADirectory("It is a folder");
    case ENOTEMPTY:
      return new Error("The folder is not empty");
    default:
      return new Error(`The system gave error ${errno}`);
  }
}
