import {
  openWindowsLibrary,
  type WindowsLibrary,
} from "../base/windows_library.ts";

const PROCESS_TERMINATE = 0x0001;
const PROCESS_SET_QUOTA = 0x0100;

/** Class of information that has the count of processes. */
const BASIC_ACCOUNTING = 1;
const BASIC_ACCOUNTING_BYTES = 48;
const ACTIVE_PROCESSES_AT = 40;

/** Class of information that has the limits. */
const EXTENDED_LIMIT = 9;
const EXTENDED_LIMIT_BYTES = 144;
const LIMIT_FLAGS_AT = 16;
const BREAKAWAY_OK = 0x0800;
const KILL_ON_JOB_CLOSE = 0x2000;

/** Largest number of a handle of this process that is looked at. Handles are multiples of 4. */
const MAX_HANDLE = 0x8000n;

/** Exit code of processes that are ended, the same as that of `taskkill`. */
const ENDED = 1;

const KERNEL = {
  CreateJobObjectW: { parameters: ["pointer", "pointer"], result: "isize" },
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "isize" },
  AssignProcessToJobObject: { parameters: ["isize", "isize"], result: "i32" },
  TerminateJobObject: { parameters: ["isize", "u32"], result: "i32" },
  SetInformationJobObject: {
    parameters: ["isize", "i32", "buffer", "u32"],
    result: "i32",
  },
  QueryInformationJobObject: {
    parameters: ["isize", "i32", "buffer", "u32", "pointer"],
    result: "i32",
  },
  CloseHandle: { parameters: ["isize"], result: "i32" },
} as const;

/**
 * A job object of Windows: a process and all that it and its descendants start from then on, also those whose parents
 * have ended. A process that asks for it may start others outside of the job: some programs fail where that is forbidden.
 *
 * Source: Job Objects, Microsoft Learn.
 */
export class WindowsJob {
  readonly #kernel: WindowsLibrary<typeof KERNEL>;
  #job: bigint;

  private constructor(kernel: WindowsLibrary<typeof KERNEL>, job: bigint) {
    this.#kernel = kernel;
    this.#job = job;
  }

  /** Makes a job of a process that was started a moment ago; undefined where Windows or this program's rights forbid it. */
  static of(pid: number): WindowsJob | undefined {
    let kernel: WindowsLibrary<typeof KERNEL>;
    try {
      kernel = openWindowsLibrary("kernel32.dll", KERNEL, "end programs");
    } catch {
      return undefined;
    }
    const { symbols } = kernel;
    const made = new WindowsJob(kernel, symbols.CreateJobObjectW(null, null));
    setFlags(kernel, made.#job, BREAKAWAY_OK);
    const rights = PROCESS_TERMINATE | PROCESS_SET_QUOTA;
    const leader = symbols.OpenProcess(rights, 0, pid);
    const assigned = made.#job !== 0n && leader !== 0n &&
      symbols.AssignProcessToJobObject(made.#job, leader) !== 0;
    if (leader !== 0n) symbols.CloseHandle(leader);
    keepChildren(kernel);
    if (assigned) return made;
    made.close();
    return undefined;
  }

  /** Count of its processes that run; undefined if Windows does not tell. */
  get running(): number | undefined {
    return runningIn(this.#kernel, this.#job);
  }

  /** Ends all of its processes by force; false if Windows refuses. */
  end(): boolean {
    return this.#kernel.symbols.TerminateJobObject(this.#job, ENDED) !== 0;
  }

  /** Forgets the job. Its processes go on. */
  close(): void {
    if (this.#job !== 0n) this.#kernel.symbols.CloseHandle(this.#job);
    this.#job = 0n;
    this.#kernel[Symbol.dispose]();
  }
}

let isKept = false;

/**
 * Lets the programs that this process starts live longer than it does. The runtime has a job of its own for them, which
 * would end them and all daemons that they have started. Nobody tells its handle, so the own handles are tried once.
 */
function keepChildren(kernel: WindowsLibrary<typeof KERNEL>): void {
  if (isKept) return;
  isKept = true;
  for (let handle = 4n; handle < MAX_HANDLE; handle += 4n) {
    if (runningIn(kernel, handle) === undefined) continue;
    const flags = flagsOf(kernel, handle);
    // Wine tells no flags of a job, and takes them.
    if (flags !== 0 && (flags & KILL_ON_JOB_CLOSE) === 0) continue;
    setFlags(kernel, handle, flags & ~KILL_ON_JOB_CLOSE);
  }
}

/** Count of the processes of a job that run; undefined for a handle of something else. */
function runningIn(
  { symbols }: WindowsLibrary<typeof KERNEL>,
  handle: bigint,
): number | undefined {
  const facts = new Uint8Array(BASIC_ACCOUNTING_BYTES);
  const got = symbols.QueryInformationJobObject(
    handle,
    BASIC_ACCOUNTING,
    facts,
    facts.length,
    null,
  );
  if (got === 0) return undefined;
  return new DataView(facts.buffer).getUint32(ACTIVE_PROCESSES_AT, true);
}

/** Limits of a job. */
function flagsOf(
  { symbols }: WindowsLibrary<typeof KERNEL>,
  job: bigint,
): number {
  const limits = new Uint8Array(EXTENDED_LIMIT_BYTES);
  symbols.QueryInformationJobObject(
    job,
    EXTENDED_LIMIT,
    limits,
    limits.length,
    null,
  );
  return new DataView(limits.buffer).getUint32(LIMIT_FLAGS_AT, true);
}

function setFlags(
  { symbols }: WindowsLibrary<typeof KERNEL>,
  job: bigint,
  flags: number,
): void {
  const limits = new Uint8Array(EXTENDED_LIMIT_BYTES);
  new DataView(limits.buffer).setUint32(LIMIT_FLAGS_AT, flags, true);
  symbols.SetInformationJobObject(job, EXTENDED_LIMIT, limits, limits.length);
}
