const PR_SET_CHILD_SUBREAPER = 36;
const PR_SET_TIMERSLACK = 29;
const PR_GET_TIMERSLACK = 30;

const WNOHANG = 1;
/** Limits wait to children of the calling thread. Only on Linux. */
const WNOTHREAD = 0x2000_0000;

/** Functions of Linux that Deno does not have. */
export interface Libc {
  /** Makes this process the parent of its orphaned descendants; false if the system refuses. */
  becomeSubreaper(): boolean;
  /** Timer slack of the calling thread, in nanoseconds. */
  timerSlack(): number;
  /** Sets the timer slack of the calling thread. Processes that it forks afterwards inherit it. */
  setTimerSlack(nanoseconds: number): void;
  /** Collects the exit status of a child of the calling thread; false if it is no child or has not ended. */
  reap(pid: number): boolean;
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
  // The first name is glibc's, the second is musl's.
  for (const name of ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`]) {
    try {
      return wrap(Deno.dlopen(name, SYMBOLS));
    } catch {
      // Try the next name; without any, the caller does without the library.
    }
  }
  return undefined;
}

const SYMBOLS = {
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const;

function wrap({ symbols }: Deno.DynamicLibrary<typeof SYMBOLS>): Libc {
  const prctl = (option: number, value: number) =>
    symbols.prctl(option, BigInt(value), 0n, 0n, 0n);
  return {
    becomeSubreaper: () => prctl(PR_SET_CHILD_SUBREAPER, 1) === 0,
    timerSlack: () => prctl(PR_GET_TIMERSLACK, 0),
    setTimerSlack: (nanoseconds) => void prctl(PR_SET_TIMERSLACK, nanoseconds),
    reap: (pid) =>
      symbols.waitpid(pid, new Uint8Array(4), WNOHANG | WNOTHREAD) === pid,
  };
}
