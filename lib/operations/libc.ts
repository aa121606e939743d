import { openCLibrary } from "../base/c_library.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const PR_SET_TIMERSLACK = 29;
const PR_GET_TIMERSLACK = 30;

/** Kind of the number that waitid gets: a process id. */
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
/** Leaves the child as it is. */
const WNOWAIT = 0x0100_0000;
/** Limits wait to children of the calling thread. Only on Linux. */
const WNOTHREAD = 0x2000_0000;

/** Version 3 of the structures of capset: two words for each set. */
const CAPABILITY_VERSION = 0x2008_0522;

/** Size of siginfo_t, in words of 4 bytes. Its first one is a signal's number, or 0 if waitid found nothing. */
const SIGINFO_WORDS = 32;

/** Count of groups that there is room for at first. */
const COMMON_GROUPS = 64;

/** Numbers of system calls. The library's own functions of these names change all threads of the process. */
const SYSCALLS = Deno.build.arch === "aarch64"
  ? { setgroups: 159n, setresgid: 149n }
  : { setgroups: 116n, setresgid: 119n };

/** Real, effective and saved group of a thread. */
export type GroupIds = readonly [number, number, number];

/** Limit of a resource: of what counts now, and of what a process may raise it to. */
export interface ResourceLimit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** Functions of Linux that Deno does not have. Those that return a boolean return false if the system refuses. */
export interface Libc {
  /** Makes this process the parent of its orphaned descendants. */
  becomeSubreaper(): boolean;
  /** Timer slack of the calling thread, in nanoseconds. */
  timerSlack(): number;
  /** Sets the timer slack of the calling thread. Processes that it forks afterwards inherit it. */
  setTimerSlack(nanoseconds: number): void;
  /** True for a child of the calling thread that has ended and whose status nobody has collected. */
  hasEnded(pid: number): boolean;
  /** Collects the exit status of a child of the calling thread; false if it is no child or has not ended. */
  reap(pid: number): boolean;
  /** Groups of a user as a login has them, from all sources that the system uses. The given one is the first. */
  groupsOf(user: string, gid: number): Promise<readonly number[]>;
  /** Supplementary groups of the calling thread. */
  threadGroups(): readonly number[];
  /** Sets the supplementary groups of the calling thread only. Processes that it forks afterwards inherit them. */
  setThreadGroups(groups: readonly number[]): boolean;
  threadGroupIds(): GroupIds;
  /** Sets the groups of the calling thread only. */
  setThreadGroupIds(ids: GroupIds): boolean;
  /** Capabilities of the calling thread: effective, permitted and inheritable, lower words before upper ones. */
  threadCapabilities(): Uint32Array<ArrayBuffer>;
  /** Sets the capabilities of the calling thread only. */
  setThreadCapabilities(capabilities: Uint32Array<ArrayBuffer>): boolean;
  /** Limit of a resource of this process, by the resource's number. */
  resourceLimit(resource: number): ResourceLimit;
  setResourceLimit(resource: number, limit: ResourceLimit): boolean;
}

let libc: Libc | undefined;
let tried = false;

/** Opens the C library; undefined if it cannot be used, as on systems other than Linux. */
export function openLibc(): Libc | undefined {
  if (!tried) {
    tried = true;
    libc = Deno.build.os === "linux" ? open() : undefined;
  }
  return libc;
}

function open(): Libc | undefined {
  const library = openCLibrary(SYMBOLS);
  return library === undefined ? undefined : wrap(library);
}

const SYMBOLS = {
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // A directory service may take seconds to answer.
  getgrouplist: {
    parameters: ["buffer", "u32", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  getresgid: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  setgroups: {
    name: "syscall",
    parameters: ["i64", "i64", "buffer"],
    result: "i64",
  },
  setresgid: {
    name: "syscall",
    parameters: ["i64", "i64", "i64", "i64"],
    result: "i64",
  },
} as const;

function wrap({ symbols }: Deno.DynamicLibrary<typeof SYMBOLS>): Libc {
  const prctl = (option: number, value: number) =>
    symbols.prctl(option, BigInt(value), 0n, 0n, 0n);
  return {
    becomeSubreaper: () => prctl(PR_SET_CHILD_SUBREAPER, 1) === 0,
    timerSlack: () => prctl(PR_GET_TIMERSLACK, 0),
    setTimerSlack: (nanoseconds) => void prctl(PR_SET_TIMERSLACK, nanoseconds),
    hasEnded(pid) {
      const info = new Int32Array(SIGINFO_WORDS);
      const look = WEXITED | WNOHANG | WNOWAIT | WNOTHREAD;
      return symbols.waitid(P_PID, pid, info, look) === 0 && info[0] !== 0;
    },
    reap: (pid) =>
      symbols.waitpid(pid, new Uint8Array(4), WNOHANG | WNOTHREAD) === pid,

    async groupsOf(user, gid) {
      const name = new TextEncoder().encode(`${user}\0`);
      for (let room = COMMON_GROUPS;;) {
        const groups = new Uint32Array(room);
        const count = new Int32Array([room]);
        const found = await symbols.getgrouplist(name, gid, groups, count);
        if (found >= 0) return [...groups.subarray(0, found)];
        // It says how many there are; musl says so only if that fits.
        room = Math.max(room * 2, count[0] ?? 0);
      }
    },

    threadGroups() {
      const groups = new Uint32Array(symbols.getgroups(0, null));
      return [...groups.subarray(0, symbols.getgroups(groups.length, groups))];
    },
    setThreadGroups: (groups) =>
      symbols.setgroups(
        SYSCALLS.setgroups,
        BigInt(groups.length),
        new Uint32Array(groups),
      ) === 0n,
    threadGroupIds() {
      const ids = [0, 1, 2].map(() => new Uint32Array(1));
      const [real, effective, saved] = ids;
      symbols.getresgid(real ?? null, effective ?? null, saved ?? null);
      return [real?.[0] ?? 0, effective?.[0] ?? 0, saved?.[0] ?? 0];
    },
    setThreadGroupIds: ([real, effective, saved]) =>
      symbols.setresgid(
        SYSCALLS.setresgid,
        BigInt(real),
        BigInt(effective),
        BigInt(saved),
      ) === 0n,

    threadCapabilities() {
      const words = new Uint32Array(6);
      symbols.capget(new Uint32Array([CAPABILITY_VERSION, 0]), words);
      return words;
    },
    setThreadCapabilities: (words) =>
      symbols.capset(new Uint32Array([CAPABILITY_VERSION, 0]), words) === 0,

    resourceLimit(resource) {
      const pair = new BigUint64Array(2);
      symbols.prlimit(0, resource, null, pair);
      return { soft: pair[0] ?? 0n, hard: pair[1] ?? 0n };
    },
    setResourceLimit: (resource, { soft, hard }) =>
      symbols.prlimit(0, resource, new BigUint64Array([soft, hard]), null) ===
        0,
  };
}
