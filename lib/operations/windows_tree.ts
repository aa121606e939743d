import { type Clock, sleep, systemClock } from "../base/clock.ts";
import type { ReapReceipt } from "./operation.ts";
import { WindowsJob } from "./windows_job.ts";

/** Time that ended processes need to be gone before they are given up, in milliseconds. */
const DYING_MS = 2_000;

/** Time between two looks at processes that end, in milliseconds. */
const LOOK_MS = 10;

/** Parts of a tree, which tests replace. */
export interface WindowsTreeParts {
  readonly clock?: Clock;
  /** Job of the process and its descendants; undefined where there can be none. */
  readonly job?: Pick<WindowsJob, "running" | "end" | "close"> | undefined;
  /** Ends a process and its descendants. Returns how many it found. */
  readonly endTree?: (pid: number) => Promise<number>;
}

/**
 * Processes of one command on Windows. Windows cannot ask a program to end, so asking ends it by force.
 *
 * Its job has all that was started once the command's program was in it. `taskkill` finds what that program had started
 * before: a moment at most.
 */
export class WindowsTree implements Disposable {
  readonly #pid: number;
  readonly #clock: Clock;
  readonly #job: WindowsTreeParts["job"];
  readonly #endTree: (pid: number) => Promise<number>;
  #signalled = 0;
  #alive: readonly number[] = [];

  /** @param pid Id of a process that was started a moment ago. */
  constructor(
    pid: number,
    { clock = systemClock, endTree = taskkill, ...parts }: WindowsTreeParts =
      {},
  ) {
    this.#pid = pid;
    this.#clock = clock;
    this.#endTree = endTree;
    this.#job = "job" in parts ? parts.job : WindowsJob.of(pid);
  }

  /** Does the same as `end`. */
  ask(): Promise<number> {
    return this.end();
  }

  /** Ends the leader and its descendants. Returns how many are still alive, as far as is known. */
  async end(): Promise<number> {
    const inJob = this.#job?.running ?? 0;
    // Before the job: once the leader has ended, nothing leads to what it has started.
    const inTree = await this.#endTree(this.#pid);
    this.#job?.end();
    this.#signalled += Math.max(inJob, inTree);
    const isGone = this.#job === undefined
      ? this.#signalled > 0
      : await this.#waitForJob();
    this.#alive = isGone ? [] : [this.#pid];
    return 0;
  }

  /** Receipt of all ended processes so far. */
  receipt(): ReapReceipt {
    return { signalled: this.#signalled, alive: this.#alive };
  }

  [Symbol.dispose](): void {
    this.#job?.close();
  }

  async #waitForJob(): Promise<boolean> {
    const end = this.#clock.monotonic() + DYING_MS;
    while ((this.#job?.running ?? 0) > 0) {
      if (this.#clock.monotonic() >= end) return false;
      await sleep(this.#clock, LOOK_MS);
    }
    return true;
  }
}

/** Source: taskkill, Microsoft Learn. Processes that were orphaned before the call are not found. */
async function taskkill(pid: number): Promise<number> {
  try {
    const { stdout } = await new Deno.Command("taskkill", {
      args: ["/T", "/F", "/PID", String(pid)],
      stdin: "null",
      stderr: "null",
    }).output();
    // The output has a line for each process that was ended, in the system's language.
    const lines = new TextDecoder("latin1").decode(stdout).split("\n");
    return lines.filter((line) => line.trim() !== "").length;
  } catch {
    // A small Windows may lack the program. The job has nearly all of them.
    return 0;
  }
}
