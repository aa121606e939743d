const PR_SET_CHILD_SUBREAPER = 36;
const PR_SET_TIMERSLACK = 29;
const PR_GET_TIMERSLACK = 30;

const WNOHANG = 1;
/** Linux: only children of the calling thread. */
const WNOTHREAD = 0x2000_0000;

/** What the agent asks of Linux that Deno has no function for. */
export interface Libc {
  /** Makes this process the one that orphaned descendants get as their parent; false if it cannot be. */
  becomeSubreaper(): boolean;
  /** The calling thread's timer slack in nanoseconds. */
  timerSlack(): number;
  /** Sets the calling thread's timer slack; what it forks from then on inherits it. */
  setTimerSlack(nanoseconds: number): void;
  /** Takes the status of an ended child of the calling thread; false if it is none or has not ended. */
  reap(pid: number): boolean;
}

let libc: Libc | undefined;
let tried = false;

/** The C library; undefined where there is none to be had, as on other systems than Linux. */
export function openLibc(): Libc | undefined {
  if (!tried) {
    tried = true;
    libc = Deno.build.os === "linux" ? open() : undefined;
  }
  return libc;
}

function open(): Libc | undefined {
  // glibc's name, then musl's.
  for (const name of ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`]) {
    try {
      return wrap(Deno.dlopen(name, SYMBOLS));
    } catch {
      // The next name, or none: the caller does without.
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
