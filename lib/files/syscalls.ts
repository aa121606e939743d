import { openCLibrary } from "../base/c_library.ts";

/** Numbers of the system calls of Linux. */
export const NUMBERS = Deno.build.arch === "aarch64"
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
    lseek: 62n,
    read: 63n,
    write: 64n,
    ftruncate: 46n,
    openat2: 437n,
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
    lseek: 8n,
    read: 0n,
    write: 1n,
    ftruncate: 77n,
    openat2: 437n,
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
  withNumbers: {
    name: "syscall",
    parameters: ["i64", "i64", "i64", "i64"],
    result: "i64",
  },
  withFile: { name: "syscall", parameters: ["i64", "i64"], result: "i64" },
  errno: { name: "__errno_location", parameters: [], result: "pointer" },
} as const;

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** System calls of Linux by the forms of their arguments. */
export interface Syscalls {
  readonly symbols: Symbols;
  /** Result of a call. Throws an error of Deno if it failed. */
  done(result: bigint): number;
}

let syscalls: Syscalls | undefined;
let tried = false;

/** Opens the C library; undefined where it cannot be used, as on systems other than Linux. */
export function openSyscalls(): Syscalls | undefined {
  if (!tried) {
    tried = true;
    syscalls = Deno.build.os === "linux" ? open() : undefined;
  }
  return syscalls;
}

function open(): Syscalls | undefined {
  const library = openCLibrary(SYMBOLS);
  if (library === undefined) return undefined;
  const { symbols } = library;
  return {
    symbols,
    done(result) {
      if (result >= 0n) return Number(result);
      throw errorOf(errnoIn(symbols));
    },
  };
}

/** Stands for the folder of this process, as the start of paths that are not absolute. */
export const AT_FDCWD = -100n;

/** Flags of openat(2). */
export const OPEN = {
  write: 1n,
  readWrite: 2n,
  create: 0o100n,
  exclusive: 0o200n,
  closeOnExec: 0o2_000_000n,
  folder: Deno.build.arch === "aarch64" ? 0o40_000n : 0o200_000n,
  noFollow: Deno.build.arch === "aarch64" ? 0o100_000n : 0o400_000n,
  path: 0o10_000_000n,
} as const;

/** Bytes of a path, ended by NUL. */
export function pathBytes(path: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(path.length + 1);
  bytes.set(path);
  return bytes;
}

const ENOENT = 2;
const EACCES = 13;
const EPERM = 1;
const EEXIST = 17;
const ENOTDIR = 20;
const EISDIR = 21;
const ENOTEMPTY = 39;
const ELOOP = 40;

function errnoIn(symbols: Symbols): number {
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
